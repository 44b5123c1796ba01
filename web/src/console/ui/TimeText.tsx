// A time in the reader's zone, with UTC on hover.
import { parseTime } from '../app/idle';
import { useConsole } from '../app/context';
import type { Time } from '../api/models';
import { formatAge } from './formatAge';

export function TimeText({ value, relative = false }: { value: Time | null | undefined; relative?: boolean }) {
  const { language } = useConsole();
  if (!value) return <>–</>;
  const at = parseTime(value);
  if (Number.isNaN(at)) return <>{value}</>;
  const date = new Date(at);
  const local = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' }).format(date);
  const utc = `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
  return (
    <time dateTime={date.toISOString()} title={relative ? `${local} · ${utc}` : utc}>
      {relative ? formatAge(language, at - Date.now()) : local}
    </time>
  );
}

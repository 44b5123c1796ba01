// Dates on a document: calendar days without a time zone. Pure.

export interface DateParts {
  day: string;
  month: string;
  year: string;
}

/** `YYYY-MM-DD`, or the kind of error in the parts. */
export function toIsoDate({ day, month, year }: DateParts, today: Date): { iso: string } | { wrong: 'missing' | 'bad' | 'future' } {
  if (!day || !month || !year) return { wrong: 'missing' };
  const [d, m, y] = [day, month, year].map(Number) as [number, number, number];
  const date = new Date(Date.UTC(y, m - 1, d));
  const exists = /^\d{4}$/.test(year) && y >= 1850 && date.getUTCMonth() === m - 1 && date.getUTCDate() === d;
  if (!exists) return { wrong: 'bad' };
  if (date > today) return { wrong: 'future' };
  return { iso: date.toISOString().slice(0, 10) };
}

export function toDateParts(iso: string | undefined): DateParts {
  const found = /^(\d{4})-(\d{2})-(\d{2})/.exec(iso ?? '');
  return { year: found?.[1] ?? '', month: String(Number(found?.[2] ?? '') || ''), day: String(Number(found?.[3] ?? '') || '') };
}

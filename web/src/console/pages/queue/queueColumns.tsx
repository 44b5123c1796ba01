// The columns of the queue: no photo and no full name.
import { Link } from '@tanstack/react-router';
import type { ReviewRow } from '../../api/models';
import { useConsole } from '../../app/context';
import { parseTime } from '../../app/idle';
import { Badge } from '../../ui/Badge';
import type { Column } from '../../ui/DataTable';
import { TimeText } from '../../ui/TimeText';
import { OUTCOME_TONES, STATE_TONES, countryWord, documentWord, findingWord } from '../../ui/words';
import type { QueueTab } from './queueSearch';

const MAX_FINDINGS = 2;

export function useQueueColumns(tab: QueueTab): Column<ReviewRow>[] {
  const ui = useConsole();
  const { t } = ui;
  const columns: Column<ReviewRow>[] = [
    { id: 'person', title: t('queue.person'), cell: (row) => <PersonCell row={row} /> },
    { id: 'due', title: tab === 'decided' ? t('queue.decided_at') : t('queue.due'), cell: (row) => <DueCell row={row} tab={tab} /> },
    { id: 'country', title: t('field.country'), cell: (row) => countryWord(ui, row.country) },
    { id: 'document', title: t('field.document'), cell: (row) => documentWord(ui, row.document_type) },
    { id: 'findings', title: t('queue.findings'), cell: (row) => <FindingsCell codes={row.findings} /> },
    { id: 'team', title: t('field.team'), cell: (row) => row.team || '–' },
    { id: 'holder', title: t('queue.holder'), cell: (row) => <HolderCell row={row} /> },
    { id: 'tries', title: t('queue.tries'), cell: (row) => row.tries, isNumber: true },
  ];
  if (tab !== 'decided') return columns;
  const outcome: Column<ReviewRow> = {
    id: 'outcome',
    title: t('queue.outcome'),
    cell: (row) => (row.outcome ? <Badge tone={OUTCOME_TONES[row.outcome]}>{t(`outcome.${row.outcome}`)}</Badge> : <Badge>{t(`state.${row.state}`)}</Badge>),
  };
  return [...columns.slice(0, 2), outcome, ...columns.slice(2)];
}

function PersonCell({ row }: { row: ReviewRow }) {
  const { t } = useConsole();
  const details = [row.birth_year && `*${row.birth_year}`, row.document_number_end && `…${row.document_number_end}`].filter(Boolean);
  return (
    <>
      <Link to="/reviews/$id" params={{ id: row.id }}>
        {row.initials || t('queue.unnamed')}
      </Link>{' '}
      <span className="fine">{details.join(' · ')}</span>
    </>
  );
}

function DueCell({ row, tab }: { row: ReviewRow; tab: QueueTab }) {
  const { t } = useConsole();
  if (tab === 'decided') return <TimeText value={row.decided_at ?? row.created} />;
  const isLate = parseTime(row.due_at) < Date.now();
  return (
    <span className="badges">
      <TimeText value={row.due_at} relative />
      {isLate && <Badge tone="bad">{t('queue.late')}</Badge>}
      {row.priority === 'high' && <Badge tone="note">{t('queue.high')}</Badge>}
    </span>
  );
}

function FindingsCell({ codes }: { codes: readonly string[] }) {
  const ui = useConsole();
  if (codes.length === 0) return <span className="fine">{ui.t('queue.no_findings')}</span>;
  const more = codes.length - MAX_FINDINGS;
  return (
    <span className="badges">
      {codes.slice(0, MAX_FINDINGS).map((code) => (
        <Badge key={code} tone="note">
          {findingWord(ui, code)}
        </Badge>
      ))}
      {more > 0 && <Badge>{ui.t('queue.more_findings', { count: more })}</Badge>}
    </span>
  );
}

function HolderCell({ row }: { row: ReviewRow }) {
  const { t } = useConsole();
  if (row.holder) return <>{row.holder.name}</>;
  return row.state === 'open' ? <span className="fine">{t('queue.free')}</span> : <Badge tone={STATE_TONES[row.state]}>{t(`state.${row.state}`)}</Badge>;
}

// The catalogue of reasons: what reviewers read and what the person reads. It is part of the program and read only.
import { useQuery } from '@tanstack/react-query';
import { listReasons } from '../../api/reviews';
import type { Reason } from '../../api/models';
import { useConsole } from '../../app/context';
import { Spinner } from '../../../shared/ui/parts';
import { Badge } from '../../ui/Badge';
import { type Column, DataTable } from '../../ui/DataTable';
import { ErrorNote } from '../../ui/ErrorNote';
import { reasonText } from '../case/decisionForm';

const CLASS_TONES = { clear: 'plain', retry: 'plain', caution: 'note', suspect: 'bad' } as const;

export function ReasonsSection() {
  const { t, language } = useConsole();
  const reasons = useQuery({ queryKey: ['reasons'], queryFn: listReasons, staleTime: 600_000 });
  const columns: Column<Reason>[] = [
    { id: 'code', title: t('reasons.code'), cell: (row) => <code>{row.code}</code> },
    { id: 'internal', title: t('reasons.internal'), cell: (row) => reasonText(row, 'internal', language) },
    { id: 'person', title: t('reasons.person'), cell: (row) => reasonText(row, 'person', language) },
    { id: 'class', title: t('reasons.class'), cell: (row) => <Badge tone={CLASS_TONES[row.class]}>{t(`reasons.class_${row.class}`)}</Badge> },
    { id: 'retry', title: t('reasons.retry'), cell: (row) => t(`reasons.retry_${row.retry}`) },
    { id: 'private', title: t('reasons.private'), cell: (row) => t(row.private ? 'common.yes' : 'common.no') },
  ];
  return (
    <>
      <p className="fine">{t('reasons.text')}</p>
      {reasons.error && <ErrorNote error={reasons.error} onRetry={() => void reasons.refetch()} />}
      {reasons.isPending && <Spinner large />}
      {reasons.data && (
        <div className="table-box">
          <DataTable caption={t('settings.reasons')} columns={columns} rows={reasons.data} rowKey={(row) => row.code} empty={t('list.empty')} />
        </div>
      )}
    </>
  );
}

// The sessions of the own account: where they are from, and ending them.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { endSession, listSessions } from '../../api/session';
import type { SignInSession } from '../../api/models';
import { Button, Spinner } from '../../../shared/ui/parts';
import { Badge } from '../../ui/Badge';
import { DataTable } from '../../ui/DataTable';
import { ErrorNote } from '../../ui/ErrorNote';
import { Panel } from '../../ui/Page';
import { TimeText } from '../../ui/TimeText';
import { useConsole } from '../../app/context';

export function SessionsPanel() {
  const { t, toast } = useConsole();
  const client = useQueryClient();
  const sessions = useQuery({ queryKey: ['sessions'], queryFn: listSessions });
  const end = useMutation({
    mutationFn: endSession,
    onSuccess: () => {
      toast(t('account.session_ended'));
      void client.invalidateQueries({ queryKey: ['sessions'] });
    },
  });
  const columns = [
    { id: 'browser', title: t('account.browser'), cell: (row: SignInSession) => row.browser || '–' },
    { id: 'address', title: t('account.address'), cell: (row: SignInSession) => row.address || '–' },
    { id: 'created', title: t('account.signed_in'), cell: (row: SignInSession) => <TimeText value={row.created} /> },
    { id: 'seen', title: t('account.last_seen'), cell: (row: SignInSession) => <TimeText value={row.last_seen} relative /> },
    {
      id: 'end',
      title: t('common.actions'),
      cell: (row: SignInSession) =>
        row.current ? (
          <Badge tone="brand">{t('account.this_session')}</Badge>
        ) : (
          <Button kind="quiet" busy={end.isPending && end.variables === row.id} onClick={() => end.mutate(row.id)}>
            {t('account.end_session')}
          </Button>
        ),
    },
  ];
  return (
    <Panel title={t('account.sessions')}>
      {sessions.error && <ErrorNote error={sessions.error} onRetry={() => void sessions.refetch()} />}
      {end.error && <ErrorNote error={end.error} />}
      {sessions.isPending && <Spinner />}
      {sessions.data && <DataTable caption={t('account.sessions')} columns={columns} rows={sessions.data} rowKey={(row) => row.id} empty={t('list.empty')} />}
    </Panel>
  );
}

// What an endpoint got, gets next, and did not get; and sending one again.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { resendDelivery } from '../../api/settings';
import type { Webhook, WebhookDelivery } from '../../api/models';
import { useCan, useConsole } from '../../app/context';
import { Button, Spinner } from '../../../shared/ui/parts';
import { Badge } from '../../ui/Badge';
import { type Column, DataTable } from '../../ui/DataTable';
import { ErrorNote } from '../../ui/ErrorNote';
import { MoreButton } from '../../ui/MoreButton';
import { Panel } from '../../ui/Page';
import { TimeText } from '../../ui/TimeText';
import { useList } from '../../ui/useList';

const STATE_TONES = { due: 'note', delivered: 'good', exhausted: 'bad', dropped: 'plain' } as const;

export function Deliveries({ webhook }: { webhook: Webhook }) {
  const { t, toast } = useConsole();
  const mayWrite = useCan('webhooks:write');
  const client = useQueryClient();
  const key = ['webhooks', 'deliveries', webhook.id];
  const list = useList<WebhookDelivery>({ key, path: `/api/webhooks/${webhook.id}/deliveries`, every: 15_000 });
  const resend = useMutation({
    mutationFn: (id: string) => resendDelivery(webhook.id, id),
    onSuccess: () => {
      toast(t('webhooks.resent'));
      void client.invalidateQueries({ queryKey: key });
    },
  });
  const columns: Column<WebhookDelivery>[] = [
    { id: 'event', title: t('webhooks.event'), cell: (row) => row.event_type },
    { id: 'created', title: t('field.created'), cell: (row) => <TimeText value={row.created} /> },
    { id: 'state', title: t('profiles.status'), cell: (row) => <Badge tone={STATE_TONES[row.state] ?? 'plain'}>{t(`webhooks.${row.state}`)}</Badge> },
    { id: 'attempts', title: t('queue.tries'), cell: (row) => row.attempts, isNumber: true },
    { id: 'last', title: t('webhooks.last'), cell: (row) => [row.last_status, row.last_error].filter(Boolean).join(' · ') || '–' },
    { id: 'due', title: t('webhooks.next'), cell: (row) => <TimeText value={row.due_at} relative /> },
    ...(mayWrite
      ? [
          {
            id: 'acts',
            title: t('common.actions'),
            cell: (row: WebhookDelivery) => (
              <Button kind="quiet" busy={resend.isPending && resend.variables === row.id} onClick={() => resend.mutate(row.id)}>
                {t('webhooks.resend')}
              </Button>
            ),
          },
        ]
      : []),
  ];
  return (
    <Panel title={t('webhooks.deliveries')}>
      {list.error && <ErrorNote error={list.error} onRetry={() => void list.refetch()} />}
      {resend.error && <ErrorNote error={resend.error} />}
      {list.isPending && <Spinner />}
      {list.data && <DataTable caption={t('webhooks.deliveries')} columns={columns} rows={list.rows} rowKey={(row) => row.id} empty={t('list.empty')} />}
      {list.hasNextPage && <MoreButton hasMore isLoading={list.isFetchingNextPage} onMore={() => void list.fetchNextPage()} count={list.rows.length} />}
    </Panel>
  );
}

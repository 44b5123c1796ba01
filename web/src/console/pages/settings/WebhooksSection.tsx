// Webhook endpoints: making, switching, testing, rotating their secret; and what was delivered.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { changeWebhook, deleteWebhook, readWebhookSecret, rotateWebhookSecret, testWebhook } from '../../api/settings';
import type { Webhook } from '../../api/models';
import { useCan, useConsole } from '../../app/context';
import { Button, Spinner } from '../../../shared/ui/parts';
import { Badge } from '../../ui/Badge';
import { ConfirmDialog } from '../../ui/ConfirmDialog';
import { type Column, DataTable } from '../../ui/DataTable';
import { ErrorNote } from '../../ui/ErrorNote';
import { MoreButton } from '../../ui/MoreButton';
import { SecretOnce } from '../../ui/SecretOnce';
import { useList } from '../../ui/useList';
import { Deliveries } from './Deliveries';
import { WebhookDialog } from './WebhookDialog';

export function WebhooksSection() {
  const { t } = useConsole();
  const mayWrite = useCan('webhooks:write');
  const client = useQueryClient();
  const list = useList<Webhook>({ key: ['webhooks', 'list'], path: '/api/webhooks' });
  const [isAdding, setAdding] = useState(false);
  const [shown, setShown] = useState<Webhook | null>(null);
  const [secret, setSecret] = useState<{ text: string; isNew: boolean } | null>(null);
  const columns: Column<Webhook>[] = [
    { id: 'url', title: t('webhooks.url'), cell: (row) => <code>{row.url}</code> },
    { id: 'events', title: t('webhooks.events'), cell: (row) => row.events.join(', ') },
    { id: 'team', title: t('field.team'), cell: (row) => row.team ?? t('common.all') },
    { id: 'state', title: t('profiles.status'), cell: (row) => <EndpointState webhook={row} /> },
    {
      id: 'acts',
      title: t('common.actions'),
      cell: (row) => (
        <Button kind="quiet" aria-expanded={shown?.id === row.id} onClick={() => setShown(shown?.id === row.id ? null : row)}>
          {t('webhooks.show')}
        </Button>
      ),
    },
  ];
  const current = list.rows.find((each) => each.id === shown?.id) ?? null;
  return (
    <>
      {mayWrite && (
        <div className="actions start">
          <Button onClick={() => setAdding(true)}>{t('webhooks.add')}</Button>
        </div>
      )}
      {list.error && <ErrorNote error={list.error} onRetry={() => void list.refetch()} />}
      {list.isPending && <Spinner large />}
      {list.data && (
        <div className="table-box">
          <DataTable caption={t('settings.webhooks')} columns={columns} rows={list.rows} rowKey={(row) => row.id} empty={t('webhooks.empty')} />
        </div>
      )}
      {list.hasNextPage && <MoreButton hasMore isLoading={list.isFetchingNextPage} onMore={() => void list.fetchNextPage()} count={list.rows.length} />}
      {current && mayWrite && <EndpointActs key={current.id} webhook={current} onSecret={setSecret} onGone={() => setShown(null)} />}
      {current && <Deliveries key={`deliveries-${current.id}`} webhook={current} />}
      {isAdding && (
        <WebhookDialog
          onClose={() => setAdding(false)}
          onCreated={(made) => {
            setAdding(false);
            setSecret({ text: made, isNew: true });
            void client.invalidateQueries({ queryKey: ['webhooks'] });
          }}
        />
      )}
      {secret !== null && (
        <SecretOnce
          title={t('webhooks.secret')}
          text={t('webhooks.secret_text')}
          secret={secret.text}
          {...(!secret.isNew && { note: t('webhooks.secret_noted') })}
          onClose={() => setSecret(null)}
        />
      )}
    </>
  );
}

function EndpointState({ webhook }: { webhook: Webhook }) {
  const { t } = useConsole();
  if (!webhook.enabled) return <Badge tone="bad">{t('common.off')}</Badge>;
  if (webhook.failing_since) return <Badge tone="note">{t('webhooks.failing', { count: webhook.failures })}</Badge>;
  return <Badge tone="good">{t('common.on')}</Badge>;
}

interface ActsProps {
  webhook: Webhook;
  onSecret: (secret: { text: string; isNew: boolean }) => void;
  onGone: () => void;
}

function EndpointActs({ webhook, onSecret, onGone }: ActsProps) {
  const { t, toast } = useConsole();
  const client = useQueryClient();
  const [asks, setAsks] = useState<'rotate' | 'delete' | null>(null);
  const refresh = (): void => {
    void client.invalidateQueries({ queryKey: ['webhooks'] });
  };
  const change = useMutation({ mutationFn: () => changeWebhook(webhook.id, { enabled: !webhook.enabled }), onSettled: refresh });
  const test = useMutation({
    mutationFn: () => testWebhook(webhook.id),
    onSuccess: () => {
      toast(t('webhooks.tested'));
      refresh();
    },
  });
  const rotate = useMutation({
    mutationFn: () => rotateWebhookSecret(webhook.id),
    onSuccess: ({ secret }) => {
      setAsks(null);
      onSecret({ text: secret, isNew: true });
    },
  });
  const show = useMutation({ mutationFn: () => readWebhookSecret(webhook.id), onSuccess: (text) => onSecret({ text, isNew: false }) });
  const remove = useMutation({
    mutationFn: () => deleteWebhook(webhook.id),
    onSuccess: () => {
      onGone();
      refresh();
    },
  });
  const act = asks === 'rotate' ? rotate : remove;
  return (
    <div className="stack">
      <div className="actions start">
        <Button kind="secondary" busy={test.isPending} onClick={() => test.mutate()}>
          {t('webhooks.test')}
        </Button>
        <Button kind="secondary" busy={change.isPending} onClick={() => change.mutate()}>
          {t(webhook.enabled ? 'webhooks.disable' : 'webhooks.enable')}
        </Button>
        <Button kind="secondary" busy={show.isPending} onClick={() => show.mutate()}>
          {t('webhooks.show_secret')}
        </Button>
        <Button kind="secondary" onClick={() => setAsks('rotate')}>
          {t('webhooks.rotate')}
        </Button>
        <Button kind="secondary" onClick={() => setAsks('delete')}>
          {t('webhooks.delete')}
        </Button>
      </div>
      {(test.error ?? change.error ?? show.error) && <ErrorNote error={test.error ?? change.error ?? show.error} />}
      {asks && <ConfirmDialog title={t(`webhooks.${asks}`)} text={t(`webhooks.${asks}_text`, { url: webhook.url })} error={act.error} isSending={act.isPending} onConfirm={() => act.mutate()} onClose={() => setAsks(null)} />}
    </div>
  );
}

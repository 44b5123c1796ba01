// API clients: making, disabling, a second secret, deleting. A secret is shown once.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { changeClient, createClientSecret, deleteClient } from '../../api/settings';
import type { ApiClient } from '../../api/models';
import { useConsole } from '../../app/context';
import { Button, Spinner } from '../../../shared/ui/parts';
import { Badge } from '../../ui/Badge';
import { ConfirmDialog } from '../../ui/ConfirmDialog';
import { type Column, DataTable } from '../../ui/DataTable';
import { ErrorNote } from '../../ui/ErrorNote';
import { MoreButton } from '../../ui/MoreButton';
import { SecretOnce } from '../../ui/SecretOnce';
import { useList } from '../../ui/useList';
import { ClientDialog } from './ClientDialog';

export function ClientsSection() {
  const { t, toast } = useConsole();
  const client = useQueryClient();
  const list = useList<ApiClient>({ key: ['clients'], path: '/api/clients' });
  const [isAdding, setAdding] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  const [deleting, setDeleting] = useState<ApiClient | null>(null);
  const refresh = (): void => void client.invalidateQueries({ queryKey: ['clients'] });
  const change = useMutation({ mutationFn: (row: ApiClient) => changeClient(row.client_id, { disabled: !row.disabled }), onSuccess: refresh });
  const renew = useMutation({
    mutationFn: (row: ApiClient) => createClientSecret(row.client_id),
    onSuccess: ({ client_secret }) => {
      setSecret(client_secret);
      refresh();
    },
  });
  const remove = useMutation({
    mutationFn: (row: ApiClient) => deleteClient(row.client_id),
    onSuccess: () => {
      setDeleting(null);
      toast(t('common.deleted'));
      refresh();
    },
  });
  const columns: Column<ApiClient>[] = [
    {
      id: 'name',
      title: t('field.name'),
      cell: (row) => (
        <>
          <strong>{row.name}</strong> <code>{row.client_id}</code>
        </>
      ),
    },
    { id: 'team', title: t('field.team'), cell: (row) => row.team ?? t('common.all') },
    { id: 'scopes', title: t('clients.scopes'), cell: (row) => <span className="fine">{row.scopes.join(', ')}</span> },
    { id: 'secrets', title: t('clients.secrets'), cell: (row) => row.secrets.length, isNumber: true },
    { id: 'state', title: t('profiles.status'), cell: (row) => <Badge tone={row.disabled ? 'bad' : 'good'}>{t(row.disabled ? 'common.off' : 'common.on')}</Badge> },
    {
      id: 'acts',
      title: t('common.actions'),
      cell: (row) =>
        row.source === 'configuration' ? (
          <span className="fine">{t('clients.configured')}</span>
        ) : (
          <span className="badges">
            <Button kind="quiet" onClick={() => renew.mutate(row)}>
              {t('clients.new_secret')}
            </Button>
            <Button kind="quiet" onClick={() => change.mutate(row)}>
              {t(row.disabled ? 'webhooks.enable' : 'webhooks.disable')}
            </Button>
            <Button kind="quiet" onClick={() => setDeleting(row)}>
              {t('clients.delete')}
            </Button>
          </span>
        ),
    },
  ];
  const error = change.error ?? renew.error;
  return (
    <>
      <div className="actions start">
        <Button onClick={() => setAdding(true)}>{t('clients.add')}</Button>
      </div>
      {list.error && <ErrorNote error={list.error} onRetry={() => void list.refetch()} />}
      {error && <ErrorNote error={error} />}
      {list.isPending && <Spinner large />}
      {list.data && (
        <div className="table-box">
          <DataTable caption={t('settings.clients')} columns={columns} rows={list.rows} rowKey={(row) => row.client_id} empty={t('list.empty')} />
        </div>
      )}
      {list.hasNextPage && <MoreButton hasMore isLoading={list.isFetchingNextPage} onMore={() => void list.fetchNextPage()} count={list.rows.length} />}
      {isAdding && (
        <ClientDialog
          onClose={() => setAdding(false)}
          onCreated={(made) => {
            setAdding(false);
            setSecret(made);
            refresh();
          }}
        />
      )}
      {secret !== null && <SecretOnce title={t('clients.secret')} text={t('clients.secret_text')} secret={secret} onClose={() => setSecret(null)} />}
      {deleting && <ConfirmDialog title={t('clients.delete')} text={t('clients.delete_text', { name: deleting.name })} error={remove.error} isSending={remove.isPending} onConfirm={() => remove.mutate(deleting)} onClose={() => setDeleting(null)} />}
    </>
  );
}

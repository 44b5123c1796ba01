// The provider that the own account signs in with: connecting and disconnecting it.
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { readState } from '../../api/session';
import { connectProvider, disconnectProvider } from '../../api/signInProviders';
import { Button } from '../../../shared/ui/parts';
import { ErrorNote } from '../../ui/ErrorNote';
import { Panel } from '../../ui/Page';
import { useConsole, useMe } from '../../app/context';

export function ProviderPanel() {
  const { t, toast } = useConsole();
  const { provider, password } = useMe().factors;
  const client = useQueryClient();
  const state = useQuery({ queryKey: ['state'], queryFn: readState, staleTime: Infinity });
  const connect = useMutation({ mutationFn: connectProvider });
  const disconnect = useMutation({
    mutationFn: disconnectProvider,
    meta: { signsIn: true },
    onSuccess: () => {
      toast(t('account.provider_disconnected'));
      void client.invalidateQueries({ queryKey: ['me'] });
    },
  });
  const offered = state.data?.providers ?? [];
  const error = connect.error ?? disconnect.error;
  if (!provider && offered.length === 0) return null;
  return (
    <Panel title={t('account.provider')}>
      <p>{provider ? t('account.provider_connected', { name: provider.name }) : t('account.provider_text')}</p>
      {provider && !password && <p className="fine">{t('account.provider_only')}</p>}
      {error && <ErrorNote error={error} />}
      <div className="actions start">
        {provider && password && (
          <Button kind="secondary" busy={disconnect.isPending} onClick={() => disconnect.mutate()}>
            {t('account.provider_disconnect', { name: provider.name })}
          </Button>
        )}
        {!provider &&
          offered.map((each) => (
            <Button key={each.id} kind="secondary" busy={connect.isPending} onClick={() => connect.mutate(each.id)}>
              {t('account.provider_connect', { name: each.name })}
            </Button>
          ))}
      </div>
    </Panel>
  );
}

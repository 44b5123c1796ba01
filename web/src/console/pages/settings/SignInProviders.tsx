// The providers that people can sign in with: what to register there, and whether each worked at the last try.
import { useQuery } from '@tanstack/react-query';
import { listSignInProviders } from '../../api/signInProviders';
import { Badge } from '../../ui/Badge';
import { ErrorNote } from '../../ui/ErrorNote';
import { Panel } from '../../ui/Page';
import { TimeText } from '../../ui/TimeText';
import { useConsole, useMe } from '../../app/context';

export function SignInProviders() {
  const { t } = useConsole();
  const mayRead = useMe().permissions.includes('settings:read');
  const providers = useQuery({ queryKey: ['sign-in-providers'], queryFn: listSignInProviders, enabled: mayRead });
  if (!mayRead) return null;
  return (
    <Panel title={t('sso.title')}>
      {providers.error && <ErrorNote error={providers.error} onRetry={() => void providers.refetch()} />}
      {providers.data?.length === 0 && <p>{t('sso.none')}</p>}
      {providers.data?.map((provider) => (
        <dl key={provider.id} className="facts">
          <dt>{provider.name}</dt>
          <dd>
            <Badge tone={provider.last_try ? (provider.last_try.works ? 'good' : 'bad') : 'plain'}>
              {t(provider.last_try ? (provider.last_try.works ? 'sso.works' : 'sso.fails') : 'sso.untried')}
            </Badge>{' '}
            {provider.last_try && <TimeText value={provider.last_try.at} relative />}
            {provider.last_try?.problem && <div className="fine">{provider.last_try.problem}</div>}
          </dd>
          <dt>{t('sso.issuer')}</dt>
          <dd>
            <code>{provider.issuer}</code>
          </dd>
          <dt>{t('sso.redirect')}</dt>
          <dd>
            <code>{provider.redirect_uri}</code>
          </dd>
          <dt>{t('sso.roles')}</dt>
          <dd>{t(provider.gives_roles ? 'sso.by_claim' : 'sso.by_invitation')}</dd>
        </dl>
      ))}
    </Panel>
  );
}

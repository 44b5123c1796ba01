// The state of the server and its providers, read again every half minute.
import { useQuery } from '@tanstack/react-query';
import { callWhole } from '../../api/call';
import type { HealthReport } from '../../api/models';
import { isUserPresent } from '../../app/idle';
import { useConsole } from '../../app/context';
import { Spinner } from '../../../shared/ui/parts';
import { ErrorNote } from '../../ui/ErrorNote';
import { Panel } from '../../ui/Page';
import { ProviderList } from './ProviderList';
import { SignInProviders } from './SignInProviders';

export function ProvidersSection() {
  const { t } = useConsole();
  const report = useQuery({ queryKey: ['health'], queryFn: () => callWhole<HealthReport>('GET', '/'), refetchInterval: () => (isUserPresent() ? 30_000 : false) });
  return (
    <>
      <Panel title={t('settings.providers')}>
        {report.error && <ErrorNote error={report.error} onRetry={() => void report.refetch()} />}
        {report.isPending && <Spinner large />}
        {report.data && <ProviderList report={report.data} />}
        <p className="fine">{t('provider.text')}</p>
      </Panel>
      <SignInProviders />
    </>
  );
}

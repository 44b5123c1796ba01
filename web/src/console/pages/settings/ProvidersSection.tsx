// The state of the server and its providers, read again every half minute.
import { useQuery } from '@tanstack/react-query';
import { callWhole } from '../../api/call';
import type { HealthReport } from '../../api/models';
import { refreshEvery } from '../../app/liveUpdates';
import { useCan, useConsole } from '../../app/context';
import { Spinner } from '../../../shared/ui/parts';
import { ErrorNote } from '../../ui/ErrorNote';
import { Panel } from '../../ui/Page';
import { ProviderList } from './ProviderList';
import { ProviderTests } from './ProviderTests';
import { SignInProviders } from './SignInProviders';

export function ProvidersSection() {
  const { t } = useConsole();
  const mayTest = useCan('settings:write');
  const report = useQuery({ queryKey: ['health'], queryFn: () => callWhole<HealthReport>('GET', '/'), refetchInterval: refreshEvery(30_000) });
  return (
    <>
      <Panel title={t('settings.providers')}>
        {report.error && <ErrorNote error={report.error} onRetry={() => void report.refetch()} />}
        {report.isPending && <Spinner large />}
        {report.data && <ProviderList report={report.data} />}
        <p className="fine">{t('provider.text')}</p>
        {mayTest && <ProviderTests />}
      </Panel>
      <SignInProviders />
    </>
  );
}

// Overview: where a signed-in user starts.
import { Page } from '../../ui/Page';
import { useConsole } from '../../app/context';

export function OverviewPage() {
  const { t } = useConsole();
  return (
    <Page title={t('overview.title')}>
      <p>{t('overview.later')}</p>
    </Page>
  );
}

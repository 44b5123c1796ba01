// The own account: name, language, theme, shortcuts, password, factors, sessions.
import { Page } from '../../ui/Page';
import { useConsole, useMe } from '../../app/context';
import { FactorsPanel } from './FactorsPanel';
import { PasswordPanel } from './PasswordPanel';
import { PreferencesPanel } from './PreferencesPanel';
import { ProviderPanel } from './ProviderPanel';
import { SessionsPanel } from './SessionsPanel';

export function AccountPage() {
  const { t } = useConsole();
  const { factors } = useMe();
  return (
    <Page title={t('account.title')} narrow>
      <PreferencesPanel />
      {factors.password && <PasswordPanel />}
      <FactorsPanel />
      <ProviderPanel />
      <SessionsPanel />
    </Page>
  );
}

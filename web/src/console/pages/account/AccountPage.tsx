// The own account: name, language, theme, shortcuts, password, factors, sessions.
import { Page } from '../../ui/Page';
import { useConsole } from '../../app/context';
import { FactorsPanel } from './FactorsPanel';
import { PasswordPanel } from './PasswordPanel';
import { PreferencesPanel } from './PreferencesPanel';
import { SessionsPanel } from './SessionsPanel';

export function AccountPage() {
  const { t } = useConsole();
  return (
    <Page title={t('account.title')} narrow>
      <PreferencesPanel />
      <PasswordPanel />
      <FactorsPanel />
      <SessionsPanel />
    </Page>
  );
}

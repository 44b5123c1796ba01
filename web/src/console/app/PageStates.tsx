// What the frame shows in place of a page: one that loads, fails, does not exist, or is not for this user.
import { Link } from '@tanstack/react-router';
import { Spinner } from '../../shared/ui/parts';
import { ErrorNote } from '../ui/ErrorNote';
import { Page } from '../ui/Page';
import { useConsole } from './context';

export const PagePending = () => (
  <div className="pending">
    <Spinner large />
  </div>
);

export function PageFailure({ error, reset }: { error: unknown; reset: () => void }) {
  const { t } = useConsole();
  return (
    <Page title={t('error.unexpected')}>
      <ErrorNote error={error} onRetry={reset} />
    </Page>
  );
}

export function PageMissing() {
  const { t } = useConsole();
  return (
    <Page title={t('missing.title')}>
      <p>{t('missing.text')}</p>
      <p>
        <Link to="/">{t('nav.overview')}</Link>
      </p>
    </Page>
  );
}

export function PageForbidden() {
  const { t } = useConsole();
  return (
    <Page title={t('forbidden.title')}>
      <p>{t('forbidden.text')}</p>
    </Page>
  );
}

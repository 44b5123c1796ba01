import { Spinner } from '../../shared/ui/parts';
import { usePage } from './context';
import { PageFrame } from './PageFrame';
import type { RetryWait } from '../../shared/api/retry';

export function LoadingScreen({ waiting = null }: { waiting?: RetryWait | null }) {
  return (
    <PageFrame waiting={waiting}>
      <LoadingIndicator />
    </PageFrame>
  );
}

export function LoadingIndicator() {
  const { t } = usePage();
  return (
    <div className="loading" role="status">
      <Spinner large />
      <span className="hidden">{t('app.loading')}</span>
    </div>
  );
}

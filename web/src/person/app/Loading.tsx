import { Spinner } from '../../shared/ui/parts';
import { usePage } from './context';
import { Shell } from './Shell';
import type { Waiting } from '../../shared/api/retry';

export function Loading({ waiting = null }: { waiting?: Waiting | null }) {
  return (
    <Shell waiting={waiting}>
      <LoadingPart />
    </Shell>
  );
}

export function LoadingPart() {
  const { t } = usePage();
  return (
    <div className="loading" role="status">
      <Spinner large />
      <span className="hidden">{t('app.loading')}</span>
    </div>
  );
}

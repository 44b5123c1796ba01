// Loads the next page of a list, and says how many rows there are so far.
import { Button } from '../../shared/ui/parts';
import { useConsole } from '../app/context';

export function MoreButton({ hasMore, isLoading, onMore, count }: { hasMore: boolean; isLoading: boolean; onMore: () => void; count: number }) {
  const { t } = useConsole();
  return (
    <div className="more">
      <p className="fine" aria-live="polite">
        {t(hasMore ? 'list.shown_more' : 'list.shown', { count })}
      </p>
      {hasMore && (
        <Button kind="secondary" busy={isLoading} onClick={onMore}>
          {t('list.more')}
        </Button>
      )}
    </div>
  );
}

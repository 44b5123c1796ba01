// The queue: reviews by tab and filter, oldest due time first.
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { ApiError } from '../../api/call';
import { claimNext, readCounts } from '../../api/reviews';
import type { ReviewRow } from '../../api/models';
import { refreshEvery } from '../../app/liveUpdates';
import { useCan, useConsole } from '../../app/context';
import { Button, Spinner } from '../../../shared/ui/parts';
import { useShortcuts } from '../../keys/ShortcutProvider';
import { DataTable } from '../../ui/DataTable';
import { ErrorNote } from '../../ui/ErrorNote';
import { MoreButton } from '../../ui/MoreButton';
import { Page } from '../../ui/Page';
import { useList } from '../../ui/useList';
import { QueueFilters } from './QueueFilters';
import { QUEUE_TABS, type QueueSearch, countOfTab, openTab, stepRow, toReviewQuery } from './queueSearch';
import { useQueueColumns } from './queueColumns';

const REFRESH = 15_000;

export function QueuePage() {
  const { t, toast } = useConsole();
  const search = useSearch({ strict: false }) as QueueSearch;
  const navigate = useNavigate();
  const mayDecide = useCan('reviews:decide');
  const counts = useQuery({ queryKey: ['reviews', 'counts'], queryFn: readCounts, refetchInterval: refreshEvery(REFRESH) });
  const list = useList<ReviewRow>({ key: ['reviews', 'list'], path: '/api/reviews', query: toReviewQuery(search, Date.now()), every: REFRESH });
  const next = useMutation({
    mutationFn: () => claimNext(search.team),
    onSuccess: (row) => void navigate({ to: '/reviews/$id', params: { id: row.id } }),
    onError: (error) => {
      if (error instanceof ApiError && error.status === 404) toast(t('queue.nothing_next'));
    },
  });
  const [current, setCurrent] = useState<string | null>(null);
  const step = (by: 1 | -1): void => {
    const key = stepRow(list.rows.map((row) => row.id), current, by);
    setCurrent(key);
    document.querySelector<HTMLElement>(`[data-row="${key}"] a`)?.focus();
  };
  useShortcuts({
    next_row: () => step(1),
    previous_row: () => step(-1),
    search: () => document.getElementById('queue-q')?.focus(),
    ...(mayDecide && { claim_next: () => !next.isPending && next.mutate() }),
  });
  const columns = useQueueColumns(openTab(search));
  const isNothing = next.error instanceof ApiError && next.error.status === 404;
  const claimButton = mayDecide && (
    <Button busy={next.isPending} onClick={() => next.mutate()} aria-keyshortcuts="n">
      {t('queue.next')}
    </Button>
  );
  return (
    <Page title={t('nav.queue')} aside={claimButton}>
      <ul className="tabs" aria-label={t('queue.tabs')}>
        {QUEUE_TABS.map((tab) => (
          <li key={tab}>
            <Link to="/queue" search={{ ...search, tab }} aria-current={openTab(search) === tab ? 'page' : undefined}>
              {t(`queue.tab_${tab}`)} <span className="badge">{countOfTab(counts.data, tab) || '…'}</span>
            </Link>
          </li>
        ))}
      </ul>
      <QueueFilters search={search} />
      {next.error && !isNothing && <ErrorNote error={next.error} />}
      {list.error && <ErrorNote error={list.error} onRetry={() => void list.refetch()} />}
      {list.isPending && <Spinner large />}
      {list.data && (
        <div className="table-box">
          <DataTable caption={t('nav.queue')} columns={columns} rows={list.rows} rowKey={(row) => row.id} empty={t('queue.empty')} currentKey={current} />
        </div>
      )}
      {list.rows.length > 0 && <MoreButton hasMore={list.hasNextPage} isLoading={list.isFetchingNextPage} onMore={() => void list.fetchNextPage()} count={list.rows.length} />}
    </Page>
  );
}

// A list of the API, page after page.
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { type QueryValue, callWhole } from '../api/call';
import type { ListPage } from '../api/models';
import { refreshEvery } from '../app/liveUpdates';

const PAGE_SIZE = 50;

export interface ListQuery {
  key: readonly unknown[];
  path: string;
  query?: Record<string, QueryValue>;
  /** Milliseconds between reads while the user is there. */
  every?: number;
  enabled?: boolean;
}

export function useList<Row>({ key, path, query = {}, every, enabled = true }: ListQuery) {
  const list = useInfiniteQuery({
    queryKey: [...key, query],
    queryFn: ({ pageParam, signal }) =>
      callWhole<ListPage<Row>>('GET', path, { query: { ...query, limit: PAGE_SIZE, cursor: pageParam }, signal }),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => (last.has_more ? last.next_cursor : null),
    placeholderData: keepPreviousData,
    enabled,
    ...(every !== undefined && { refetchInterval: refreshEvery(every) }),
  });
  return { ...list, rows: list.data?.pages.flatMap((page) => page.data) ?? [] };
}

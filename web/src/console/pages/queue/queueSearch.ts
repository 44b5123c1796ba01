// The queue's address: tab and filters, and the query of the API that they mean.
import type { QueryValue } from '../../api/call';
import type { ReviewCounts, ReviewState } from '../../api/models';

export const QUEUE_TABS = ['open', 'mine', 'second_look', 'waiting', 'decided'] as const;
export type QueueTab = (typeof QUEUE_TABS)[number];

const TAB_STATES: Record<QueueTab, readonly ReviewState[]> = {
  open: ['open'],
  mine: ['claimed', 'deciding'],
  second_look: ['second_look', 'escalated'],
  waiting: ['waiting'],
  decided: ['decided', 'withdrawn'],
};

export const QUEUE_FILTERS = ['q', 'team', 'country', 'document_type', 'finding', 'assignee', 'due'] as const;
export type QueueFilter = (typeof QUEUE_FILTERS)[number];

export type QueueSearch = { tab?: QueueTab } & { [F in QueueFilter]?: string };

export const DUE_WINDOWS = { late: 0, '1h': 1, '4h': 4, '24h': 24 } as const;

/** Reads the address. Unknown words are left out, so that an old link still works. */
export function readQueueSearch(search: Record<string, unknown>): QueueSearch {
  const read: QueueSearch = {};
  const tab = QUEUE_TABS.find((each) => each === search['tab']);
  if (tab && tab !== 'open') read.tab = tab;
  for (const filter of QUEUE_FILTERS) {
    const value = search[filter];
    const text = typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : '';
    if (text !== '' && (filter !== 'due' || text in DUE_WINDOWS)) read[filter] = text.slice(0, 200);
  }
  return read;
}

export const openTab = (search: QueueSearch): QueueTab => search.tab ?? 'open';

/** The query of `GET /api/reviews`. The time is a whole minute, so that it does not change with every call. */
export function toReviewQuery(search: QueueSearch, now: number): Record<string, QueryValue> {
  const { tab: _tab, due, assignee, country, ...rest } = search;
  const tab = openTab(search);
  const minute = Math.floor(now / 60_000) * 60_000;
  return {
    ...rest,
    state: TAB_STATES[tab],
    assignee: tab === 'mine' ? 'me' : assignee,
    country: country?.toUpperCase(),
    due_before: due ? new Date(minute + DUE_WINDOWS[due as keyof typeof DUE_WINDOWS] * 3_600_000).toISOString().replace('T', ' ') : undefined,
  };
}

export const countOfTab = (counts: ReviewCounts | undefined, tab: QueueTab): string => {
  const count = counts?.[tab];
  return count === undefined ? '' : count >= 1_000 ? '1000+' : String(count);
};

/** The row that `j` or `k` goes to; the ends stay where they are. */
export function stepRow(keys: readonly string[], current: string | null, step: 1 | -1): string | null {
  if (keys.length === 0) return null;
  const index = current === null ? -1 : keys.indexOf(current);
  if (index < 0) return keys[step === 1 ? 0 : keys.length - 1] ?? null;
  return keys[Math.min(keys.length - 1, Math.max(0, index + step))] ?? null;
}

// Keeps lists up to date: reads the server's stream of events, and marks what it reports as stale.
import type { QueryClient } from '@tanstack/react-query';
import { withQuery } from '../api/call';
import { isUserPresent } from './idle';

/** How long changes are collected before what they concern is read again, in milliseconds, and the shortest time between two reads. */
const COLLECT_TIME = 250;
const READ_PAUSE = 2_000;
/** How long a page waits that was refused. Meanwhile it reads its lists now and then. */
const REFUSED_PAUSE = 60_000;
/** How often lists are read while the stream is open: it does not say that a claim has ended by its time. */
const LIVE_REFRESH = 60_000;

const STREAM = withQuery('/api/events', { after: 'latest' });
/** The messages of the stream. Those of reviews are for the console alone. */
const MESSAGES = [
  'profile.created', 'profile.started', 'profile.submitted', 'verification.checked', 'profile.status_changed', 'consent.withdrawn',
  'endpoint.failing', 'endpoint.disabled', 'review.changed', 'reviews.changed',
] as const;

export interface LiveMessage {
  type: string;
  data: { id?: string; review_id?: string };
}

type QueryKey = readonly string[];

/** Everything that messages which were missed can have been about. */
const EVERYTHING: QueryKey[] = [['reviews'], ['profiles'], ['webhooks'], ['analytics', 'overview']];

/** The queries that a message makes stale. */
export function findStaleQueries({ type, data }: LiveMessage): QueryKey[] {
  const review: QueryKey[] = data.review_id === undefined ? [['reviews']] : [['reviews', 'list'], ['reviews', 'counts'], ['reviews', 'one', data.review_id]];
  const { id } = data;
  const profile: QueryKey[] = id === undefined ? [['profiles']] : [['profiles', 'list'], ...['one', 'status', 'records'].map((part) => ['profiles', part, id])];
  const overview: QueryKey = ['analytics', 'overview'];
  if (type.startsWith('review')) return [...review, overview];
  if (type === 'verification.checked') return [...profile, ['reviews'], overview];
  return type.startsWith('endpoint.') ? [['webhooks']] : [...profile, overview];
}

let isOpen = false;

/** How often a list reads again: while the user is there, and seldom while the stream says what changes. */
export const refreshEvery = (milliseconds: number) => (): number | false => {
  if (!isUserPresent()) return false;
  return isOpen ? Math.max(milliseconds, LIVE_REFRESH) : milliseconds;
};

/** Marks queries as stale, many at once. Without a user it waits: reading would keep the session alive. */
class StaleQueries {
  readonly #waiting = new Map<string, QueryKey>();
  #timer: ReturnType<typeof setTimeout> | null = null;
  #lastRead = 0;

  constructor(private readonly client: QueryClient) {}

  add(keys: QueryKey[]): void {
    for (const key of keys) this.#waiting.set(key.join('/'), key);
    this.#timer ??= setTimeout(this.#read, Math.max(COLLECT_TIME, this.#lastRead + READ_PAUSE - Date.now()));
  }

  clear(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#waiting.clear();
  }

  readonly #read = (): void => {
    this.#timer = null;
    if (!isUserPresent()) {
      this.#timer = setTimeout(this.#read, READ_PAUSE);
      return;
    }
    this.#lastRead = Date.now();
    const keys = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const queryKey of keys) void this.client.invalidateQueries({ queryKey });
  };
}

/** Follows the stream while the tab is visible. Returns what ends that. */
export function followEvents(client: QueryClient): () => void {
  const stale = new StaleQueries(client);
  let stream: EventSource | null = null;
  let retry: ReturnType<typeof setTimeout> | null = null;
  let hasOpened = false;

  const close = (): void => {
    if (retry !== null) clearTimeout(retry);
    retry = null;
    stream?.close();
    stream = null;
    isOpen = false;
  };
  const onError = (): void => {
    isOpen = false;
    // The browser connects again by itself, unless the server has refused: too many tabs, an expired place, or no session.
    if (stream?.readyState !== EventSource.CLOSED) return;
    close();
    // A stream that was open may have ended with the session. Otherwise there is nothing new, and asking would keep the session alive.
    if (hasOpened) stale.add([['me']]);
    hasOpened = false;
    retry = setTimeout(open, REFUSED_PAUSE);
  };
  const open = (): void => {
    close();
    if (document.hidden) return;
    stream = new EventSource(STREAM);
    stream.onopen = () => {
      [isOpen, hasOpened] = [true, true];
      stale.add(EVERYTHING);
    };
    stream.onerror = onError;
    for (const type of MESSAGES) stream.addEventListener(type, (message) => stale.add(findStaleQueries(JSON.parse(message.data as string) as LiveMessage)));
  };
  const onVisibility = (): void => (document.hidden ? close() : open());

  open();
  document.addEventListener('visibilitychange', onVisibility);
  return () => {
    document.removeEventListener('visibilitychange', onVisibility);
    close();
    stale.clear();
  };
}

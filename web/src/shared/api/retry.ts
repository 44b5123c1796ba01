// Retries of API calls: exponential backoff with jitter, and an immediate retry when the connection is back.
import { ApiError, ConnectionError } from './client';

/** Why a call waits for its next attempt, and until when (milliseconds since 1970). */
export interface RetryWait {
  because: 'offline' | 'unreachable' | 'busy';
  until: number;
}

export interface RetryOptions {
  onWait?: (waiting: RetryWait | null) => void;
  signal?: AbortSignal | undefined;
  /** Attempts until the last error is thrown. Unlimited by default: what a person has made must arrive. */
  attempts?: number;
  /** Temporary statuses that are thrown at once, for the caller to handle. */
  except?: readonly number[];
}

/** Time, chance and connection; tests replace them. */
export interface RetryClock {
  now: () => number;
  random: () => number;
  isOnline: () => boolean;
  /** Resolves after that time, or when the connection comes back before. */
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
}

const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 20_000;

/** Milliseconds to wait after the nth failure (0 is the first): a random time between half and all of a delay that doubles each time. */
export function retryDelay(failures: number, retryAfter: number | null, random: () => number): number {
  const ceiling = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** failures);
  const chosen = ceiling * (0.5 + random() / 2);
  return Math.max(chosen, (retryAfter ?? 0) * 1_000);
}

export async function withRetries<T>(attempt: () => Promise<T>, options: RetryOptions = {}, clock: RetryClock = BROWSER_CLOCK): Promise<T> {
  const { onWait, signal, attempts = Infinity, except = [] } = options;
  for (let failures = 0; ; failures += 1) {
    try {
      const result = await attempt();
      if (failures > 0) onWait?.(null);
      return result;
    } catch (error) {
      const because = findWaitReason(error, clock);
      const isForCaller = error instanceof ApiError && except.includes(error.status);
      if (!because || isForCaller || signal?.aborted || failures + 1 >= attempts) {
        onWait?.(null);
        throw error;
      }
      const ms = retryDelay(failures, error instanceof ApiError ? error.retryAfter : null, clock.random);
      onWait?.({ because, until: clock.now() + ms });
      await clock.sleep(ms, signal);
    }
  }
}

function findWaitReason(error: unknown, clock: RetryClock): RetryWait['because'] | null {
  if (error instanceof ConnectionError) return clock.isOnline() ? 'unreachable' : 'offline';
  if (error instanceof ApiError && error.isTemporary) return 'busy';
  return null;
}

export const BROWSER_CLOCK: RetryClock = {
  now: () => Date.now(),
  random: () => Math.random(),
  isOnline: () => navigator.onLine,
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      const done = (): void => {
        clearTimeout(timer);
        window.removeEventListener('online', done);
        signal?.removeEventListener('abort', stop);
        resolve();
      };
      const stop = (): void => {
        clearTimeout(timer);
        window.removeEventListener('online', done);
        reject(signal?.reason instanceof Error ? signal.reason : new DOMException('stopped', 'AbortError'));
      };
      const timer = setTimeout(done, ms);
      window.addEventListener('online', done, { once: true });
      signal?.addEventListener('abort', stop, { once: true });
      if (signal?.aborted) stop();
    }),
};

// Outbox: sends a person's work to the server in order, one item at a time, and retries until it is accepted or refused.
import { type RetryClock, BROWSER_CLOCK, type RetryWait, withRetries } from '../../shared/api/retry';

export interface Outbox {
  /** Resolves when the server has accepted it. A waiting item with the same key is replaced: only the newest matters. */
  send<T>(key: string, attempt: () => Promise<T>): Promise<T>;
  /** Resolves when every item has been sent or refused. */
  waitUntilEmpty(): Promise<void>;
  readonly size: number;
}

interface OutboxItem {
  key: string;
  attempt: () => Promise<unknown>;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

export class ReplacedError extends Error {
  override readonly name = 'Replaced';
}

export function createOutbox(onChange: (size: number, waiting: RetryWait | null) => void, clock: RetryClock = BROWSER_CLOCK): Outbox {
  const items: OutboxItem[] = [];
  const idle: (() => void)[] = [];
  let current: OutboxItem | null = null;

  async function sendAll(): Promise<void> {
    while (items.length > 0) {
      const item = items.shift() as OutboxItem;
      current = item;
      onChange(items.length + 1, null);
      try {
        item.resolve(await withRetries(item.attempt, { onWait: (waiting) => onChange(items.length + 1, waiting) }, clock));
      } catch (error) {
        item.reject(error);
      }
    }
    current = null;
    onChange(0, null);
    for (const resolve of idle.splice(0)) resolve();
  }

  return {
    send<T>(key: string, attempt: () => Promise<T>): Promise<T> {
      const waiting = items.findIndex((item) => item.key === key);
      if (waiting >= 0) items.splice(waiting, 1)[0]?.reject(new ReplacedError(key));
      return new Promise<T>((resolve, reject) => {
        items.push({ key, attempt, resolve: resolve as (value: unknown) => void, reject });
        if (!current) void sendAll();
        else onChange(items.length + 1, null);
      });
    },
    waitUntilEmpty: () => (current ? new Promise((resolve) => idle.push(resolve)) : Promise.resolve()),
    get size() {
      return items.length + (current ? 1 : 0);
    },
  };
}

import { describe, expect, test } from 'vitest';
import { ApiError, ConnectionError } from '../src/shared/api/client';
import { type RetryClock, type RetryWait, withRetries, retryDelay } from '../src/shared/api/retry';
import { ReplacedError, createOutbox } from '../src/person/flow/outbox';

function clock(online = true): RetryClock & { slept: number[] } {
  const slept: number[] = [];
  let now = 0;
  return {
    slept,
    now: () => now,
    random: () => 1,
    isOnline: () => online,
    sleep: (ms) => {
      slept.push(ms);
      now += ms;
      return Promise.resolve();
    },
  };
}

const lost = () => new ConnectionError('lost');
const busy = (seconds: number | null = null) => new ApiError(503, {}, seconds, null);

/** Fails with each of these in turn, then succeeds. */
function failing(...errors: Error[]) {
  const left = [...errors];
  let attempts = 0;
  const attempt = async (): Promise<string> => {
    attempts += 1;
    const error = left.shift();
    if (error) throw error;
    return 'done';
  };
  return { attempt, count: () => attempts };
}

describe('a retry', () => {
  test('waits twice as long each time, 20 seconds at most', () => {
    expect([0, 1, 2, 3, 4, 5, 20].map((failures) => retryDelay(failures, null, () => 1))).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 20_000]);
    expect(retryDelay(0, null, () => 0)).toBe(500);
  });

  test('never comes before the server’s Retry-After', () => {
    expect(retryDelay(0, 30, () => 1)).toBe(30_000);
    expect(retryDelay(5, 1, () => 1)).toBe(20_000);
  });

  test('reports why it waits, and the end of the wait', async () => {
    const reported: (RetryWait | null)[] = [];
    const { attempt, count } = failing(lost(), busy(3));
    const time = clock(false);
    expect(await withRetries(attempt, { onWait: (waiting) => reported.push(waiting) }, time)).toBe('done');
    expect(count()).toBe(3);
    expect(reported).toEqual([{ because: 'offline', until: 1_000 }, { because: 'busy', until: 4_000 }, null]);
  });

  test('is not made after a refusal', async () => {
    for (const status of [400, 401, 403, 404, 409, 413]) {
      const { attempt, count } = failing(new ApiError(status, {}, null, null));
      await expect(withRetries(attempt, {}, clock())).rejects.toMatchObject({ status });
      expect(count()).toBe(1);
    }
  });

  test('is not made for statuses that the caller handles', async () => {
    const { attempt, count } = failing(new ApiError(429, {}, 1_800, null));
    await expect(withRetries(attempt, { except: [429] }, clock())).rejects.toMatchObject({ retryAfter: 1_800 });
    expect(count()).toBe(1);
  });

  test('ends after the given attempts, and when it is aborted', async () => {
    const some = failing(lost(), lost(), lost());
    await expect(withRetries(some.attempt, { attempts: 2 }, clock())).rejects.toThrow('lost');
    expect(some.count()).toBe(2);
    const stopped = new AbortController();
    stopped.abort();
    const one = failing(lost());
    await expect(withRetries(one.attempt, { signal: stopped.signal }, clock())).rejects.toThrow('lost');
    expect(one.count()).toBe(1);
  });
});

describe('the outbox', () => {
  test('sends in order, one at a time, through a lost connection', async () => {
    const order: string[] = [];
    const outbox = createOutbox(() => undefined, clock());
    const first = failing(lost(), lost());
    const sent = [
      outbox.send('front', async () => {
        const result = await first.attempt();
        order.push('front');
        return result;
      }),
      outbox.send('back', async () => order.push('back')),
    ];
    await Promise.all(sent);
    expect(order).toEqual(['front', 'back']);
    expect(first.count()).toBe(3);
  });

  test('sends only the newest item of a key', async () => {
    const left: string[] = [];
    let release = (): void => undefined;
    const outbox = createOutbox(() => undefined, clock());
    const first = outbox.send('x', () => new Promise<void>((resolve) => (release = resolve)));
    const old = outbox.send('back', async () => left.push('old'));
    const refused = expect(old).rejects.toBeInstanceOf(ReplacedError);
    const young = outbox.send('back', async () => left.push('young'));
    release();
    await Promise.all([first, young, refused]);
    expect(left).toEqual(['young']);
  });

  test('goes on after a refused item', async () => {
    const outbox = createOutbox(() => undefined, clock());
    const refused = outbox.send('a', failing(new ApiError(400, {}, null, null)).attempt);
    const next = outbox.send('b', async () => 'through');
    await expect(refused).rejects.toMatchObject({ status: 400 });
    expect(await next).toBe('through');
  });

  test('reports its size, and when it is empty', async () => {
    const sizes: number[] = [];
    const outbox = createOutbox((size) => sizes.push(size), clock());
    expect(outbox.size).toBe(0);
    await outbox.waitUntilEmpty();
    void outbox.send('a', async () => undefined);
    void outbox.send('b', async () => undefined);
    expect(outbox.size).toBe(2);
    await outbox.waitUntilEmpty();
    expect(outbox.size).toBe(0);
    expect(sizes.at(-1)).toBe(0);
    expect(Math.max(...sizes)).toBe(2);
  });
});

// What the stream of events makes stale, when it is followed, and what it does without a user.
import { QueryClient } from '@tanstack/react-query';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { noteInput } from '../../src/console/app/idle';
import { findStaleQueries, followEvents, refreshEvery } from '../../src/console/app/liveUpdates';

class FakeStream extends EventTarget {
  static readonly CLOSED = 2;
  static opened: FakeStream[] = [];
  readyState = 1;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  constructor(readonly url: string) {
    super();
    FakeStream.opened.push(this);
  }
  close(): void {
    this.readyState = 2;
  }
  say(type: string, data: object): void {
    this.dispatchEvent(new MessageEvent(type, { data: JSON.stringify({ type, data }) }));
  }
}

let isHidden = false;
const page = new EventTarget();
beforeEach(() => {
  vi.useFakeTimers({ now: 1_800_000_000_000 });
  FakeStream.opened = [];
  isHidden = false;
  vi.stubGlobal('EventSource', FakeStream);
  vi.stubGlobal('document', Object.defineProperty(page, 'hidden', { get: () => isHidden, configurable: true }));
  noteInput();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function follow() {
  const client = new QueryClient();
  const stale: string[] = [];
  vi.spyOn(client, 'invalidateQueries').mockImplementation(async (filters) => void stale.push((filters?.queryKey ?? []).join('/')));
  const stop = followEvents(client);
  const take = (): string[] => stale.splice(0);
  return { stop, take, stream: () => FakeStream.opened.at(-1) as FakeStream };
}

test('a message makes what it is about stale, and nothing else', () => {
  const keys = (type: string, data: { id?: string; review_id?: string }) => findStaleQueries({ type, data }).map((key) => key.join('/'));
  expect(keys('review.changed', { id: 'p', review_id: 'r' })).toEqual(['reviews/list', 'reviews/counts', 'reviews/one/r', 'analytics/overview']);
  expect(keys('reviews.changed', {})).toEqual(['reviews', 'analytics/overview']);
  expect(keys('profile.created', { id: 'p' })).toEqual(['profiles/list', 'profiles/one/p', 'profiles/status/p', 'profiles/records/p', 'analytics/overview']);
  expect(keys('verification.checked', { id: 'p' })).toContain('reviews');
  expect(keys('endpoint.failing', {})).toEqual(['webhooks']);
});

test('messages are collected, and read at most every two seconds', () => {
  const { stop, take, stream } = follow();
  expect(stream().url).toBe('/api/events?after=latest');
  stream().say('review.changed', { review_id: 'r' });
  stream().say('review.changed', { review_id: 'r' });
  expect(take()).toEqual([]);
  vi.advanceTimersByTime(250);
  expect(take()).toEqual(['reviews/list', 'reviews/counts', 'reviews/one/r', 'analytics/overview']);
  stream().say('endpoint.failing', {});
  vi.advanceTimersByTime(1_900);
  expect(take()).toEqual([]);
  vi.advanceTimersByTime(100);
  expect(take()).toEqual(['webhooks']);
  stop();
  expect(stream().readyState).toBe(FakeStream.CLOSED);
});

test('what changes while the user is away is read when they are back', () => {
  const { stop, take, stream } = follow();
  vi.advanceTimersByTime(11 * 60_000);
  stream().say('endpoint.failing', {});
  vi.advanceTimersByTime(60_000);
  expect(take()).toEqual([]);
  noteInput();
  vi.advanceTimersByTime(2_000);
  expect(take()).toEqual(['webhooks']);
  stop();
});

test('a hidden tab has no stream, and one that is shown again reads everything', () => {
  const { stop, take, stream } = follow();
  isHidden = true;
  page.dispatchEvent(new Event('visibilitychange'));
  expect(stream().readyState).toBe(FakeStream.CLOSED);
  isHidden = false;
  page.dispatchEvent(new Event('visibilitychange'));
  expect(FakeStream.opened).toHaveLength(2);
  stream().onopen?.();
  vi.advanceTimersByTime(250);
  expect(take()).toEqual(['reviews', 'profiles', 'webhooks', 'analytics/overview']);
  stop();
});

test('a stream that is refused at once asks nothing: that would keep the session alive', () => {
  const { stop, take, stream } = follow();
  stream().close();
  stream().onerror?.();
  vi.advanceTimersByTime(5_000);
  expect(take()).toEqual([]);
  stop();
});

test('lists are read often without the stream, seldom with it, and not at all without a user', () => {
  const { stop, take, stream } = follow();
  expect(refreshEvery(15_000)()).toBe(15_000);
  stream().onopen?.();
  expect(refreshEvery(15_000)()).toBe(60_000);
  stream().close();
  stream().onerror?.();
  expect(refreshEvery(15_000)()).toBe(15_000);
  vi.advanceTimersByTime(250);
  expect(take()).toContain('me');
  vi.advanceTimersByTime(60_000);
  expect(FakeStream.opened).toHaveLength(2);
  vi.advanceTimersByTime(11 * 60_000);
  expect(refreshEvery(15_000)()).toBe(false);
  stop();
});

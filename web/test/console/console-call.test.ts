import { afterEach, describe, expect, test, vi } from 'vitest';
import { callData, withQuery } from '../../src/console/api/call';
import { setIdentityAsker } from '../../src/console/api/stepUp';

const answer = (status: number, body: unknown): Response => new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } });

describe('a call of the console', () => {
  afterEach(() => vi.unstubAllGlobals());

  test('sends the cookie and the header that no other site can add', async () => {
    const fetched = vi.fn(async (_url: string, _init?: RequestInit) => answer(200, { success: true, data: { id: 'x' } }));
    vi.stubGlobal('fetch', fetched);
    expect(await callData('POST', '/api/reviews/next', { json: {} })).toEqual({ id: 'x' });
    const init = fetched.mock.calls[0]?.[1] as RequestInit;
    expect(init.credentials).toBe('same-origin');
    expect(new Headers(init.headers).get('X-Identivia-Console')).toBe('1');
    expect(new Headers(init.headers).get('Authorization')).toBeNull();
  });

  test('is repeated once after the user has confirmed who they are', async () => {
    const refusal = { error: 'Confirm it is you', code: 'step_up_required' };
    const fetched = vi.fn(async () => (fetched.mock.calls.length === 1 ? answer(403, refusal) : answer(200, { data: 1 })));
    vi.stubGlobal('fetch', fetched);
    const release = setIdentityAsker(async () => true);
    expect(await callData('DELETE', '/api/console/users/x')).toBe(1);
    release();
    expect(fetched).toHaveBeenCalledTimes(2);
  });

  test('fails where the user declines to confirm', async () => {
    const fetched = vi.fn(async () => answer(403, { error: 'Confirm it is you', code: 'step_up_required' }));
    vi.stubGlobal('fetch', fetched);
    const release = setIdentityAsker(async () => false);
    await expect(callData('DELETE', '/api/console/users/x')).rejects.toThrow('Confirm it is you');
    release();
    expect(fetched).toHaveBeenCalledTimes(1);
  });
});

test('empty values are left out of a query, and lists are joined', () => {
  expect(withQuery('/api/reviews', { state: ['open', 'claimed'], q: '', team: null, limit: 50 })).toBe('/api/reviews?state=open%2Cclaimed&limit=50');
  expect(withQuery('/api/reviews')).toBe('/api/reviews');
});

import { describe, expect, test } from 'vitest';
import { type PageEnvironment, storeHandover, parseProfileId, takeAccess, takeCode, takeHandover } from '../src/person/flow/token';

const ID = 'abc123def456ghi';

function place(address: string, stored: Record<string, string> = {}, at = 1_000_000) {
  const url = new URL(address, 'https://id.example');
  const replaced: string[] = [];
  const here: PageEnvironment = {
    location: { pathname: url.pathname, search: url.search, hash: url.hash },
    history: { state: null, replaceState: (_state, _title, to) => void replaced.push(String(to)) },
    storage: {
      getItem: (key) => stored[key] ?? null,
      setItem: (key, value) => void (stored[key] = value),
      removeItem: (key) => void delete stored[key],
    },
    now: () => at,
  };
  return { here, replaced, stored };
}

describe('the token', () => {
  test('is removed from the address bar, and the rest of the address stays', () => {
    const { here, replaced, stored } = place(`/${ID}?token=secret&lang=de#x`);
    expect(takeAccess(here)).toEqual({ profile: ID, token: 'secret' });
    expect(replaced).toEqual([`/${ID}?lang=de#x`]);
    expect(stored).toEqual({});
  });

  test('is removed even when it is empty or there twice', () => {
    expect(place(`/${ID}?token=`).here && takeAccess(place(`/${ID}?token=`).here)).toBeNull();
    const { here, replaced } = place(`/${ID}?token=a&token=b`);
    expect(takeAccess(here)?.token).toBe('a');
    expect(replaced).toEqual([`/${ID}`]);
  });

  test('is handed over to the next load of the same profile, once', () => {
    const { here, stored } = place(`/${ID}`);
    storeHandover({ profile: ID, token: 'secret' }, here);
    expect(Object.keys(stored)).toHaveLength(1);
    expect(takeAccess(here)).toEqual({ profile: ID, token: 'secret' });
    expect(stored).toEqual({});
    expect(takeAccess(here)).toBeNull();
  });

  test('is not accepted for another profile, and is deleted then too', () => {
    const { here, stored } = place('/zzz123def456ghi');
    storeHandover({ profile: ID, token: 'secret' }, here);
    expect(takeAccess(here)).toBeNull();
    expect(stored).toEqual({});
  });

  test('is not accepted after half an hour, from the future, or from invalid data', () => {
    for (const at of [1_000_000 - 31 * 60_000, 2_000_000]) {
      const { here } = place(`/${ID}`, { 'identivia.handover': JSON.stringify({ profile: ID, token: 'old', at }) });
      expect(takeAccess(here)).toBeNull();
    }
    for (const rubbish of ['{', '3', '{"profile":1,"token":2,"at":1000000}', 'null']) {
      const { here, stored } = place(`/${ID}`, { 'identivia.handover': rubbish });
      expect(takeHandover(here)).toBeNull();
      expect(stored).toEqual({});
    }
  });

  test('a browser without storage works without the handover', () => {
    const { here } = place(`/${ID}?token=secret`);
    here.storage = null;
    expect(() => storeHandover({ profile: ID, token: 'secret' }, here)).not.toThrow();
    expect(takeAccess(here)?.token).toBe('secret');
    here.storage = { getItem: () => { throw new Error('denied'); }, setItem: () => { throw new Error('full'); }, removeItem: () => undefined };
    expect(() => storeHandover({ profile: ID, token: 'secret' }, here)).not.toThrow();
    expect(takeHandover(here)).toBeNull();
  });
});

test('a profile id is 15 letters and digits', () => {
  expect(parseProfileId(`/${ID}`)).toBe(ID);
  expect(parseProfileId(`/${ID}/`)).toBe(ID);
  for (const other of ['/go', '/', `/${ID}x`, `/${ID.toUpperCase()}`, `/x/${ID}`]) expect(parseProfileId(other)).toBeNull();
});

test('a code is removed from the address bar with its fragment', () => {
  const { here, replaced } = place('/go#k7pm-4qxd');
  expect(takeCode(here)).toBe('K7PM4QXD');
  expect(replaced).toEqual(['/go']);
  const without = place('/go');
  expect(takeCode(without.here)).toBe('');
  expect(without.replaced).toEqual([]);
});

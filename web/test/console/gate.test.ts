import { describe, expect, test } from 'vitest';
import type { ConsoleState } from '../../src/console/api/models';
import { takeEntryToken } from '../../src/console/app/entryToken';
import { chooseGateScreen } from '../../src/console/app/gateScreen';

const state = (more: Partial<ConsoleState>): ConsoleState => ({ setup_needed: false, signed_in: false, stage: null, providers: [], passkeys: false, platform_name: '', ...more });

describe('the gate', () => {
  test.each([
    [{}, null, 'sign_in'],
    [{ setup_needed: true }, null, 'setup_needed'],
    [{ setup_needed: true }, { kind: 'setup', token: 't' }, 'setup'],
    [{}, { kind: 'setup', token: 't' }, 'sign_in'],
    [{}, { kind: 'invitation', token: 't' }, 'invitation'],
    [{ signed_in: true, stage: 'full' }, { kind: 'invitation', token: 't' }, 'invitation'],
    [{ signed_in: false, stage: 'factor' }, null, 'factor'],
    [{ signed_in: false, stage: 'enrol_factor' }, null, 'enrol_factor'],
    [{ signed_in: true, stage: 'full' }, null, 'console'],
  ] as const)('%j with %j shows %s', (more, entry, screen) => {
    expect(chooseGateScreen(state(more), entry, false)).toBe(screen);
  });
  test('recovery codes stay until they are stored', () => {
    expect(chooseGateScreen(state({ signed_in: true, stage: 'full' }), null, true)).toBe('codes');
  });
});

describe('the token of a link', () => {
  const take = (pathname: string, hash: string) => {
    const replaced: string[] = [];
    const history = { replaceState: (_data: unknown, _unused: string, url?: string | URL | null) => void replaced.push(String(url)) };
    return { token: takeEntryToken({ location: { pathname, hash }, history }), replaced };
  };
  test('is taken from the fragment, and the address bar has it no more', () => {
    expect(take('/console/setup', '#token=abc')).toEqual({ token: { kind: 'setup', token: 'abc' }, replaced: ['/console/setup'] });
    expect(take('/console/invitation', '#token=x%2By').token).toEqual({ kind: 'invitation', token: 'x+y' });
  });
  test('is removed from every address, and taken at the two paths only', () => {
    expect(take('/console/queue', '#token=abc')).toEqual({ token: null, replaced: ['/console/queue'] });
    expect(take('/console/setup', '')).toEqual({ token: null, replaced: [] });
  });
});

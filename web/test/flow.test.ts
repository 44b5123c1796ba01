// Rules of the flow: return link, dates, token expiry, tabs, consent version.
import { describe, expect, test } from 'vitest';
import { toDateParts, toIsoDate } from '../src/person/flow/date';
import { buildReturnUrl } from '../src/person/flow/redirect';
import { buildConsentVersion, readTokenExpiry } from '../src/person/flow/session';
import { watchTabs } from '../src/person/flow/tabs';

describe('the return link', () => {
  const id = 'abc123def456ghi';
  test('has profile and status, and keeps the site’s own parameters', () => {
    expect(buildReturnUrl('https://shop.example/back?order=7#top', id, 'pending')).toBe(`https://shop.example/back?order=7&profile_id=${id}&status=pending#top`);
  });
  test('has no token, and no parameter twice', () => {
    expect(buildReturnUrl('https://shop.example/?token=t&status=verified&profile_id=other', id, 'rejected')).toBe(`https://shop.example/?status=rejected&profile_id=${id}`);
  });
  test('is null for anything but http and https', () => {
    for (const bad of ['javascript:alert(1)', 'data:text/html,x', '/relative', '', null, undefined]) expect(buildReturnUrl(bad, id, 'pending')).toBeNull();
  });
});

describe('dates', () => {
  const today = new Date('2026-11-25T12:00:00Z');
  const iso = (day: string, month: string, year: string) => toIsoDate({ day, month, year }, today);
  test('an existing date is ISO 8601', () => {
    expect(iso('1', '2', '1990')).toEqual({ iso: '1990-02-01' });
    expect(iso('29', '2', '2000')).toEqual({ iso: '2000-02-29' });
  });
  test('a missing, impossible or future date is an error of its kind', () => {
    expect(iso('29', '2', '1900')).toEqual({ wrong: 'bad' });
    expect(iso('31', '4', '1990')).toEqual({ wrong: 'bad' });
    expect(iso('1', '1', '90')).toEqual({ wrong: 'bad' });
    expect(iso('1', '1', '0090')).toEqual({ wrong: 'bad' });
    expect(iso('0', '1', '1990')).toEqual({ wrong: 'bad' });
    expect(iso('26', '11', '2026')).toEqual({ wrong: 'future' });
    expect(iso('', '1', '1990')).toEqual({ wrong: 'missing' });
  });
  test('an ISO date has its parts', () => {
    expect(toDateParts('1990-01-15')).toEqual({ day: '15', month: '1', year: '1990' });
    expect(toDateParts('')).toEqual({ day: '', month: '', year: '' });
  });
});

test('a token’s expiry is read, or infinite', () => {
  const token = (payload: object) => `x.${btoa(JSON.stringify(payload)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')}.y`;
  expect(readTokenExpiry(token({ exp: 1_700 }))).toBe(1_700_000);
  for (const other of ['', 'x.y.z', token({}), token({ exp: '1' })]) expect(readTokenExpiry(other)).toBe(Infinity);
});

test('the tab that claims last works', () => {
  const channels: { listener?: (event: MessageEvent) => void }[] = [];
  const open = () => {
    const channel: (typeof channels)[number] = {};
    channels.push(channel);
    return {
      postMessage: (data: unknown) => channels.filter((other) => other !== channel).forEach((other) => other.listener?.({ data } as MessageEvent)),
      addEventListener: (_: 'message', listener: (event: MessageEvent) => void) => void (channel.listener = listener),
      close: () => undefined,
    };
  };
  const stopped: string[] = [];
  const first = watchTabs('p', () => stopped.push('first'), open);
  first.claim();
  const second = watchTabs('p', () => stopped.push('second'), open);
  second.claim();
  expect(stopped).toEqual(['first']);
  first.claim();
  expect(stopped).toEqual(['first', 'second']);
});

describe('the consent version', () => {
  test('names the other processors', () => {
    expect(buildConsentVersion([])).toBe('2026-11');
    expect(buildConsentVersion(['Amazon Web Services', 'OpenAI'])).toBe('2026-11.amazon-web-services.openai');
    expect(buildConsentVersion(['x'.repeat(99)])).toMatch(/^[A-Za-z0-9._-]{1,64}$/);
  });
});

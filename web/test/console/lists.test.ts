import { describe, expect, test } from 'vitest';
import { toAuditQuery, withGroups } from '../../src/console/pages/audit/auditFilters';
import { openReport, readAnalyticsSearch, toReportQuery } from '../../src/console/pages/analytics/analyticsSearch';
import { formatRate, toDaySeries } from '../../src/console/pages/analytics/reportMath';
import { countOfTab, readQueueSearch, stepRow, toReviewQuery } from '../../src/console/pages/queue/queueSearch';
import { decodeDataUrl, readBranding, toBrandingValue } from '../../src/console/pages/settings/brandingDraft';
import { changedSettings, readReviewSettings } from '../../src/console/pages/settings/reviewSettings';
import { givableRoles, toTeams } from '../../src/console/pages/users/RoleFields';
import { formatAge, formatSpan } from '../../src/console/ui/formatAge';
import { dayToTime, readFilters } from '../../src/console/ui/useFilterForm';

const NOW = Date.parse('2026-03-21T10:00:30Z');

describe('the queue’s address', () => {
  test('keeps what it knows', () => {
    expect(readQueueSearch({ tab: 'mine', q: ' Osei ', due: 'never', x: 1, team: '' })).toEqual({ tab: 'mine', q: 'Osei' });
    expect(readQueueSearch({ tab: 'open' })).toEqual({});
  });
  test('means a query of reviews', () => {
    expect(toReviewQuery({}, NOW)).toMatchObject({ state: ['open'], assignee: undefined, due_before: undefined });
    expect(toReviewQuery({ tab: 'mine', assignee: 'x' }, NOW)).toMatchObject({ state: ['claimed', 'deciding'], assignee: 'me' });
    expect(toReviewQuery({ due: '4h', country: 'de' }, NOW)).toMatchObject({ due_before: '2026-03-21 14:00:00.000Z', country: 'DE' });
  });
  test('shows large counts as such', () => {
    const counts = { open: 3, mine: 0, second_look: 1, waiting: 0, decided: 1_000, ages: { '1h': 0, '4h': 0, '24h': 0, older: 0 }, more: true };
    expect([countOfTab(counts, 'open'), countOfTab(counts, 'decided'), countOfTab(undefined, 'open')]).toEqual(['3', '1000+', '']);
  });
  test('steps through rows and stops at the ends', () => {
    const keys = ['a', 'b', 'c'];
    expect([stepRow(keys, null, 1), stepRow(keys, 'a', 1), stepRow(keys, 'c', 1), stepRow(keys, 'a', -1), stepRow(keys, 'gone', -1), stepRow([], null, 1)]).toEqual(['a', 'b', 'c', 'a', 'c', null]);
  });
});

describe('filters', () => {
  test('are read from an address without the empty ones', () => {
    expect(readFilters(['q', 'from'], { q: 7, from: ' ', other: 'x' })).toEqual({ q: '7' });
  });
  test('make days to times, an end to the day behind it', () => {
    expect(dayToTime('2026-03-21')).toBe(new Date(2026, 2, 21).toISOString().replace('T', ' '));
    expect(dayToTime('2026-03-31', true)).toBe(new Date(2026, 3, 1).toISOString().replace('T', ' '));
    expect(dayToTime('yesterday')).toBeUndefined();
    expect(toAuditQuery({ kind: 'review.*', to: '2026-03-31' })).toMatchObject({ kind: 'review.*', from: undefined });
  });
  test('group kinds of events that have relatives', () => {
    expect(withGroups(['review.claimed', 'audit.exported', 'review.decided'])).toEqual(['audit.exported', 'review.*', 'review.claimed', 'review.decided']);
  });
});

describe('reports', () => {
  test('ask for days in UTC, the last one included', () => {
    const search = readAnalyticsSearch({ report: 'breakdown', from: '2026-03-01', to: '2026-03-31' });
    expect(openReport(search)).toBe('breakdown');
    expect(toReportQuery(search)).toEqual({ from: '2026-03-01 00:00:00.000Z', to: '2026-04-01 00:00:00.000Z', team: undefined, by: 'country' });
    expect(openReport({ report: 'nothing' })).toBe('funnel');
  });
  test('show rates with their interval, and nothing of nothing', () => {
    expect(formatRate('en', { value: 0.8, low: 0.7, high: 0.9, of: 10 })).toBe('80% (70% – 90%)');
    expect(formatRate('en', { value: null, low: null, high: null, of: 0 })).toBe('–');
  });
  test('leave a gap for a day without decisions', () => {
    const row = (name: string, group: string, value: number | null) => ({ name, group, count: 1, shown: '1', rate: { value, low: value, high: value, of: 1 }, median_seconds: null, p90_seconds: null });
    const { days, series } = toDaySeries([row('success', '2026-03-02', null), row('success', '2026-03-01', 0.5), row('automation', '2026-03-01', 0.2)]);
    expect(days).toEqual([Date.UTC(2026, 2, 1) / 1_000, Date.UTC(2026, 2, 2) / 1_000]);
    expect(series).toEqual([{ name: 'success', values: [0.5, null] }, { name: 'automation', values: [0.2, null] }]);
  });
});

describe('settings', () => {
  test('of reviews have defaults, and only what changed is saved', () => {
    const stored = readReviewSettings({ four_eyes: true, review_due_hours: 48 });
    expect(stored).toEqual({ review_due_hours: '48', review_undo_seconds: '10', max_resubmissions: '3', four_eyes: true, blind_second_look: true });
    expect(changedSettings(stored, { ...stored, review_undo_seconds: '0', four_eyes: false })).toEqual([
      { key: 'review_undo_seconds', value: 0, isPublic: false },
      { key: 'four_eyes', value: false, isPublic: false },
    ]);
  });
  test('of branding leave empty fields out', () => {
    expect(toBrandingValue({ ...readBranding({ name: 'A', color: '' }), support_email: ' ' })).toEqual({ name: 'A' });
    expect(readBranding('text')).toEqual({});
  });
  test('show a logo from its own bytes only', async () => {
    const blob = decodeDataUrl(`data:image/png;base64,${btoa('abc')}`);
    expect([blob?.type, await blob?.text()]).toEqual(['image/png', 'abc']);
    expect(decodeDataUrl('https://tracker.example/logo.png')).toBeNull();
    expect(decodeDataUrl('data:image/png;base64,***')).toBeNull();
  });
});

test('an admin gives neither of the admin roles', () => {
  expect(givableRoles('admin')).toEqual(['reviewer', 'auditor']);
  expect(givableRoles('super_admin')).toHaveLength(4);
  expect([toTeams(' a, b ,'), toTeams(' ')]).toEqual([['a', 'b'], null]);
});

test('ages and spans use their largest unit', () => {
  expect(formatAge('en', -3 * 3_600_000)).toBe('3 hr. ago');
  expect(formatAge('en', 90_000)).toBe('in 1 min.');
  expect([formatSpan('en', 52_345), formatSpan('en', 30), formatSpan('en', 200_000)]).toEqual(['14.5 hours', '30 seconds', '2.3 days']);
});

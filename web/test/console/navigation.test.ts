import { describe, expect, test } from 'vitest';
import { mayOpen, openPages, openSections } from '../../src/console/app/navigation';

const ids = (permissions: string[]): string[] => openPages(permissions).map((page) => page.id);

describe('the navigation', () => {
  test('shows a reviewer the queue and people, and neither users nor settings', () => {
    expect(ids(['console:self', 'reviews:read', 'profiles:read', 'files:read'])).toEqual(['overview', 'queue', 'profiles']);
  });
  test('shows an auditor the log and numbers', () => {
    expect(ids(['reviews:read', 'profiles:read', 'audit:read', 'analytics:read'])).toEqual(['overview', 'queue', 'profiles', 'audit', 'analytics']);
  });
  test('always has the overview', () => expect(ids([])).toEqual(['overview']));
  test.each([
    ['/users', false],
    ['/users/', false],
    ['/settings/general', false],
    ['/queue', true],
    ['/reviews/abc', true],
    ['/account', true],
    ['/', true],
    ['/nothing', true],
  ])('lets a reviewer open %s: %s', (path, may) => expect(mayOpen(path, ['console:self', 'reviews:read', 'profiles:read'])).toBe(may));
  test('opens settings by section', () => {
    expect(openSections(['settings:read', 'webhooks:read'])).toEqual(['general', 'review', 'notifications', 'webhooks']);
    expect(openSections(['clients:manage', 'health:read'])).toEqual(['clients', 'providers']);
  });
});

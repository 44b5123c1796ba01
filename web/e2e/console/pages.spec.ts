// Every page on phone and computer, in both themes: no axe violation, nothing wider than the screen, targets of 24 px, a screenshot.
import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { COMPUTER, PHONE, expect, openConsole, test } from './consoleTest';
import type { StandInState } from './standIn';
import { time } from './standInData';

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const SHOTS = 'test-results/console';

interface Shown {
  name: string;
  path: string;
  prepare?: (state: StandInState) => void;
  act?: (page: Page) => Promise<void>;
}

const claimed = (state: StandInState): void => {
  Object.assign(state.review, { state: 'claimed', mine: true, claim_id: 'claim1', holder: { id: 'x', name: 'Ada Osei' }, claim_until: time(900_000) });
};

const PAGES: Shown[] = [
  { name: 'sign-in', path: '/', prepare: (state) => (state.stage = 'none') },
  { name: 'setup-needed', path: '/', prepare: (state) => Object.assign(state, { stage: 'none', setupNeeded: true }) },
  { name: 'setup', path: '/setup#token=abc', prepare: (state) => Object.assign(state, { stage: 'none', setupNeeded: true }) },
  { name: 'factor', path: '/', prepare: (state) => (state.stage = 'factor') },
  { name: 'enrol', path: '/', prepare: (state) => (state.stage = 'enrol_factor') },
  { name: 'sign-in-passkey', path: '/', prepare: (state) => Object.assign(state, { stage: 'none', passkeys: true }), act: async (page) => page.getByRole('button', { name: 'Sign in with a passkey' }).click() },
  { name: 'factor-passkey', path: '/', prepare: (state) => Object.assign(state, { stage: 'factor', passkeys: true }) },
  { name: 'enrol-choose', path: '/', prepare: (state) => Object.assign(state, { stage: 'enrol_factor', passkeys: true }) },
  { name: 'enrol-passkey', path: '/', prepare: (state) => Object.assign(state, { stage: 'enrol_factor', passkeys: true }), act: async (page) => page.getByRole('button', { name: /^Passkey on this device/ }).click() },
  { name: 'overview', path: '/' },
  { name: 'queue', path: '/queue' },
  { name: 'queue-decided', path: '/queue?tab=decided' },
  { name: 'case-open', path: '/reviews/review000000001' },
  { name: 'case-claimed', path: '/reviews/review000000001', prepare: claimed },
  { name: 'case-faces', path: '/reviews/review000000001', prepare: claimed, act: async (page) => page.getByRole('tab', { name: 'Faces' }).click() },
  { name: 'case-reject', path: '/reviews/review000000001', prepare: claimed, act: async (page) => page.getByRole('button', { name: 'Reject' }).click() },
  { name: 'case-resubmission', path: '/reviews/review000000001', prepare: claimed, act: async (page) => page.getByRole('button', { name: 'Ask for new pictures' }).click() },
  { name: 'case-reveal', path: '/reviews/review000000001', prepare: claimed, act: async (page) => page.getByRole('button', { name: 'Reveal' }).click() },
  { name: 'profiles', path: '/profiles' },
  { name: 'profile', path: '/profiles/profile00000001' },
  { name: 'users', path: '/users' },
  { name: 'users-invite', path: '/users', act: async (page) => page.getByRole('button', { name: 'Invite' }).click() },
  { name: 'audit', path: '/audit' },
  { name: 'analytics', path: '/analytics' },
  { name: 'analytics-rates', path: '/analytics?report=rates' },
  { name: 'settings-general', path: '/settings/general' },
  { name: 'settings-review', path: '/settings/review' },
  { name: 'settings-reasons', path: '/settings/reasons' },
  { name: 'settings-webhooks', path: '/settings/webhooks', act: async (page) => page.getByRole('button', { name: 'Deliveries' }).click() },
  { name: 'settings-clients', path: '/settings/clients' },
  { name: 'settings-providers', path: '/settings/providers' },
  { name: 'settings-providers-tested', path: '/settings/providers', act: async (page) => { for (const name of ['E-mail', 'Records']) await page.getByRole('button', { name: `Test: ${name}` }).click(); } },
  { name: 'settings-notifications', path: '/settings/notifications' },
  { name: 'account', path: '/account' },
  { name: 'account-step-up', path: '/account', prepare: (state) => (state.passkeys = true), act: async (page) => page.getByRole('button', { name: 'New recovery codes' }).click() },
  { name: 'account-passkey-rename', path: '/account', prepare: (state) => (state.passkeys = true), act: async (page) => page.getByRole('button', { name: 'Rename “Work laptop”' }).click() },
  { name: 'account-passkey-remove', path: '/account', prepare: (state) => (state.passkeys = true), act: async (page) => page.getByRole('button', { name: 'Remove “Work laptop”' }).click() },
  { name: 'keys', path: '/account', act: async (page) => page.keyboard.press('?') },
  { name: 'missing', path: '/nothing/here' },
];

/**
 * What axe finds. Only contrast depends on the theme, and it does not depend on the size: so in the dark theme contrast alone is
 * checked, and on the phone all but contrast. In legacy mode axe opens no page of its own, which only frames would need.
 */
async function findViolations(page: Page, size: 'computer' | 'phone', colorScheme: 'light' | 'dark'): Promise<string[]> {
  if (size === 'phone' && colorScheme === 'dark') return [];
  const axe = new AxeBuilder({ page }).setLegacyMode();
  if (colorScheme === 'dark') axe.withRules('color-contrast');
  else axe.withTags(TAGS);
  if (size === 'phone') axe.disableRules('color-contrast');
  const { violations } = await axe.analyze();
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html}\n    ${node.failureSummary}`).join('\n  ')}`);
}

for (const shown of PAGES) {
  test(`${shown.name} is accessible in both themes, on phone and computer`, async ({ page, standIn }) => {
    shown.prepare?.(standIn.state);
    for (const [size, viewport] of [['computer', COMPUTER], ['phone', PHONE]] as const) {
      await page.setViewportSize(viewport);
      await openConsole(page, standIn, shown.path);
      await shown.act?.(page);
      await page.waitForLoadState('networkidle');
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        expect.soft(await findViolations(page, size, colorScheme), `${shown.name}, ${size}, ${colorScheme}`).toEqual([]);
        await page.screenshot({ path: `${SHOTS}/${shown.name}-${size}-${colorScheme}.png`, fullPage: true });
      }
      expect.soft(await findWideElements(page), `${shown.name}, ${size}: wider than the screen`).toEqual([]);
      expect.soft(await findSmallTargets(page), `${shown.name}, ${size}: too small to press`).toEqual([]);
    }
  });
}

test('no element has a transition for people who want less motion', async ({ page, standIn }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await openConsole(page, standIn, '/');
  const slow = await page.evaluate(() =>
    [...document.querySelectorAll('body, body *')].filter((element) => /[1-9]/.test(getComputedStyle(element).transitionDuration)).map((element) => element.outerHTML.slice(0, 80)),
  );
  expect(slow).toEqual([]);
});

for (const language of ['de', 'es', 'fr']) {
  test(`in ${language} no page is wider than a phone's screen`, async ({ page, standIn }) => {
    await page.setViewportSize(PHONE);
    standIn.state.language = language;
    claimed(standIn.state);
    for (const path of ['/', '/queue', '/reviews/review000000001', '/profiles', '/profiles/profile00000001', '/users', '/audit', '/analytics', '/settings/review', '/settings/webhooks', '/settings/clients', '/account']) {
      await openConsole(page, standIn, path);
      await expect(page.locator('html')).toHaveAttribute('lang', language);
      await expect(page.locator('h1')).toBeVisible();
      expect.soft(await findWideElements(page), `${path} in ${language}`).toEqual([]);
    }
  });
}

/** If the page scrolls sideways: the elements that reach beyond the screen. */
function findWideElements(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const wide = [...document.querySelectorAll('body *')].filter((element) => element.getBoundingClientRect().right > clientWidth + 0.5);
    return wide.map((element) => element.outerHTML.slice(0, 120));
  });
}

/** Controls below 24 CSS pixels, apart from links in text, which SC 2.5.8 leaves out. */
function findSmallTargets(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>('button, select, summary, input:not([type=checkbox], [type=radio]), textarea, .check label')]
      .filter((element) => {
        const { width, height } = element.getBoundingClientRect();
        return width > 1 && element.closest('.hidden') === null && (height < 23.5 || width < 23.5);
      })
      .map((element) => element.outerHTML.slice(0, 120)),
  );
}

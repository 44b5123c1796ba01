// Accessibility checks of one screen: axe in both themes and all languages, horizontal overflow, size of targets.
import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { LANGUAGES } from '../src/shared/i18n/language';
import { expect } from './testServer';

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/**
 * Expects no axe violation in either theme and any language, no horizontal overflow, and targets that are large enough.
 * In the dark theme only contrast is checked, which alone depends on it. It is the same in all languages, so the others are
 * checked without it.
 */
export async function checkAccessibility(page: Page, name: string, languages: readonly string[] = LANGUAGES): Promise<void> {
  for (const [index, language] of languages.entries()) {
    if (languages.length > 1) {
      await page.locator('.language select').selectOption(language);
      await expect(page.locator('html')).toHaveAttribute('lang', language);
    }
    if (index === 0) {
      await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
      await expectNoViolations(newAxe(page), `${name}, ${language}, light`);
      await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' });
      await expectNoViolations(newAxe(page).withRules('color-contrast'), `${name}, ${language}, dark`);
    } else {
      await expectNoViolations(newAxe(page).disableRules('color-contrast'), `${name}, ${language}`);
    }
    const width = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth] as const);
    expect.soft(width[0], `${name}, ${language}: overflows sideways`).toBeLessThanOrEqual(width[1]);
    expect.soft(await findSmallTargets(page), `${name}, ${language}: too small to press`).toEqual([]);
  }
  if (languages.length > 1) await page.locator('.language select').selectOption('en');
  await page.emulateMedia({ colorScheme: 'light' });
}

/** In legacy mode axe opens no page of its own, which only frames would need. */
const newAxe = (page: Page): AxeBuilder => new AxeBuilder({ page }).setLegacyMode().withTags(TAGS);

async function expectNoViolations(checks: AxeBuilder, where: string): Promise<void> {
  const { violations } = await checks.analyze();
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html}\n    ${node.failureSummary}`).join('\n  ')}`);
  expect.soft(found, where).toEqual([]);
}

/** Controls below 44 CSS pixels, apart from links in a sentence and inputs whose label is the target. */
function findSmallTargets(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>('button, select, a, label:has(input[type=radio], input[type=checkbox], input[type=file]), input:not([type=radio], [type=checkbox], [type=file]), textarea')]
      .filter((element) => {
        const { width, height } = element.getBoundingClientRect();
        const isInSentence = element.tagName === 'A' && element.closest('p.fine, li') !== null;
        const isHidden = width <= 1 || getComputedStyle(element).visibility === 'hidden' || element.closest('.skip, .hidden') !== null;
        return !isInSentence && !isHidden && (height < 43.5 || width < 43.5);
      })
      .map((element) => `${element.outerHTML.slice(0, 120)} ${element.getBoundingClientRect().width}×${element.getBoundingClientRect().height}`),
  );
}

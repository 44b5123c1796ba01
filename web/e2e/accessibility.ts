// Accessibility checks of one screen: axe in both themes and all languages, horizontal overflow, size of targets.
import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { LANGUAGES } from '../src/shared/i18n/language';
import { expect } from './testServer';

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/**
 * Expects no axe violation in either theme and any language, no horizontal overflow, and targets that are large enough.
 * The first language is checked in both themes. The others are checked in one theme and without contrast, which takes the most
 * time: the colours are the same in all languages.
 */
export async function checkAccessibility(page: Page, name: string, languages: readonly string[] = LANGUAGES): Promise<void> {
  for (const [index, language] of languages.entries()) {
    if (languages.length > 1) {
      await page.locator('.language select').selectOption(language);
      await expect(page.locator('html')).toHaveAttribute('lang', language);
    }
    if (index === 0) {
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        await expectNoViolations(new AxeBuilder({ page }).withTags(TAGS), `${name}, ${language}, ${colorScheme}`);
      }
    } else {
      await expectNoViolations(new AxeBuilder({ page }).withTags(TAGS).disableRules('color-contrast'), `${name}, ${language}`);
    }
    const width = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth] as const);
    expect.soft(width[0], `${name}, ${language}: overflows sideways`).toBeLessThanOrEqual(width[1]);
    expect.soft(await findSmallTargets(page), `${name}, ${language}: too small to press`).toEqual([]);
  }
  if (languages.length > 1) await page.locator('.language select').selectOption('en');
  await page.emulateMedia({ colorScheme: 'light' });
}

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

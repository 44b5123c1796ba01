// The way a person goes, screen by screen.
import type { Page } from '@playwright/test';
import { expect, screen } from './world';

export const PHONE = { width: 390, height: 844 };
export const SMALL = { width: 320, height: 568 };
export const COMPUTER = { width: 1280, height: 800 };

/** A look at a screen, kept for those who judge by eye. */
export async function shoot(page: Page, name: string): Promise<void> {
  await page.evaluate(() => document.fonts.ready);
  await page.screenshot({ path: `e2e/shots/${name}.png`, animations: 'disabled' });
}

export async function consent(page: Page): Promise<void> {
  await expect(screen(page, 'consent')).toBeVisible();
  await page.locator('#agree').check();
  await page.locator('.actions .primary').click();
}

export async function stayHere(page: Page): Promise<void> {
  await expect(screen(page, 'device')).toBeVisible();
  await page.locator('.actions .secondary').click();
}

export async function choose(page: Page, type: 'passport' | 'national_id' = 'passport'): Promise<void> {
  await expect(screen(page, 'document')).toBeVisible();
  await page.locator('#country').selectOption('DE');
  await page.locator(`#type-${type}`).check();
  await page.locator('.actions .primary').click();
}

/** Waits until the picture is taken by itself, and uses it. */
export async function picture(page: Page, side: 'front' | 'back'): Promise<void> {
  await expect(screen(page, side).or(screen(page, `preview-${side}`))).toBeVisible();
  await expect(screen(page, `preview-${side}`)).toBeVisible();
  await page.locator('.actions .primary').click();
}

/** From the document's pictures to the face, past advice where there is some. */
export async function toFace(page: Page): Promise<void> {
  const face = screen(page, 'face');
  const advice = screen(page, 'advice');
  await expect(face.or(advice)).toBeVisible({ timeout: 60_000 });
  if (await advice.isVisible()) await page.locator('.actions .secondary').click();
  await expect(face).toBeVisible();
}

export async function face(page: Page): Promise<void> {
  await expect(screen(page, 'face')).toBeVisible();
  await page.locator('.actions .primary').click();
  await expect(screen(page, 'details').or(screen(page, 'failed'))).toBeVisible({ timeout: 75_000 });
}

export async function send(page: Page): Promise<void> {
  await expect(screen(page, 'details')).toBeVisible();
  await page.locator('.actions .primary').click();
  await expect(screen(page, 'outcome')).toBeVisible({ timeout: 30_000 });
}

// A person's steps through the flow, screen by screen.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Page } from '@playwright/test';
import { type ScreenPlace, type TestPerson, type TestServer, expect, findScreen } from './testServer';

export const PHONE = { width: 390, height: 844 };
export const SMALL = { width: 320, height: 568 };
export const COMPUTER = { width: 1280, height: 800 };

/** Records the page's layout shifts from its start. */
export async function recordLayoutShifts(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const jumps: { at: number; by: number }[] = [];
    Object.assign(window, { jumps });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as unknown as { startTime: number; value: number; hadRecentInput: boolean }[]) {
        if (!entry.hadRecentInput) jumps.push({ at: entry.startTime, by: entry.value });
      }
    }).observe({ type: 'layout-shift', buffered: true });
  });
}

/** Cumulative Layout Shift: the largest sum of shifts within five seconds without a pause of one. */
export async function computeLayoutShift(page: Page): Promise<number> {
  const jumps = await page.evaluate(() => (window as unknown as { jumps: { at: number; by: number }[] }).jumps);
  let [began, last, sum, most] = [-Infinity, -Infinity, 0, 0];
  for (const { at, by } of jumps) {
    if (at - last > 1_000 || at - began > 5_000) [began, sum] = [at, 0];
    [last, sum] = [at, sum + by];
    most = Math.max(most, sum);
  }
  return most;
}

/** Saves a screenshot, for review by eye. */
export async function takeScreenshot(page: Page, name: string): Promise<void> {
  await page.evaluate(() => document.fonts.ready);
  await page.screenshot({ path: `e2e/shots/${name}.png`, animations: 'disabled' });
}

export async function giveConsent(page: ScreenPlace): Promise<void> {
  await expect(findScreen(page, 'consent')).toBeVisible();
  await page.locator('#agree').check();
  await page.locator('.actions .primary').click();
}

export async function stayOnComputer(page: ScreenPlace): Promise<void> {
  await expect(findScreen(page, 'device')).toBeVisible();
  await page.locator('.actions .secondary').click();
}

export async function chooseDocument(page: ScreenPlace, type: 'passport' | 'national_id' = 'passport'): Promise<void> {
  await expect(findScreen(page, 'document')).toBeVisible();
  await page.locator('#country').selectOption('DE');
  await page.locator(`#type-${type}`).check();
  await page.locator('.actions .primary').click();
}

/** Waits until the picture is taken automatically, and accepts it. */
export async function takePicture(page: ScreenPlace, side: 'front' | 'back'): Promise<void> {
  await expect(findScreen(page, side).or(findScreen(page, `preview-${side}`))).toBeVisible();
  await expect(findScreen(page, `preview-${side}`)).toBeVisible();
  await page.locator('.actions .primary').click();
}

/** Goes from the document's pictures to the face step, past any advice. */
export async function goToFace(page: ScreenPlace): Promise<void> {
  const passFaceCheck = findScreen(page, 'face');
  const advice = findScreen(page, 'advice');
  await expect(passFaceCheck.or(advice)).toBeVisible({ timeout: 120_000 });
  if (await advice.isVisible()) await page.locator('.actions .secondary').click();
  await expect(passFaceCheck).toBeVisible();
}

export async function face(page: ScreenPlace): Promise<void> {
  await expect(findScreen(page, 'face')).toBeVisible();
  await page.locator('.actions .primary').click();
  await expect(findScreen(page, 'details').or(findScreen(page, 'failed'))).toBeVisible({ timeout: 150_000 });
}

export async function sendDetails(page: ScreenPlace): Promise<void> {
  await expect(findScreen(page, 'details')).toBeVisible();
  await page.locator('.actions .primary').click();
  await expect(findScreen(page, 'outcome')).toBeVisible({ timeout: 30_000 });
}

const DATA = resolve(import.meta.dirname, '../../tests/data');

/** Uploads a person's document through the API, for tests of the later steps. */
export async function uploadDocument(server: TestServer, person: TestPerson): Promise<void> {
  await server.callAsBrowser(person.token, 'POST', `/api/flow/${person.id}/consent`, { version: '2026-11', language: 'en' });
  const form = new FormData();
  form.set('document_type', 'passport');
  form.set('country', 'DE');
  form.set('document_front', new Blob([readFileSync(resolve(DATA, 'passport.jpg'))]), 'front.jpg');
  await server.callAsBrowser(person.token, 'PATCH', `/api/profiles/${person.id}`, form);
  const details = { name: 'Jane Marie Specimen', document_number: 'A12345678', country: 'UTO', date_of_birth: '1990-01-15' };
  await server.callAsBrowser(person.token, 'PUT', `/api/flow/${person.id}/details`, details);
}

export const findTestFile = (name: string): string => resolve(DATA, name);

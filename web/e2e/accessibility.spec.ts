// Accessibility: automatic WCAG checks on every screen in both themes and all languages, keyboard only, small screens, large text.
import type { Page } from '@playwright/test';
import { showCamera } from './camera';
import { checkAccessibility } from './accessibility';
import { COMPUTER, PHONE, chooseDocument, giveConsent, findTestFile, takeScreenshot, goToFace } from './flowSteps';
import { expect, findScreen, test } from './testServer';

test('every screen passes the accessibility checks', async ({ page, server, context }) => {
  test.setTimeout(900_000);
  await page.setViewportSize({ width: 320, height: 640 });
  await showCamera(page, 'passport');
  const person = await server.createPerson({ redirect_url: 'https://shop.example/back' });
  await page.goto(person.url);
  await checkUntilPreview(page);
  await checkReading(page);
  await checkFaceAndDetails(page);
  await server.callAsMachine('POST', `/api/status_history/${person.id}`, { previous_status: 'pending', new_status: 'rejected', notes: 'Looked at' });
  await page.reload();
  await expect(page.locator('[data-screen="outcome"][data-status="rejected"]')).toBeVisible();
  await checkAccessibility(page, 'outcome, rejected');
  await takeScreenshot(page, '320-outcome-rejected');

  const other = await context.newPage();
  await other.setViewportSize({ width: 320, height: 640 });
  for (const [address, name] of [[`/${person.id}`, 'trouble-reopen'], ['/go', 'go'], [`/${person.id}?token=x`, 'trouble-link']] as const) {
    await other.goto(server.url + address);
    await expect(findScreen(other, name)).toBeVisible();
    await checkAccessibility(other, name);
  }
});

async function checkUntilPreview(page: Page): Promise<void> {
  await expect(findScreen(page, 'consent')).toBeVisible();
  await checkAccessibility(page, 'consent');
  await page.locator('.actions .primary').click();
  await expect(page.locator('#agree-error')).toBeVisible();
  await checkAccessibility(page, 'consent without a tick');
  await giveConsent(page);
  await expect(findScreen(page, 'document')).toBeVisible();
  await checkAccessibility(page, 'document');
  await page.getByRole('button', { name: 'Go on with another device' }).click();
  await expect(page.locator('.square svg[role=img]')).toBeVisible();
  await checkAccessibility(page, 'handoff');
  await page.locator('.actions .secondary').click();
  await page.evaluate(() => Object.assign(window, { cameraAside: 0.3 }));
  await chooseDocument(page);
  await expect(page.locator('.stage-hint p')).toBeVisible();
  await checkAccessibility(page, 'front');
  await page.evaluate(() => Object.assign(window, { cameraAside: 0 }));
  await expect(findScreen(page, 'preview-front')).toBeVisible();
  await checkAccessibility(page, 'preview');
}

async function checkReading(page: Page): Promise<void> {
  // The reading is held back until the screen has been checked.
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  await page.route('**/api/ollama/document-analysis', (route) => released.then(() => route.continue()));
  await page.locator('.actions .primary').click();
  await expect(findScreen(page, 'reading')).toBeVisible();
  await checkAccessibility(page, 'reading');
  release();
}

async function checkFaceAndDetails(page: Page): Promise<void> {
  await goToFace(page);
  await checkAccessibility(page, 'face');
  await page.locator('.actions .primary').click();
  await page.locator('[data-step]:not([data-step=""])').waitFor();
  await checkAccessibility(page, 'face check', ['en']);
  await expect(findScreen(page, 'details')).toBeVisible({ timeout: 150_000 });
  await expect(page.locator('#document_number')).toHaveValue('A12345678', { timeout: 60_000 });
  await checkAccessibility(page, 'details');
  await page.locator('#name').fill('');
  await page.locator('.actions .primary').click();
  await expect(page.locator('.summary')).toBeFocused();
  await checkAccessibility(page, 'details with a mistake');
  await page.locator('#name').fill('Jane Marie Specimen');
  await page.locator('.actions .primary').click();
  await expect(findScreen(page, 'outcome')).toBeVisible({ timeout: 30_000 });
  await checkAccessibility(page, 'outcome');
}

test('camera troubles and a computer’s screens pass the accessibility checks', async ({ page, server }) => {
  await page.setViewportSize(COMPUTER);
  await showCamera(page, 'passport', { fails: 'NotAllowedError' });
  const person = await server.createPerson();
  await page.goto(person.url);
  await giveConsent(page);
  await expect(findScreen(page, 'device')).toBeVisible();
  await checkAccessibility(page, 'device');
  await page.locator('.actions .secondary').click();
  await chooseDocument(page);
  await expect(page.locator('[data-trouble]')).toBeVisible();
  await checkAccessibility(page, 'camera denied');
});

test('advice about an unreadable picture passes the accessibility checks', async ({ page, server }) => {
  await page.setViewportSize({ width: 320, height: 640 });
  await showCamera(page, 'passport', { fails: 'NotFoundError' });
  const person = await server.createPerson();
  await page.goto(person.url);
  await giveConsent(page);
  await chooseDocument(page);
  // A portrait is no passport.
  await page.locator('input[type=file]').setInputFiles(findTestFile('portrait.jpg'));
  await expect(findScreen(page, 'preview-front')).toBeVisible();
  await page.locator('.actions .primary').click();
  await expect(findScreen(page, 'advice')).toBeVisible({ timeout: 120_000 });
  await checkAccessibility(page, 'advice');
  await takeScreenshot(page, '320-advice');
  await page.locator('.actions .primary').click();
  await expect(page.locator('[data-trouble="missing"]')).toBeVisible();
});

test('text at twice its size fits on a phone', async ({ page, server }) => {
  // A zoom of 200 % is half as many CSS pixels.
  await page.setViewportSize({ width: PHONE.width / 2, height: PHONE.height / 2 });
  const person = await server.createPerson();
  await page.goto(person.url);
  await expect(findScreen(page, 'consent')).toBeVisible();
  const sticksOut = () => page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
  expect(await sticksOut()).toBe(false);
  await giveConsent(page);
  await expect(findScreen(page, 'document')).toBeVisible();
  expect(await sticksOut()).toBe(false);
});

test('the keyboard alone suffices, and the focus follows the screen', async ({ page, server }) => {
  await page.setViewportSize(COMPUTER);
  await showCamera(page, 'passport');
  const person = await server.createPerson();
  await page.goto(person.url);
  await expect(findScreen(page, 'consent')).toBeVisible();
  const reach = async (selector: string): Promise<void> => {
    for (let i = 0; i < 60; i += 1) {
      if (await page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, selector)) return;
      await page.keyboard.press('Tab');
    }
    throw new Error(`the keyboard does not reach ${selector}`);
  };
  await page.keyboard.press('Tab');
  await expect(page.locator('.skip')).toBeFocused();
  await reach('#agree');
  await page.keyboard.press('Space');
  await reach('.actions .primary');
  await page.keyboard.press('Enter');
  await expect(findScreen(page, 'device')).toBeVisible();
  await expect(page.locator('h1')).toBeFocused();
  await reach('.actions .secondary');
  await page.keyboard.press('Enter');
  await expect(findScreen(page, 'document')).toBeVisible();
  await expect(page.locator('h1')).toBeFocused();
  await reach('#country');
  await page.keyboard.type('Germ');
  await reach('input[type=radio]');
  await page.keyboard.press('Space');
  await reach('.actions .primary');
  // The document lies aside: by the shutter, not by itself.
  await page.evaluate(() => Object.assign(window, { cameraAside: 0.2 }));
  await page.keyboard.press('Enter');
  await expect(findScreen(page, 'front')).toBeVisible();
  await expect(page.locator('h1')).toBeFocused();
  await expect(page.locator('.shutter')).toBeEnabled();
  await reach('.shutter');
  await page.evaluate(() => Object.assign(window, { cameraAside: 0 }));
  await page.keyboard.press('Enter');
  await expect(findScreen(page, 'preview-front')).toBeVisible();
  await expect(page.locator('h1')).toBeFocused();
  await reach('.actions .primary');
  await page.keyboard.press('Enter');
  await goToFace(page);
  await expect(page.locator('h1')).toBeFocused();
  await reach('.actions .primary');
  await page.keyboard.press('Enter');
  // What is asked is said to those who do not see it.
  await expect(page.locator('[aria-live="assertive"]')).toHaveText(/Look straight|Turn your head|Come closer/, { timeout: 30_000 });
  await expect(findScreen(page, 'details')).toBeVisible({ timeout: 150_000 });
  await expect(page.locator('#document_number')).toHaveValue('A12345678', { timeout: 60_000 });
  await reach('.actions .primary');
  await page.keyboard.press('Enter');
  await expect(findScreen(page, 'outcome')).toBeVisible({ timeout: 30_000 });
  await expect(page.locator('h1')).toBeFocused();
});

test('a right-to-left layout does not overflow', async ({ page, server }) => {
  await page.setViewportSize(PHONE);
  const person = await server.createPerson();
  await page.goto(person.url);
  await expect(findScreen(page, 'consent')).toBeVisible();
  await page.evaluate(() => (document.documentElement.dir = 'rtl'));
  expect(await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth)).toBe(false);
  await page.screenshot({ path: 'e2e/shots/rtl-consent.png', animations: 'disabled' });
});

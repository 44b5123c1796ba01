// For everyone: WCAG's mechanical part on every screen in both themes and all languages, the keyboard alone, small screens, large text.
import { showCamera } from './camera';
import { check } from './check';
import { COMPUTER, PHONE, choose, consent, file, shoot, toFace } from './walk';
import { expect, screen, test } from './world';

test('every screen', async ({ page, server, context }) => {
  test.setTimeout(900_000);
  await page.setViewportSize({ width: 320, height: 640 });
  await showCamera(page, 'passport');
  const person = await server.person({ redirect_url: 'https://shop.example/back' });
  await page.goto(person.url);
  await expect(screen(page, 'consent')).toBeVisible();
  await check(page, 'consent');
  await page.locator('.actions .primary').click();
  await expect(page.locator('#agree-error')).toBeVisible();
  await check(page, 'consent without a tick');
  await consent(page);
  await expect(screen(page, 'document')).toBeVisible();
  await check(page, 'document');
  await page.getByRole('button', { name: 'Go on with another device' }).click();
  await expect(page.locator('.square svg[role=img]')).toBeVisible();
  await check(page, 'handoff');
  await page.locator('.actions .secondary').click();
  await page.evaluate(() => Object.assign(window, { cameraAside: 0.3 }));
  await choose(page);
  await expect(page.locator('.stage-hint p')).toBeVisible();
  await check(page, 'front');
  await page.evaluate(() => Object.assign(window, { cameraAside: 0 }));
  await expect(screen(page, 'preview-front')).toBeVisible();
  await check(page, 'preview');
  // It is read once all has been looked at.
  let look = (): void => undefined;
  const looked = new Promise<void>((resolve) => (look = resolve));
  await page.route('**/api/ollama/document-analysis', (route) => looked.then(() => route.continue()));
  await page.locator('.actions .primary').click();
  await expect(screen(page, 'reading')).toBeVisible();
  await check(page, 'reading');
  look();
  await toFace(page);
  await check(page, 'face');
  await page.locator('.actions .primary').click();
  await page.locator('[data-step]:not([data-step=""])').waitFor();
  await check(page, 'face check', ['en']);
  await expect(screen(page, 'details')).toBeVisible({ timeout: 150_000 });
  await expect(page.locator('#document_number')).toHaveValue('A12345678', { timeout: 60_000 });
  await check(page, 'details');
  await page.locator('#name').fill('');
  await page.locator('.actions .primary').click();
  await expect(page.locator('.summary')).toBeFocused();
  await check(page, 'details with a mistake');
  await page.locator('#name').fill('Jane Marie Specimen');
  await page.locator('.actions .primary').click();
  await expect(screen(page, 'outcome')).toBeVisible({ timeout: 30_000 });
  await check(page, 'outcome');
  await server.machine('POST', `/api/status_history/${person.id}`, { previous_status: 'pending', new_status: 'rejected', notes: 'Looked at' });
  await page.reload();
  await expect(page.locator('[data-screen="outcome"][data-status="rejected"]')).toBeVisible();
  await check(page, 'outcome, rejected');
  await shoot(page, '320-outcome-rejected');

  const other = await context.newPage();
  await other.setViewportSize({ width: 320, height: 640 });
  for (const [address, name] of [[`/${person.id}`, 'trouble-reopen'], ['/go', 'go'], [`/${person.id}?token=x`, 'trouble-link']] as const) {
    await other.goto(server.url + address);
    await expect(screen(other, name)).toBeVisible();
    await check(other, name);
  }
});

test('cameras that fail, and computers', async ({ page, server }) => {
  await page.setViewportSize(COMPUTER);
  await showCamera(page, 'passport', { fails: 'NotAllowedError' });
  const person = await server.person();
  await page.goto(person.url);
  await consent(page);
  await expect(screen(page, 'device')).toBeVisible();
  await check(page, 'device');
  await page.locator('.actions .secondary').click();
  await choose(page);
  await expect(page.locator('[data-trouble]')).toBeVisible();
  await check(page, 'camera denied');
});

test('advice about a picture that cannot be read', async ({ page, server }) => {
  await page.setViewportSize({ width: 320, height: 640 });
  await showCamera(page, 'passport', { fails: 'NotFoundError' });
  const person = await server.person();
  await page.goto(person.url);
  await consent(page);
  await choose(page);
  // A portrait is no passport.
  await page.locator('input[type=file]').setInputFiles(file('portrait.jpg'));
  await expect(screen(page, 'preview-front')).toBeVisible();
  await page.locator('.actions .primary').click();
  await expect(screen(page, 'advice')).toBeVisible({ timeout: 120_000 });
  await check(page, 'advice');
  await shoot(page, '320-advice');
  await page.locator('.actions .primary').click();
  await expect(page.locator('[data-trouble="missing"]')).toBeVisible();
});

test('text at twice its size on a phone', async ({ page, server }) => {
  // A zoom of 200 % is half as many CSS pixels.
  await page.setViewportSize({ width: PHONE.width / 2, height: PHONE.height / 2 });
  const person = await server.person();
  await page.goto(person.url);
  await expect(screen(page, 'consent')).toBeVisible();
  const sticksOut = () => page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
  expect(await sticksOut()).toBe(false);
  await consent(page);
  await expect(screen(page, 'document')).toBeVisible();
  expect(await sticksOut()).toBe(false);
});

test('the keyboard alone, and the focus where one looks', async ({ page, server }) => {
  await page.setViewportSize(COMPUTER);
  await showCamera(page, 'passport');
  const person = await server.person();
  await page.goto(person.url);
  await expect(screen(page, 'consent')).toBeVisible();
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
  await expect(screen(page, 'device')).toBeVisible();
  await expect(page.locator('h1')).toBeFocused();
  await reach('.actions .secondary');
  await page.keyboard.press('Enter');
  await expect(screen(page, 'document')).toBeVisible();
  await expect(page.locator('h1')).toBeFocused();
  await reach('#country');
  await page.keyboard.type('Germ');
  await reach('input[type=radio]');
  await page.keyboard.press('Space');
  await reach('.actions .primary');
  // The document lies aside: by the shutter, not by itself.
  await page.evaluate(() => Object.assign(window, { cameraAside: 0.2 }));
  await page.keyboard.press('Enter');
  await expect(screen(page, 'front')).toBeVisible();
  await expect(page.locator('h1')).toBeFocused();
  await expect(page.locator('.shutter')).toBeEnabled();
  await reach('.shutter');
  await page.evaluate(() => Object.assign(window, { cameraAside: 0 }));
  await page.keyboard.press('Enter');
  await expect(screen(page, 'preview-front')).toBeVisible();
  await expect(page.locator('h1')).toBeFocused();
  await reach('.actions .primary');
  await page.keyboard.press('Enter');
  await toFace(page);
  await expect(page.locator('h1')).toBeFocused();
  await reach('.actions .primary');
  await page.keyboard.press('Enter');
  // What is asked is said to those who do not see it.
  await expect(page.locator('[aria-live="assertive"]')).toHaveText(/Look straight|Turn your head|Come closer/, { timeout: 30_000 });
  await expect(screen(page, 'details')).toBeVisible({ timeout: 150_000 });
  await expect(page.locator('#document_number')).toHaveValue('A12345678', { timeout: 60_000 });
  await reach('.actions .primary');
  await page.keyboard.press('Enter');
  await expect(screen(page, 'outcome')).toBeVisible({ timeout: 30_000 });
  await expect(page.locator('h1')).toBeFocused();
});

test('from right to left nothing falls over', async ({ page, server }) => {
  await page.setViewportSize(PHONE);
  const person = await server.person();
  await page.goto(person.url);
  await expect(screen(page, 'consent')).toBeVisible();
  await page.evaluate(() => (document.documentElement.dir = 'rtl'));
  expect(await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth)).toBe(false);
  await page.screenshot({ path: 'e2e/shots/rtl-consent.png', animations: 'disabled' });
});

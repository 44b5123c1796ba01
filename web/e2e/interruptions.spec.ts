// Interruptions: reload, back button, lost connection, a second tab, an expired link, cameras, a locked phone.
import { type Page } from '@playwright/test';
import { showCamera } from './camera';
import { checkAccessibility } from './accessibility';
import { PHONE, chooseDocument, giveConsent, findTestFile, takePicture, goToFace, uploadDocument } from './flowSteps';
import { BRANDING, expect, findScreen, test } from './testServer';

test.beforeEach(({ page }) => page.setViewportSize(PHONE));

/** The page goes to the back, as with a locked phone; Chromium in a test is never really hidden. */
async function setHidden(page: Page, isHidden: boolean): Promise<void> {
  await page.evaluate((hidden) => {
    if (hidden) Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true });
    else Reflect.deleteProperty(document, 'visibilityState');
    document.dispatchEvent(new Event('visibilitychange'));
  }, isHidden);
}

test('a reload shows the same screen, at every screen, and leaves no token behind', async ({ page, server }) => {
  await showCamera(page, 'card');
  const person = await server.createPerson();
  await page.goto(person.url);
  await expect(findScreen(page, 'consent')).toBeVisible();
  await page.reload();
  await giveConsent(page);
  await expect(findScreen(page, 'document')).toBeVisible();
  await page.reload();
  await chooseDocument(page, 'national_id');
  await takePicture(page, 'front');
  await expect(findScreen(page, 'back').or(findScreen(page, 'preview-back'))).toBeVisible();
  await page.waitForTimeout(500);
  await page.reload();
  await takePicture(page, 'back');
  await goToFace(page);
  await page.reload();
  await expect(findScreen(page, 'face')).toBeVisible();
  expect(await page.evaluate(() => sessionStorage.length + localStorage.length)).toBe(0);
  expect(page.url()).not.toContain('token');
});

test('typed details survive a reload', async ({ page, server }) => {
  const person = await server.createPerson();
  await uploadDocument(server, person);
  // The face is not what this is about: the server is said to be a step further.
  await page.route(`**/api/flow/${person.id}`, async (route) => {
    const answer = await route.fetch();
    const body = await answer.json();
    await route.fulfill({ response: answer, json: { ...body, data: { ...body.data, step: 'details', face: { session: 'x' } } } });
  });
  await page.goto(person.url);
  await expect(page.locator('#name')).toHaveValue('Jane Marie Specimen');
  await page.locator('#name').fill('Jane M. Specimen');
  await expect(page.locator('.saved')).toHaveText('Saved');
  await page.reload();
  await expect(page.locator('#name')).toHaveValue('Jane M. Specimen');
  // One more letter, and the page is gone before the pause is over.
  await page.locator('#name').press('End');
  await page.locator('#name').pressSequentially('s');
  await setHidden(page, true);
  await page.waitForTimeout(300);
  await setHidden(page, false);
  await page.reload();
  await expect(page.locator('#name')).toHaveValue('Jane M. Specimens');
});

test('the back button shows the previous screen, never a transient one', async ({ page, server }) => {
  await showCamera(page, 'passport');
  const person = await server.createPerson();
  await page.goto(person.url);
  await giveConsent(page);
  await chooseDocument(page);
  await expect(findScreen(page, 'preview-front')).toBeVisible();
  await page.goBack();
  await expect(findScreen(page, 'document')).toBeVisible();
  await page.goBack();
  await expect(findScreen(page, 'consent')).toBeVisible();
  await page.goForward();
  await expect(findScreen(page, 'document')).toBeVisible();
  await chooseDocument(page);
  await takePicture(page, 'front');
  await goToFace(page);
  // Reading is passed over: back from the face is the picture, which is still there.
  await page.goBack();
  await expect(findScreen(page, 'preview-front').or(findScreen(page, 'front'))).toBeVisible();
  await page.goBack();
  await expect(findScreen(page, 'document')).toBeVisible();
  await page.getByRole('button', { name: 'Keep these pictures' }).click();
  await expect(findScreen(page, 'face')).toBeVisible();
});

test('a lost connection loses nothing and is shown', async ({ page, server, context }) => {
  await showCamera(page, 'passport');
  const person = await server.createPerson();
  await page.goto(person.url);
  await giveConsent(page);
  await chooseDocument(page);
  await expect(findScreen(page, 'preview-front')).toBeVisible();
  await context.setOffline(true);
  await page.locator('.actions .primary').click();
  await expect(findScreen(page, 'reading')).toBeVisible();
  await expect(page.locator('.connection')).toContainText('You are offline');
  await expect(page.getByRole('status').filter({ hasText: 'You are offline' })).toBeAttached();
  await page.waitForTimeout(2_000);
  await context.setOffline(false);
  await goToFace(page);
  const flow = await server.callAsBrowser(person.token, 'GET', `/api/flow/${person.id}`);
  expect(flow.body.data.document.front).toBe(true);
});

test('a call that the server fails is retried', async ({ page, server }) => {
  const person = await server.createPerson();
  let failures = 0;
  await page.route(`**/api/flow/${person.id}/consent`, (route) => {
    failures += 1;
    return failures <= 2 ? route.fulfill({ status: 503, headers: { 'Retry-After': '1' }, json: { error: 'busy' } }) : route.continue();
  });
  await page.goto(person.url);
  await giveConsent(page);
  await expect(page.locator('.connection')).toContainText('The connection is poor');
  await expect(findScreen(page, 'document')).toBeVisible();
  expect(failures).toBe(3);
});

test('only one tab works; the other shows that and can take over', async ({ page, server, context }) => {
  const person = await server.createPerson();
  await page.goto(person.url);
  await giveConsent(page);
  const second = await context.newPage();
  await second.setViewportSize(PHONE);
  await second.goto(person.url);
  await expect(findScreen(second, 'document')).toBeVisible();
  await expect(findScreen(page, 'other-tab')).toBeVisible();
  await checkAccessibility(page, 'other tab');
  await page.locator('.actions .primary').click();
  await expect(findScreen(page, 'document')).toBeVisible();
  await expect(findScreen(second, 'other-tab')).toBeVisible();
});

test('an expired link shows that, and how to get a new one', async ({ page, server }) => {
  const person = await server.createPerson();
  const hour = Math.floor(Date.now() / 1_000) - 3_600;
  const old = server.forgeToken(person.token, { iat: hour, nbf: hour, exp: hour + 1_800 });
  await page.goto(`${server.url}/${person.id}?token=${old}`);
  await expect(findScreen(page, 'trouble-expired')).toBeVisible();
  await expect(page.getByRole('main').getByRole('link', { name: BRANDING.support_email })).toHaveAttribute('href', `mailto:${BRANDING.support_email}`);
  await checkAccessibility(page, 'expired');
});

test('a link that expires while it is open shows that at once', async ({ page, server }) => {
  await page.clock.install();
  const person = await server.createPerson();
  await page.goto(person.url);
  await expect(findScreen(page, 'consent')).toBeVisible();
  await page.clock.fastForward(31 * 60_000);
  await expect(findScreen(page, 'trouble-expired')).toBeVisible();
});

test('invalid links show their screen: no token, a wrong one, another person’s, an unknown profile', async ({ page, server }) => {
  const [one, other] = [await server.createPerson(), await server.createPerson()];
  await page.goto(`${server.url}/${one.id}`);
  await expect(findScreen(page, 'trouble-reopen')).toBeVisible();
  for (const address of [`/${one.id}?token=rubbish`, `/${one.id}?token=${other.token}`, `/aaaaaaaaaaaaaaa?token=${one.token}`]) {
    await page.goto(server.url + address);
    await expect(findScreen(page, 'trouble-link')).toBeVisible();
    expect(page.url()).not.toContain('token');
  }
});

for (const { fails, trouble } of [
  { fails: 'NotAllowedError', trouble: 'denied' },
  { fails: 'NotFoundError', trouble: 'missing' },
  { fails: 'NotReadableError', trouble: 'busy' },
]) {
  test(`a ${trouble} camera shows what to do, and goes on once it works`, async ({ page, server }) => {
    await showCamera(page, 'passport', { fails });
    const person = await server.createPerson();
    await page.goto(person.url);
    await giveConsent(page);
    await chooseDocument(page);
    await expect(page.locator(`[data-trouble="${trouble}"]`)).toBeVisible();
    if (trouble === 'denied') await expect(page.locator('.numbered li')).toHaveCount(3);
    await checkAccessibility(page, `camera ${trouble}`);
    await page.evaluate(() => Object.assign(window, { cameraWorks: true }));
    await page.getByRole('button', { name: 'Try again' }).click();
    await expect(findScreen(page, 'preview-front')).toBeVisible();
  });
}

test('a virtual camera is recognised', async ({ page, server }) => {
  await showCamera(page, 'passport', { label: 'OBS Virtual Camera' });
  const person = await server.createPerson();
  await page.goto(person.url);
  await giveConsent(page);
  await chooseDocument(page);
  await expect(page.locator('[data-trouble="virtual"]')).toContainText('OBS Virtual Camera');
  await checkAccessibility(page, 'camera virtual');
});

test('without a camera a file can be chosen; it is scaled and stripped, and an invalid one is refused', async ({ page, server }) => {
  await showCamera(page, 'passport', { fails: 'NotFoundError' });
  const person = await server.createPerson();
  await page.goto(person.url);
  await giveConsent(page);
  await chooseDocument(page);
  await page.locator('input[type=file]').setInputFiles({ name: 'rubbish.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('not a picture') });
  await expect(page.getByRole('alert')).toContainText('cannot be opened');
  // Chromium tells what a form held only where it is stopped on its way.
  const sent = new Promise<Buffer>((resolve) => {
    void page.route(`**/api/profiles/${person.id}`, (route) => {
      const body = route.request().postDataBuffer();
      if (body?.includes('document_front')) resolve(body);
      return route.continue();
    });
  });
  await page.locator('input[type=file]').setInputFiles(findTestFile('passport.jpg'));
  await expect(findScreen(page, 'preview-front')).toBeVisible();
  await page.locator('.actions .primary').click();
  const body = await sent;
  expect(body.includes(Buffer.from([0xff, 0xd8, 0xff, 0xe0]))).toBe(true);
  expect(body.includes('Exif')).toBe(false);
  await goToFace(page);
});

test('locking the phone during the face check restarts the check only', async ({ page, server }) => {
  await showCamera(page, 'passport');
  const person = await server.createPerson();
  await uploadDocument(server, person);
  await page.goto(person.url);
  await findScreen(page, 'face').locator('.primary').click();
  await page.locator('[data-step="turn_left"], [data-step="turn_right"], [data-step="move_closer"]').first().waitFor();
  await setHidden(page, true);
  await setHidden(page, false);
  await expect(findScreen(page, 'interrupted')).toBeVisible();
  await checkAccessibility(page, 'interrupted');
  await page.locator('.actions .primary').click();
  await expect(findScreen(page, 'details')).toBeVisible({ timeout: 150_000 });
});

test('a failed face check gives advice, and after five tries the time of the next', async ({ page, server }) => {
  await showCamera(page, 'passport', { ignores: true });
  const person = await server.createPerson();
  await uploadDocument(server, person);
  await page.goto(person.url);
  await findScreen(page, 'face').locator('.primary').click();
  await page.locator('[data-step]:not([data-step=""])').waitFor();
  await checkAccessibility(page, 'face check');
  await expect(findScreen(page, 'failed')).toBeVisible({ timeout: 150_000 });
  await expect(page.locator('.notice li').first()).toBeVisible();
  await checkAccessibility(page, 'failed');
  await page.route('**/api/face-liveness/session', (route) =>
    route.fulfill({ status: 429, headers: { 'Retry-After': '1740' }, json: { error: 'Too many failed checks' } }),
  );
  await page.locator('.actions .primary').click();
  await expect(findScreen(page, 'paused')).toContainText('in 29 minutes');
  await checkAccessibility(page, 'paused');
});

test('an overloaded server makes the person wait, says how long in their language, and goes on by itself', async ({ page, server }) => {
  await showCamera(page, 'passport');
  const person = await server.createPerson();
  let readings = 0;
  await page.route('**/api/ollama/document-analysis', async (route) => {
    readings += 1;
    if (readings === 1) {
      await route.fulfill({
        status: 503,
        headers: { 'Retry-After': '15', 'Content-Type': 'application/json' },
        body: JSON.stringify({ error: 'Service unavailable', message: 'The server has too much work' }),
      });
    } else {
      await route.continue();
    }
  });
  await page.goto(person.url);
  await giveConsent(page);
  await chooseDocument(page);
  await takePicture(page, 'front');
  await expect(findScreen(page, 'reading')).toBeVisible();
  const notice = page.locator('[data-queue-notice]');
  await expect(notice).toContainText(/Your document is read in 1[0-5] seconds/);
  // One polite announcement with the whole wait; the countdown is for the eye alone.
  const status = page.locator('[data-queue-status]');
  await expect(status).toHaveAttribute('role', 'status');
  const announced = await status.textContent();
  expect(announced).toMatch(/in 1[45] seconds/);
  await checkAccessibility(page, 'reading in a queue', ['en']);
  await expect(notice).toContainText(/in [2-9] seconds/, { timeout: 15_000 });
  expect(await status.textContent()).toBe(announced);
  await goToFace(page);
  expect(readings).toBe(2);
});

// The whole flow with the real engines: on phones, and from a computer to a phone.
import { devices } from '@playwright/test';
import { showCamera } from './camera';
import { checkAccessibility } from './accessibility';
import { COMPUTER, PHONE, SMALL, chooseDocument, giveConsent, face, computeLayoutShift, takePicture, sendDetails, goToFace, recordLayoutShifts, uploadDocument } from './flowSteps';
import { SHOP, expect, findScreen, test } from './testServer';

test('a passport on a phone is submitted, and the decision arrives', async ({ page, server }) => {
  await page.setViewportSize(PHONE);
  await showCamera(page, 'passport');
  await recordLayoutShifts(page);
  const person = await server.createPerson({ redirect_url: `${SHOP}?order=7`, language: 'en' });
  await page.goto(person.url);
  await expect(findScreen(page, 'consent')).toBeVisible();

  // The token has left the address bar, and is nowhere that the page could be asked for it.
  expect(page.url()).toBe(`${server.url}/${person.id}`);
  const stored = await page.evaluate(() => JSON.stringify([history.state, { ...localStorage }, { ...sessionStorage }, document.cookie]));
  expect(stored).not.toContain(person.token);

  await giveConsent(page);
  await chooseDocument(page, 'passport');
  await takePicture(page, 'front');
  await goToFace(page);
  await face(page);
  await expect(page.locator('#name')).toHaveValue(/Jane Marie Specimen/i, { timeout: 60_000 });
  await expect(page.locator('#document_number')).toHaveValue('A12345678');
  // In capitals, as it is printed: the person writes it as they do.
  await page.locator('#name').fill('Jane Marie Specimen');
  await page.locator('#address').fill('1 Example Street, Zenith');
  await sendDetails(page);

  const back = new URL((await page.locator('.actions a').getAttribute('href')) ?? '');
  expect(back.href).toBe(`${SHOP}?order=7&profile_id=${person.id}&status=pending`);

  const profile = await server.callAsMachine('GET', `/api/profiles/${person.id}`);
  expect(profile.body.data).toMatchObject({ status: 'pending', verification_status: 'pending' });
  const records = await server.callAsMachine('GET', `/api/verification_history/${person.id}`);
  expect(records.body.data).toHaveLength(1);
  expect(records.body.data[0]).toMatchObject({
    name: 'Jane Marie Specimen', document_number: 'A12345678', document_type: 'passport', address: '1 Example Street, Zenith',
    date_of_birth: '1990-01-15', liveness_status: 'live', liveness_confirmed_by: 'provider',
  });
  const flow = await server.callAsBrowser(person.token, 'GET', `/api/flow/${person.id}`);
  expect(flow.body.data.consent).toMatchObject({ version: '2026-11', language: 'en' });

  // The decision arrives while the page is open.
  await server.callAsMachine('POST', `/api/status_history/${person.id}`, { previous_status: 'pending', new_status: 'verified', notes: 'All good' });
  await server.callAsMachine('PATCH', `/api/profiles/${person.id}`, { verification_status: 'verified' });
  await expect(page.locator('[data-status="verified"]')).toBeVisible({ timeout: 30_000 });
  expect(await computeLayoutShift(page)).toBeLessThan(0.1);
  await checkAccessibility(page, 'verified');
});

test('an identity card with its back on a small phone in Spanish is submitted', async ({ page, server }) => {
  await page.setViewportSize(SMALL);
  await showCamera(page, 'card');
  const person = await server.createPerson({ language: 'es' });
  await page.goto(person.url);
  await expect(page.locator('html')).toHaveAttribute('lang', 'es');
  await expect(page.locator('h1')).toContainText('Nordlicht Bank te pide');
  await giveConsent(page);
  await chooseDocument(page, 'national_id');
  await takePicture(page, 'front');
  await takePicture(page, 'back');
  await goToFace(page);
  await face(page);
  await expect(page.locator('#document_number')).toHaveValue('D98765431', { timeout: 60_000 });
  await sendDetails(page);
  const records = await server.callAsMachine('GET', `/api/verification_history/${person.id}`);
  expect(records.body.data[0]).toMatchObject({ document_type: 'national_id', liveness_confirmed_by: 'provider' });
  expect(records.body.data[0].document_back).not.toBe('');
});

test('device signals come from Fingerprint’s own agent if the operator has set a key', async ({ context, server }) => {
  await server.callAsMachine('PUT', '/api/settings/fingerprint_public_key', { value: 'aBc123', public: true });
  const page = await context.newPage();
  await page.setViewportSize(PHONE);
  await showCamera(page, 'passport');
  // What stands in for it has the interface of its JavaScript agent, version 3: the module of a key, `load`, `get`.
  await page.route('https://fpjscdn.net/**', (route) =>
    route.fulfill({
      contentType: 'text/javascript',
      headers: { 'Access-Control-Allow-Origin': '*' },
      body: `export const load = async () => ({ get: async ({ linkedId }) => ({ requestId: 'r1', linkedId, from: import.meta.url }) });`,
    }),
  );
  const person = await server.createPerson();
  await uploadDocument(server, person);
  await page.goto(person.url);
  await face(page);
  const sent = new Promise<string>((resolve) => {
    void page.route(`**/api/verification_history/${person.id}`, (route) => {
      resolve(route.request().postDataBuffer()?.toString() ?? '');
      return route.continue();
    });
  });
  await sendDetails(page);
  expect(await sent).toContain(JSON.stringify({ requestId: 'r1', linkedId: person.id, from: 'https://fpjscdn.net/v3/aBc123' }));
});

test('a computer follows the phone that it handed over to, and shows the outcome', async ({ page, server, browser }) => {
  await page.setViewportSize(COMPUTER);
  await showCamera(page);
  const person = await server.createPerson();
  await page.goto(person.url);
  await giveConsent(page);
  await findScreen(page, 'device').locator('.primary').click();
  await expect(page.locator('.square svg[role=img]')).toBeVisible();
  await expect(page.locator('[data-code]')).toHaveText(/[A-Z0-9]{4}-[A-Z0-9]{4}/);
  const code = (await page.locator('[data-code]').textContent())?.match(/[A-Z0-9]{4}-[A-Z0-9]{4}/)?.[0] ?? '';

  const context = await browser.newContext({ ...devices['Pixel 5'], viewport: PHONE });
  const phone = await context.newPage();
  await showCamera(phone, 'passport');
  await phone.goto(`${server.url}/go#${code.replace('-', '')}`);
  await expect(phone.locator('#code')).toHaveValue(code);
  expect(phone.url()).toBe(`${server.url}/go`);
  await phone.locator('.actions .primary').click();
  await expect(findScreen(phone, 'document')).toBeVisible();
  expect(phone.url()).toBe(`${server.url}/${person.id}`);

  // A code works once.
  const again = await context.newPage();
  await again.goto(`${server.url}/go#${code}`);
  await again.locator('.actions .primary').click();
  await expect(again.locator('#code-error')).toBeVisible();
  await again.close();

  await chooseDocument(phone);
  await takePicture(phone, 'front');
  await goToFace(phone);
  await expect(page.locator('.follow .now')).toContainText('Your face');
  await face(phone);
  await expect(page.locator('.follow .now')).toContainText('Your details', { timeout: 30_000 });
  await expect(phone.locator('#document_number')).toHaveValue('A12345678', { timeout: 60_000 });
  await sendDetails(phone);
  await expect(findScreen(page, 'outcome')).toBeVisible({ timeout: 30_000 });
  await context.close();
});

// A shop on another origin embeds the person's page with the real loader script: in a frame and in a popup.
import type { Page } from '@playwright/test';
import { showCamera } from './camera';
import { PHONE, chooseDocument, face, giveConsent, goToFace, sendDetails, takePicture, takeScreenshot, uploadDocument } from './flowSteps';
import { type ShopSite, closeHandle, countClosed, openFrame, openShop, readHeard, readMessages, startShop } from './shopSite';
import { SHOP, type TestServer, test as base, expect, findScreen } from './testServer';

const test = base.extend<{ shop: ShopSite }>({
  shop: async ({ server }, use) => {
    const shop = await startShop(server.url);
    await use(shop);
    await shop.stop();
  },
});

const allowShop = async (server: TestServer, shop: ShopSite): Promise<void> => {
  const saved = await server.callAsMachine('PUT', '/api/settings/embed_origins', { value: [shop.origin] });
  expect(saved.body.data.value).toEqual([shop.origin]);
};

/** The shop's messages without what all have in common: `step consent`. */
async function readWords(page: Page): Promise<string[]> {
  const messages = await readMessages(page);
  for (const message of messages) expect(message).toMatchObject({ source: 'identivia', version: 1 });
  return messages.map(({ source: _, version: __, ...details }) => Object.values(details).join(' '));
}

/** A browser that keeps nothing for the pages of other sites' frames, and says so with errors. */
function blockStorage(): void {
  if (window.parent === window) return;
  const refuse = (): never => {
    throw new DOMException('refused by the test', 'SecurityError');
  };
  for (const name of ['sessionStorage', 'localStorage', 'indexedDB', 'caches']) Object.defineProperty(window, name, { get: refuse });
  Object.defineProperty(window, 'BroadcastChannel', { value: refuse });
}

test('a person submits in a shop’s frame without storage, and the shop hears each step and no secret', async ({ page, server, shop }) => {
  await allowShop(server, shop);
  await page.setViewportSize(PHONE);
  await showCamera(page, 'passport');
  await page.addInitScript(blockStorage);
  const person = await server.createPerson({ redirect_url: SHOP, language: 'en' });
  await openShop(page, shop.origin, person.url);
  const frame = await openFrame(page);
  await expect(findScreen(frame, 'consent')).toBeVisible();
  await expect.poll(() => readWords(page)).toEqual(['ready', 'step consent']);
  await takeScreenshot(page, 'embedded-phone-01-consent');

  const element = page.locator('#verify iframe');
  await expect(element).toHaveAttribute('title', 'Verify with Nordlicht');
  await expect(element).toBeFocused();
  const mayUseCamera = await frame.locator('html').evaluate(() => (document as unknown as { featurePolicy: { allowsFeature(name: string): boolean } }).featurePolicy.allowsFeature('camera'));
  expect(mayUseCamera, 'the camera is allowed to the frame').toBe(true);
  expect(await page.content(), 'the token is in no attribute of the shop’s page').not.toContain(person.token);

  await giveConsent(frame);
  await chooseDocument(frame, 'passport');
  await takePicture(frame, 'front');
  await goToFace(frame);
  await face(frame);
  await expect(frame.locator('#document_number')).toHaveValue('A12345678', { timeout: 60_000 });
  await frame.locator('#name').fill('Jane Marie Specimen');
  await takeScreenshot(page, 'embedded-phone-02-details');
  await sendDetails(frame);
  await expect.poll(() => readWords(page)).toEqual([
    'ready', 'step consent', 'step document', 'step face', 'step details', 'submitted', 'outcome pending',
  ]);
  await takeScreenshot(page, 'embedded-phone-03-outcome');
  // A way back would load the shop's next page inside of the frame.
  await expect(frame.locator('.actions a')).toHaveCount(0);

  await server.callAsMachine('PATCH', `/api/profiles/${person.id}`, { verification_status: 'verified' });
  await expect.poll(() => readWords(page), { timeout: 30_000 }).toContain('outcome verified');
  const heard = (await readHeard(page)).join('\n');
  expect(heard).toContain('"submitted"');
  for (const secret of [person.token, person.token.split('.')[2] ?? '', person.id, 'Jane', 'A12345678', 'data:', SHOP]) expect(heard).not.toContain(secret);

  await closeHandle(page);
  await expect(element).toHaveCount(0);
  expect(await countClosed(page)).toBe(1);
});

test('a popup tells its shop the steps, and its end', async ({ page, server, shop }) => {
  await allowShop(server, shop);
  await page.setViewportSize(PHONE);
  const person = await server.createPerson();
  await openShop(page, shop.origin, person.url);
  const [popup] = await Promise.all([page.waitForEvent('popup'), page.locator('#popup').click()]);
  await giveConsent(popup);
  await expect.poll(() => readWords(page)).toEqual(['ready', 'step consent', 'step document']);

  // A reload keeps the access and the opener, and the loader greets the page again.
  await popup.reload();
  await expect.poll(() => readWords(page)).toEqual(['ready', 'step consent', 'step document', 'ready', 'step document']);
  await popup.close();
  await expect.poll(() => countClosed(page)).toBe(1);
  expect((await readHeard(page)).join('\n')).not.toContain(person.token);
});

test('a site that is not on the list can neither frame the page nor hear its popup', async ({ context, server, shop }) => {
  await allowShop(server, shop);
  const person = await server.createPerson();
  await uploadDocument(server, person);
  const page = await context.newPage();
  await openShop(page, shop.otherOrigin, person.url);
  const refusal = page.waitForEvent('console', (message) => message.text().includes('frame-ancestors'));
  const frame = await openFrame(page);
  expect((await refusal).text()).toContain(shop.origin);
  await expect(findScreen(frame, 'face')).toHaveCount(0);

  const [popup] = await Promise.all([page.waitForEvent('popup'), page.locator('#popup').click()]);
  await expect(findScreen(popup, 'face')).toBeVisible();
  await popup.evaluate(() => new Promise((resolve) => window.addEventListener('message', resolve, { once: true })));
  await popup.locator('.back').click();
  await expect(findScreen(popup, 'document').or(findScreen(popup, 'reading'))).toBeVisible();
  expect(await readHeard(page), 'the greeting arrives, and is not answered').toEqual([]);
});

test('a page of a server without embed origins cannot be framed, and a popup has no opener', async ({ context, server, shop }) => {
  const person = await server.createPerson();
  const page = await context.newPage();
  await openShop(page, shop.origin, person.url);
  const refusal = page.waitForEvent('console', (message) => message.text().includes('frame-ancestors'));
  await openFrame(page);
  expect((await refusal).text()).toContain("'none'");
  await closeHandle(page);

  const [popup] = await Promise.all([page.waitForEvent('popup'), page.locator('#popup').click()]);
  await expect(findScreen(popup, 'consent')).toBeVisible();
  expect(await popup.evaluate(() => window.opener)).toBeNull();
  await expect.poll(() => readWords(page)).toContain('error not_ready');
  await expect.poll(() => countClosed(page)).toBe(2);
});

test('a frame says that its link has expired or is wrong, and leads nowhere else', async ({ page, server, shop }) => {
  await allowShop(server, shop);
  await page.setViewportSize(PHONE);
  const person = await server.createPerson();
  const soon = server.forgeToken(person.token, { exp: Math.floor(Date.now() / 1_000) + 5 });
  await openShop(page, shop.origin, `${server.url}/${person.id}?token=${soon}`);
  const frame = await openFrame(page);
  await expect(findScreen(frame, 'trouble-expired')).toBeVisible();
  await expect.poll(() => readWords(page)).toContain('expired');
  await expect(frame.locator('a[href="/go"]')).toHaveCount(0);
  await takeScreenshot(page, 'embedded-phone-04-expired');
  await closeHandle(page);

  await openShop(page, shop.origin, `${server.url}/${person.id}?token=wrong`);
  await openFrame(page);
  await expect.poll(() => readWords(page)).toEqual(['ready', 'error invalid_link']);
});

// AWS's face step: the published component against a fake AWS, through the real server, with a face before the camera. The fake AWS accepts
// only what has been signed, shown in the right order and filmed.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, devices, expect, type Page, test } from '@playwright/test';
import { texts } from '../src/person/steps/face/aws/texts';
import { writeCameraFile } from './aws/camera';
import { type TestProviders, startProviders } from './aws/providers';
import { startTestSite, type TestSite } from './aws/testSite';
import { uploadDocument } from './flowSteps';
import { type TestServer, findScreen, startServer } from './testServer';

const { viewport: _, ...PIXEL } = devices['Pixel 7'];
const PHONE = { ...PIXEL, viewport: { width: 390, height: 844 } };
const COMPUTER = { viewport: { width: 1280, height: 800 } };
const LANGUAGES = ['en', 'es', 'fr', 'de'] as const;

test.describe.configure({ timeout: 90_000 });

let folder: string;
let providers: TestProviders;
let server: TestServer;
let stage: TestSite;
let wide: Browser;
let upright: Browser;
const violations: string[] = [];

test.beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'identivia-camera.'));
  providers = await startProviders();
  server = await startServer(providers.settings);
  stage = await startTestSite(server.url, streamUrl());
  const plain = await launchBrowser();
  await writeCameraFile(plain, cameraFile('wide'), { width: 640, height: 480 });
  await writeCameraFile(plain, cameraFile('upright'), { width: 480, height: 640 });
  await plain.close();
  wide = await launchBrowser('wide');
  upright = await launchBrowser('upright');
});

test.afterAll(async () => {
  await Promise.all([wide?.close(), upright?.close(), stage?.close()]);
  await server?.stop();
  providers?.stop();
  await rm(folder, { recursive: true, force: true });
});

test.afterEach(() => {
  expect(violations.splice(0)).toEqual([]);
});

for (const [device, options, shape] of [
  ['a computer', COMPUTER, 'wide'],
  ['a phone', PHONE, 'upright'],
] as const) {
  for (const flashing of [true, false]) {
    test(`on ${device} the check ${flashing ? 'with' : 'without'} flashing passes, and no other host gets a request`, async () => {
      const { page, context, requests } = await openPage(shape === 'wide' ? wide : upright, { flashing }, options);
      await beginCheck(page);
      await expect(page.getByText('Flashing colours')).toBeVisible({ visible: flashing });
      await page.getByRole('button', { name: texts.en.display.startScreenBeginCheckText }).click();
      await expect(page.getByRole('status')).toHaveText('live: true, confidence: 97.5', { timeout: 60_000 });

      const streams = requests.filter((url) => url.startsWith('ws'));
      expect(streams).toHaveLength(1);
      expect(streams[0]).toContain(`${streamUrl()}/start-face-liveness-session-websocket?`);
      const others = requests.filter((url) => !/^(ws|blob|data):?/.test(url) && !url.startsWith(stage.url));
      expect(others).toEqual([]);
      const files = new Set(requests.filter((url) => url.includes('/app/liveness/')).map((url) => path.basename(url)));
      expect([...files].sort()).toEqual([
        'group1-shard1of1.bin',
        'model.json',
        'tfjs-backend-wasm-simd.wasm',
      ]);
      const stream = await providers.findNewestStream();
      expect(stream.problems).toEqual([]);
      expect(stream.body.video).toBeGreaterThan(50_000);
      expect(stream.body.events.filter((each) => JSON.stringify(each).includes('ColorDisplayed'))).toHaveLength(flashing ? 8 : 0);
      expect(await countLiveCameras(page)).toBe(0);
      await context.close();
    });
  }
}

test('the page shows a trouble, the next try passes, and the record is confirmed by AWS', async () => {
  const person = await server.createPerson({ language: 'en' });
  await uploadDocument(server, person);
  await providers.failNextStream('internal');
  const context = await wide.newContext(COMPUTER);
  const { page, requests } = await watchPage(context);
  await page.goto(person.url);
  await findScreen(page, 'face').locator('.actions .primary').click();
  await expect(findScreen(page, 'face-server').getByRole('heading')).toHaveText(texts.en.trouble.server.title, { timeout: 30_000 });
  expect(await countLiveCameras(page)).toBe(0);
  await findScreen(page, 'face-server').locator('.actions .primary').click();
  await page.getByRole('button', { name: texts.en.display.startScreenBeginCheckText }).click({ timeout: 30_000 });
  await expect(findScreen(page, 'details')).toBeVisible({ timeout: 60_000 });
  expect(await countLiveCameras(page)).toBe(0);
  await page.locator('.actions .primary').click();
  await expect(findScreen(page, 'outcome')).toBeVisible({ timeout: 30_000 });

  expect(requests.filter((url) => !/^(blob|data):/.test(url) && !url.startsWith(`${server.url}/`) && !url.startsWith(`${streamUrl()}/`))).toEqual([]);
  const records = await server.callAsMachine('GET', `/api/verification_history/${person.id}`);
  expect(records.body.data[0]).toMatchObject({ liveness_status: 'live', liveness_confirmed_by: 'provider' });
  await context.close();
});

test('a person who cannot bear flashing gets another session without it', async () => {
  const { page, context } = await openPage(wide, { flashing: true });
  await beginCheck(page);
  await page.getByRole('button', { name: texts.en.withoutFlashing }).click();
  await page.getByRole('button', { name: texts.en.display.startScreenBeginCheckText }).click();
  await expect(page.getByRole('status')).toHaveText('live: true, confidence: 97.5', { timeout: 60_000 });
  const [first, second] = (await providers.listCalls()).filter((call) => call.operation === 'CreateFaceLivenessSession').slice(-2);
  const challenges = [first, second].map((call) => call?.body.Settings?.ChallengePreferences?.[0]?.Type);
  expect(challenges).toEqual(['FaceMovementAndLightChallenge', 'FaceMovementChallenge']);
  expect(await countLiveCameras(page)).toBe(0);
  await context.close();
});

for (const language of LANGUAGES) {
  test(`a trouble of AWS's is shown in ${language}, and another try works`, async () => {
    await providers.failNextStream('internal');
    const { page, context } = await openPage(wide, { language, flashing: false });
    await page.getByRole('button', { name: 'Begin' }).click();
    const alert = page.getByRole('alert');
    await expect(alert.getByRole('heading')).toHaveText(texts[language].trouble.server.title, { timeout: 30_000 });
    await expect(alert).toHaveAttribute('data-trouble', 'server');
    expect(await countLiveCameras(page)).toBe(0);
    await alert.getByRole('button', { name: texts[language].display.tryAgainText }).click();
    await expect(page.getByRole('button', { name: texts[language].display.startScreenBeginCheckText })).toBeVisible({ timeout: 30_000 });
    await context.close();
  });
}

for (const [fault, trouble, retry] of [
  ['wrong_region', 'server', false],
  ['access_denied', 'server', false],
  ['throttled', 'server', true],
  ['breaks_off', 'server', true],
] as const) {
  test(`when AWS answers ${fault}, another try is ${retry ? '' : 'not '}offered`, async () => {
    await providers.failNextStream(fault);
    const { page, context } = await openPage(wide, { flashing: false });
    await page.getByRole('button', { name: 'Begin' }).click();
    await expect(page.getByRole('alert')).toHaveAttribute('data-trouble', trouble, { timeout: 30_000 });
    await expect(page.getByRole('button')).toHaveCount(retry ? 1 : 0);
    await context.close();
  });
}

test('a face that does not fill the oval in time gets that message', async () => {
  await providers.failNextStream('impatient');
  const { page, context } = await openPage(wide, { flashing: false });
  await beginCheck(page);
  await page.getByRole('button', { name: texts.en.display.startScreenBeginCheckText }).click();
  await expect(page.getByRole('alert')).toHaveAttribute('data-trouble', 'timeout', { timeout: 30_000 });
  expect(await countLiveCameras(page)).toBe(0);
  await expect.poll(async () => (await providers.findNewestStream()).body.closed).toBe(4001);
  await context.close();
});

test('a missing or blocked camera gets its message', async () => {
  const { page, context } = await openPage(wide, { flashing: false });
  await page.evaluate(() => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('Permission denied', 'NotAllowedError'));
  });
  await page.getByRole('button', { name: 'Begin' }).click();
  await expect(page.getByRole('alert')).toHaveAttribute('data-trouble', 'camera', { timeout: 30_000 });
  await context.close();
});

test('a device whose clock is 20 minutes off passes', async () => {
  for (const minutes of [20, -20]) {
    const { page, context } = await openPage(wide, { flashing: false, minutes });
    await beginCheck(page);
    await page.getByRole('button', { name: texts.en.display.startScreenBeginCheckText }).click();
    await expect(page.getByRole('status')).toHaveText('live: true, confidence: 97.5', { timeout: 60_000 });
    const asked = (await providers.listCalls()).filter((call) => call.operation === 'GetFederationToken');
    expect((await providers.findNewestStream()).problems).toEqual([]);
    expect(asked.length).toBeGreaterThan(0);
    await context.close();
  }
});

test('stopping turns the camera off and closes the stream', async () => {
  const { page, context } = await openPage(wide, { flashing: false });
  await beginCheck(page);
  await page.getByRole('button', { name: texts.en.display.startScreenBeginCheckText }).click();
  await page.getByRole('button', { name: texts.en.display.cancelLivenessCheckText }).click();
  await expect(page.getByRole('status')).toHaveText('cancelled');
  await expect.poll(() => countLiveCameras(page)).toBe(0);
  await expect.poll(async () => (await providers.findNewestStream()).body.closed).toBe(4003);
  await context.close();
});

test('leaving turns the camera off, during the check and while the camera is opening', async () => {
  const { page, context } = await openPage(wide, { flashing: false });
  await beginCheck(page);
  await page.getByRole('button', { name: 'Leave' }).click();
  await expect.poll(() => countLiveCameras(page)).toBe(0);
  await expect.poll(async () => (await providers.findNewestStream()).body.closed).toBe(4003);

  await page.reload();
  await page.evaluate(() => {
    const { getUserMedia } = MediaDevices.prototype;
    MediaDevices.prototype.getUserMedia = async function (constraints) {
      const stream = await getUserMedia.call(this, constraints);
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      Object.assign(window, { hasOpened: true });
      return stream;
    };
  });
  await page.getByRole('button', { name: 'Begin' }).click();
  await expect(page.getByText(texts.en.display.waitingCameraPermissionText)).toBeVisible();
  await page.getByRole('button', { name: 'Leave' }).click();
  await page.waitForFunction(() => 'hasOpened' in window);
  await expect.poll(() => countLiveCameras(page)).toBe(0);
  await context.close();
});

test('every state passes the accessibility checks in both themes', async () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    const { page, context } = await openPage(wide, { flashing: true }, { ...COMPUTER, colorScheme });
    await beginCheck(page);
    expect(await findViolations(page)).toEqual([]);
    await page.getByRole('button', { name: texts.en.display.startScreenBeginCheckText }).click();
    await expect(page.getByRole('progressbar', { name: texts.en.fit })).toBeVisible({ timeout: 30_000 });
    expect(await findViolations(page)).toEqual([]);
    await context.close();
  }
});

/** The violations that axe finds. */
async function findViolations(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']).analyze();
  return violations.map((each) => `${each.id}: ${each.nodes.map((node) => node.html).join(' ')}`);
}

// --- the stage --------------------------------------------------------------------------------------------------------

function cameraFile(shape: string): string {
  return path.join(folder, `${shape}.mjpeg`);
}

function streamUrl(): string {
  return providers.settings['LIVENESS_STREAM_URL'] ?? '';
}

function launchBrowser(shape?: string): Promise<Browser> {
  const fake = ['--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', `--use-file-for-fake-video-capture=${cameraFile(shape ?? '')}`];
  return chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', ...(shape ? fake : [])],
  });
}

interface OpenOptions {
  flashing: boolean;
  language?: (typeof LANGUAGES)[number];
  minutes?: number;
}

async function openPage(browser: Browser, wanted: OpenOptions, options: BrowserContextOptions = COMPUTER) {
  const context = await browser.newContext(options);
  const { page, requests } = await watchPage(context);
  if (wanted.minutes) await page.addInitScript(moveClock, wanted.minutes * 60_000);
  const { minutes: _, ...rest } = { language: 'en', ...wanted };
  const { token } = await server.createPerson();
  const pageOptions = { token, stream: streamUrl(), ...rest };
  await page.goto(`${stage.url}#${encodeURIComponent(JSON.stringify(pageOptions))}`);
  return { page, context, requests };
}

/** Opens a page and records its requests, the cameras it opens, and violations of its policy. */
async function watchPage(context: BrowserContext): Promise<{ page: Page; requests: string[] }> {
  const page = await context.newPage();
  const requests: string[] = [];
  page.on('request', (request) => void requests.push(request.url()));
  page.on('websocket', (socket) => void requests.push(socket.url()));
  page.on('console', (message) => void (/Content Security Policy/.test(message.text()) && violations.push(message.text())));
  await page.addInitScript(rememberCameras);
  return { page, requests };
}

/** Goes on until the person sees themselves and the start button. */
async function beginCheck(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Begin' }).click();
  await expect(page.getByRole('button', { name: texts.en.display.startScreenBeginCheckText })).toBeVisible({ timeout: 30_000 });
}

function rememberCameras(): void {
  const tracks: MediaStreamTrack[] = [];
  Object.assign(window, { tracks });
  const { getUserMedia } = MediaDevices.prototype;
  // An upright phone turns the picture in any case; the fake camera would crop it.
  const isUpright = matchMedia('(orientation: portrait)').matches;
  MediaDevices.prototype.getUserMedia = async function (constraints) {
    const stream = await getUserMedia.call(this, isUpright ? { video: { facingMode: 'user' } } : constraints);
    tracks.push(...stream.getTracks());
    return stream;
  };
}

function countLiveCameras(page: Page): Promise<number> {
  return page.evaluate(() => {
    const { tracks } = window as unknown as { tracks: MediaStreamTrack[] };
    return tracks.filter((track) => track.readyState === 'live').length;
  });
}

function moveClock(offset: number): void {
  const Real = Date;
  globalThis.Date = class extends Real {
    constructor(...values: [] | [number]) {
      if (values.length === 0) super(Real.now() + offset);
      else super(...values);
    }
    static override now() {
      return Real.now() + offset;
    }
  } as DateConstructor;
}

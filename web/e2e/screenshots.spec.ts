// Screenshots of every step on a phone, a small phone and a computer, light and dark: for review by eye.
import type { Page } from '@playwright/test';
import { showCamera } from './camera';
import { COMPUTER, PHONE, SMALL, chooseDocument, giveConsent, face, takeScreenshot, goToFace } from './flowSteps';
import { expect, findScreen, test } from './testServer';

interface Look {
  name: string;
  viewport: { width: number; height: number };
  colorScheme: 'light' | 'dark';
}

/** At least one; the first is the one in which the person goes through the steps. */
type Looks = readonly [Look, ...Look[]];

/** The looks of each device. Screens that move on by themselves get a picture in the first look only. */
const DEVICES: Record<string, Looks> = {
  phone: [
    { name: 'phone', viewport: PHONE, colorScheme: 'light' },
    { name: 'phone-dark', viewport: PHONE, colorScheme: 'dark' },
    { name: 'small', viewport: SMALL, colorScheme: 'light' },
  ],
  computer: [
    { name: 'computer', viewport: COMPUTER, colorScheme: 'light' },
    { name: 'computer-dark', viewport: COMPUTER, colorScheme: 'dark' },
  ],
};

async function takeLooks(page: Page, looks: Looks, step: string, options: { isWhole: boolean } = { isWhole: false }): Promise<void> {
  for (const look of looks) {
    await setLook(page, look);
    await takeScreenshot(page, `${look.name}-${step}`);
    if (options.isWhole) await page.screenshot({ path: `e2e/shots/${look.name}-${step}-whole.png`, fullPage: true });
  }
  await setLook(page, looks[0]);
}

async function setLook(page: Page, { viewport, colorScheme }: Look): Promise<void> {
  await page.setViewportSize(viewport);
  await page.emulateMedia({ colorScheme });
}

for (const [device, looks] of Object.entries(DEVICES)) {
  test(`every step on a ${device}`, async ({ page, server, context }) => {
    await setLook(page, looks[0]);
    await showCamera(page, 'passport');
    const person = await server.createPerson({ redirect_url: 'https://shop.example/back' });
    const look = (step: string): Promise<void> => takeLooks(page, looks, step);
    const lookOnce = (step: string): Promise<void> => takeScreenshot(page, `${looks[0].name}-${step}`);
    await page.goto(person.url);
    await expect(findScreen(page, 'consent')).toBeVisible();
    await takeLooks(page, looks, '01-consent', { isWhole: true });
    await giveConsent(page);
    if (device === 'computer') {
      await expect(findScreen(page, 'device')).toBeVisible();
      await look('02-device');
      await page.locator('.actions .primary').click();
      await expect(page.locator('[data-code]')).not.toContainText('····');
      await look('03-handoff');
      await page.locator('.actions .secondary').click();
    }
    await expect(findScreen(page, 'document')).toBeVisible();
    await look('04-document');
    await page.evaluate(() => Object.assign(window, { cameraAside: 0.16 }));
    await chooseDocument(page);
    await page.locator('[data-hint="centre"]').waitFor();
    await lookOnce('05-front');
    await page.evaluate(() => Object.assign(window, { cameraAside: 0 }));
    await expect(findScreen(page, 'preview-front')).toBeVisible();
    await look('06-preview');
    await page.locator('.actions .primary').click();
    await findScreen(page, 'reading').waitFor();
    await lookOnce('07-reading');
    await goToFace(page);
    await look('08-face');
    const checked = face(page);
    await page.locator('[data-step]:not([data-step=""])').waitFor();
    await lookOnce('09-face-check');
    await page.locator('[data-step^="turn"]').waitFor();
    await lookOnce('10-face-turn');
    await page.locator('[data-screen="judging"]').waitFor();
    await lookOnce('11-judging');
    await checked;
    await expect(findScreen(page, 'details')).toBeVisible();
    await expect(page.locator('#document_number')).not.toHaveValue('');
    await takeLooks(page, looks, '12-details', { isWhole: true });
    // A small camera's picture may be read in part; the person types the rest.
    await page.locator('#name').fill('Jane Marie Specimen');
    await page.locator('.actions .primary').click();
    await expect(findScreen(page, 'outcome')).toBeVisible({ timeout: 30_000 });
    await look('14-outcome');
    const other = await context.newPage();
    await other.goto(`${server.url}/go#K7PM4QXD`);
    await expect(findScreen(other, 'go')).toBeVisible();
    await takeLooks(other, looks, '15-go');
    await other.goto(`${server.url}/${person.id}`);
    await expect(findScreen(other, 'trouble-reopen')).toBeVisible();
    await takeLooks(other, looks, '16-reopen');
  });
}

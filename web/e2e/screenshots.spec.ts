// Screenshots of every step on a phone, a small phone and a computer, light and dark: for review by eye.
import { showCamera } from './camera';
import { COMPUTER, PHONE, SMALL, chooseDocument, giveConsent, face, takeScreenshot, goToFace } from './flowSteps';
import { expect, findScreen, test } from './testServer';

const LOOKS = [
  { name: 'phone', viewport: PHONE, colorScheme: 'light' },
  { name: 'phone-dark', viewport: PHONE, colorScheme: 'dark' },
  { name: 'small', viewport: SMALL, colorScheme: 'light' },
  { name: 'computer', viewport: COMPUTER, colorScheme: 'light' },
  { name: 'computer-dark', viewport: COMPUTER, colorScheme: 'dark' },
] as const;

for (const { name, viewport, colorScheme } of LOOKS) {
  test(`every step, ${name}`, async ({ page, server, context }) => {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme });
    await showCamera(page, 'passport');
    const person = await server.createPerson({ redirect_url: 'https://shop.example/back' });
    const look = (step: string): Promise<void> => takeScreenshot(page, `${name}-${step}`);
    await page.goto(person.url);
    await expect(findScreen(page, 'consent')).toBeVisible();
    await look('01-consent');
    await page.screenshot({ path: `e2e/shots/${name}-01-consent-whole.png`, fullPage: true });
    await giveConsent(page);
    if (viewport === COMPUTER) {
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
    await look('05-front');
    await page.evaluate(() => Object.assign(window, { cameraAside: 0 }));
    await expect(findScreen(page, 'preview-front')).toBeVisible();
    await look('06-preview');
    await page.locator('.actions .primary').click();
    await findScreen(page, 'reading').waitFor();
    await look('07-reading');
    await goToFace(page);
    await look('08-face');
    const checked = face(page);
    await page.locator('[data-step]:not([data-step=""])').waitFor();
    await look('09-face-check');
    await page.locator('[data-step^="turn"]').waitFor();
    await look('10-face-turn');
    await page.locator('[data-screen="judging"]').waitFor();
    await look('11-judging');
    await checked;
    await expect(findScreen(page, 'details')).toBeVisible();
    await expect(page.locator('#document_number')).not.toHaveValue('');
    await look('12-details');
    await page.screenshot({ path: `e2e/shots/${name}-12-details-whole.png`, fullPage: true });
    // A small camera's picture may be read in part; the person types the rest.
    await page.locator('#name').fill('Jane Marie Specimen');
    await page.locator('.actions .primary').click();
    await expect(findScreen(page, 'outcome')).toBeVisible({ timeout: 30_000 });
    await look('14-outcome');
    const other = await context.newPage();
    await other.setViewportSize(viewport);
    await other.emulateMedia({ colorScheme });
    await other.goto(`${server.url}/go#K7PM4QXD`);
    await expect(findScreen(other, 'go')).toBeVisible();
    await takeScreenshot(other, `${name}-15-go`);
    await other.goto(`${server.url}/${person.id}`);
    await expect(findScreen(other, 'trouble-reopen')).toBeVisible();
    await takeScreenshot(other, `${name}-16-reopen`);
  });
}

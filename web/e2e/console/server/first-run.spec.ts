// The first user: from the link that the server prints to a decision that has taken effect, and back in with a code of each kind.
import { startServer } from '../../testServer';
import { findSetupLink, PASSWORD } from './member';
import { expect, sendRecord, SPECIMEN, test } from './serverTest';
import { startStore } from './serverStore';
import { totpCode } from './totp';

test('the first user comes by the printed link, decides a review, and the person is verified', async ({ page, store }) => {
  const running = await startStore(store);
  const server = await startServer(running.settings);
  try {
    const link = `${server.url}/console/setup${new URL(findSetupLink(server)).hash}`;
    await page.goto(link);
    expect(page.url(), 'the token leaves the address bar').not.toContain('token=');
    await page.getByLabel('Name').fill('Ada Osei');
    await page.getByLabel('E-mail', { exact: true }).fill('ada@example.org');
    await page.getByLabel('Password', { exact: true }).fill('too short');
    await page.getByRole('button', { name: 'Continue' }).click();
    await expect(page.getByText(/at least 12/i).first()).toBeVisible();
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Continue' }).click();

    await page.getByText('Cannot scan it?').click();
    const secret = (await page.locator('.secret code').innerText()).replaceAll(' ', '');
    await page.getByLabel('Code from the app').fill('000000');
    await page.getByRole('button', { name: 'Confirm' }).click();
    await expect(page.getByRole('alert')).toContainText('Wrong e-mail, password or code');
    await page.getByLabel('Code from the app').fill(totpCode(secret));
    await page.getByRole('button', { name: 'Confirm' }).click();
    await expect(page.locator('.codes li')).toHaveCount(10);
    const recoveryCode = await page.locator('.codes li').first().innerText();
    await page.getByLabel('I have stored the codes').check();
    await page.getByRole('button', { name: 'Continue' }).click();
    await expect(page.getByRole('heading', { level: 1, name: 'Overview' })).toBeVisible();

    await server.callAsMachine('PUT', '/api/settings/review_undo_seconds', { value: 0 });
    const sent = await sendRecord(server);
    await page.getByRole('navigation').getByRole('link', { name: 'Queue' }).click();
    await expect(page.getByRole('row').filter({ hasText: 'A. S.' })).toBeVisible();
    await page.getByRole('button', { name: 'Claim next' }).click();
    await expect(page.getByRole('heading', { level: 1, name: `Review of ${SPECIMEN.name}` })).toBeVisible();
    await expect(page.locator('.layer img')).toBeVisible();
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Approve' }).click();
    await expect(page.getByText('Approved').first()).toBeVisible();
    await expect.poll(async () => (await server.callAsMachine('GET', `/api/profiles/${sent.person.id}`)).body.data?.verification_status).toBe('verified');

    const signIn = async (code: string): Promise<void> => {
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByLabel('E-mail', { exact: true }).fill('ada@example.org');
      await page.getByLabel('Password').fill(PASSWORD);
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
      await page.getByLabel('Code').fill(code);
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    };
    await signIn(totpCode(secret, 1));
    await expect(page.getByRole('navigation')).toBeVisible();
    await signIn(recoveryCode);
    await expect(page.getByRole('navigation')).toBeVisible();
    await signIn(recoveryCode);
    await expect(page.getByRole('alert'), 'a recovery code works once').toContainText('Wrong e-mail, password or code');

    const again = { token: new URL(link).hash.replace('#token=', ''), name: 'Eve', email: 'eve@example.org', password: PASSWORD };
    const used = await fetch(`${server.url}/api/console/setup`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Sec-Fetch-Site': 'same-origin', 'X-Identivia-Console': '1' },
      body: JSON.stringify(again),
    });
    expect(used.status, 'the link works once').toBe(403);
  } finally {
    await server.stop();
    await running.stop();
  }
});

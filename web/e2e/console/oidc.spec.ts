// Signing in to the console with a certified OpenID Connect provider, which runs beside the real server.
import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Page } from '@playwright/test';
import { type TestServer, expect, startServer, test } from '../testServer';

const FOLDER = resolve(import.meta.dirname, '../../../tests/oidc');
const BUTTON = { name: 'Sign in with Work account' };

/** Starts the provider and the server, which know each other. The server is first: it does not wait for the provider. */
async function startBoth(): Promise<{ server: TestServer; provider: ChildProcess }> {
  const provider = spawn(process.execPath, ['provider.mjs'], { cwd: FOLDER, stdio: ['pipe', 'pipe', 'ignore'] });
  const lines = createInterface({ input: provider.stdout! })[Symbol.asyncIterator]();
  const issuer = String((await lines.next()).value);
  const server = await startServer({
    OIDC_ISSUER: issuer,
    OIDC_CLIENT_ID: 'identivia',
    OIDC_CLIENT_SECRET: 'a_secret-with:signs&more%',
    OIDC_NAME: 'Work account',
    OIDC_ROLE_CLAIM: 'groups',
    OIDC_ROLES: 'boss=super_admin',
  });
  provider.stdin!.write(`${server.url}/api/console/oidc/sso/callback\n`);
  expect((await lines.next()).value).toBe('ready');
  return { server, provider };
}

/** Fills in the provider's own pages: who it is, and that the console may know. */
async function signInAtProvider(page: Page, name: string, asksConsent = true): Promise<void> {
  await page.locator('input[name="login"]').fill(name);
  await page.locator('input[name="password"]').fill('any');
  await page.locator('button[type="submit"]').click();
  if (asksConsent) await page.locator('button[type="submit"]').click();
}

const heading = (page: Page, name: string) => page.getByRole('heading', { level: 1, name });

test('people sign in, confirm who they are, and join with a real provider', async ({ page, browser }) => {
  const { server, provider } = await startBoth();
  try {
    // A claim gives the first person their role.
    await page.goto(`${server.url}/console/`);
    await page.getByRole('link', BUTTON).click();
    await signInAtProvider(page, 'boss');
    await expect(heading(page, 'Overview')).toBeVisible();
    expect(new URL(page.url()).pathname).toBe('/console/');

    // Another browser: from the button of the sign-in page to the page that was asked for.
    const own = await browser.newContext();
    const again = await own.newPage();
    await again.goto(`${server.url}/console/users`);
    await again.getByRole('link', BUTTON).click();
    await signInAtProvider(again, 'boss');
    await expect(heading(again, 'Users')).toBeVisible();
    await expect(again.getByRole('cell', { name: 'oidc' })).toBeVisible();

    // An invitation needs a confirmation, which the provider gives.
    const link = await inviteWithConfirmation(again, 'kofi@example.org');
    await own.close();

    const invited = await browser.newContext();
    const theirs = await invited.newPage();
    await theirs.goto(link);
    await theirs.getByRole('button', BUTTON).click();
    await signInAtProvider(theirs, 'kofi');
    await expect(heading(theirs, 'Overview')).toBeVisible();
    await theirs.goto(`${server.url}/console/account`);
    await expect(theirs.getByText('You can sign in with Work account.')).toBeVisible();
    await expect(theirs.getByText('kofi@example.org')).toBeVisible();
    await invited.close();

    // Somebody whom nobody has invited.
    const outside = await browser.newContext();
    const stranger = await outside.newPage();
    await stranger.goto(`${server.url}/console/`);
    await stranger.getByRole('link', BUTTON).click();
    await signInAtProvider(stranger, 'stranger');
    await expect(heading(stranger, 'Signing in did not work')).toBeVisible();
    await expect(stranger.getByText('ask an administrator for an invitation')).toBeVisible();
    await stranger.getByRole('link', { name: 'Back to the console' }).click();
    await expect(stranger.getByRole('link', BUTTON)).toBeVisible();
    await outside.close();
  } finally {
    provider.kill();
    await server.stop();
  }
});

/** Invites somebody; gives the link. The first try ends at the provider, which asks again. */
async function inviteWithConfirmation(page: Page, email: string): Promise<string> {
  await sendInvitation(page, email);
  await page.getByRole('button', { name: 'Confirm with Work account' }).click();
  await signInAtProvider(page, 'boss', false);
  await expect(heading(page, 'Users')).toBeVisible();
  await sendInvitation(page, email);
  const link = page.getByText(/\/console\/invitation#token=/);
  await expect(link).toBeVisible();
  return (await link.innerText()).trim();
}

async function sendInvitation(page: Page, email: string): Promise<void> {
  await page.getByRole('button', { name: 'Invite' }).first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('E-mail', { exact: true }).fill(email);
  await dialog.getByRole('button', { name: 'Invite' }).click();
}

// Passkeys with the real server and the browser's virtual authenticator: from the first run by passkey to signing in with it.
import type { CDPSession, Page } from '@playwright/test';
import { type TestServer, startServer } from '../../testServer';
import { findSetupLink, PASSWORD } from './member';
import { expect, test } from './serverTest';
import { createClock, startStore } from './serverStore';

interface VirtualAuthenticator {
  session: CDPSession;
  id: string;
}

async function addAuthenticator(page: Page): Promise<VirtualAuthenticator> {
  const session = await page.context().newCDPSession(page);
  await session.send('WebAuthn.enable');
  const options = { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } as const;
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', { options });
  return { session, id: authenticatorId };
}

/** Passkeys are for a name: 127.0.0.1 has none. */
const consoleUrl = (server: TestServer, path: string): string => `${server.url.replace('127.0.0.1', 'localhost')}/console${path}`;

/** Makes the first user, and chooses a passkey as the second factor. */
async function fillSetup(page: Page): Promise<void> {
  await page.getByLabel('Name').fill('Ada Osei');
  await page.getByLabel('E-mail', { exact: true }).fill('ada@example.org');
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('button', { name: 'Passkey on this device or a security key' }).click();
}

test('the first user comes with a passkey, signs in with it, confirms with it, and cannot remove the last one', async ({ page, store }) => {
  const running = await startStore(store);
  const server = await startServer({ ...running.settings, PUBLIC_URL: 'http://localhost:{port}' });
  try {
    const { session, id } = await addAuthenticator(page);
    await page.goto(consoleUrl(server, `/setup${new URL(findSetupLink(server)).hash}`));
    await fillSetup(page);
    await page.getByLabel('Name').fill('Work laptop');

    // Somebody who is not verified gets no passkey, and is told what to do.
    await session.send('WebAuthn.setUserVerified', { authenticatorId: id, isUserVerified: false });
    await page.getByRole('button', { name: 'Create the passkey' }).click();
    await expect(page.getByRole('alert')).toContainText(/No passkey was used|No fitting device/);
    await session.send('WebAuthn.setUserVerified', { authenticatorId: id, isUserVerified: true });
    await page.getByRole('button', { name: 'Create the passkey' }).click();
    await expect(page.locator('.codes li')).toHaveCount(10);
    await page.getByLabel('I have stored the codes').check();
    await page.getByRole('button', { name: 'Continue' }).click();
    await expect(page.getByRole('heading', { level: 1, name: 'Overview' })).toBeVisible();
    const { credentials } = await session.send('WebAuthn.getCredentials', { authenticatorId: id });
    expect(credentials).toHaveLength(1);
    expect(credentials[0]).toMatchObject({ isResidentCredential: true, rpId: 'localhost' });

    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
    await expect(page.getByRole('heading', { level: 1, name: 'Overview' })).toBeVisible();

    await page.goto(consoleUrl(server, '/account'));
    await expect(page.getByText('Work laptop')).toBeVisible();
    await page.getByRole('button', { name: 'Remove “Work laptop”' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click();
    await expect(page.getByRole('alertdialog').getByRole('alert')).toContainText('Last second factor');
    await page.getByRole('alertdialog').getByRole('button', { name: 'Cancel' }).click();

    // After the password, the passkey stands in for the code.
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('E-mail', { exact: true }).fill('ada@example.org');
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByRole('button', { name: 'Use a passkey' }).click();
    await expect(page.getByRole('navigation', { name: 'Pages' })).toBeVisible();

    // A copy of the passkey whose counter is behind is refused like a wrong password.
    await page.getByRole('button', { name: 'Sign out' }).click();
    const [used] = (await session.send('WebAuthn.getCredentials', { authenticatorId: id })).credentials;
    if (!used) throw new Error('the passkey is gone');
    await session.send('WebAuthn.removeCredential', { authenticatorId: id, credentialId: used.credentialId });
    await session.send('WebAuthn.addCredential', { authenticatorId: id, credential: { ...used, signCount: 0 } });
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
    await expect(page.getByRole('alert')).toContainText('Wrong e-mail, password or code');
  } finally {
    await server.stop();
    await running.stop();
  }
});

test('a change that needs it is confirmed with a passkey', async ({ page, store }) => {
  const clock = createClock();
  test.skip(!clock, 'libfaketime is missing (Debian: apt-get install libfaketime)');
  const running = await startStore(store);
  const server = await startServer({ ...running.settings, ...clock?.settings, PUBLIC_URL: 'http://localhost:{port}' });
  try {
    await addAuthenticator(page);
    await page.goto(consoleUrl(server, `/setup${new URL(findSetupLink(server)).hash}`));
    await fillSetup(page);
    await page.getByRole('button', { name: 'Create the passkey' }).click();
    await page.getByLabel('I have stored the codes').check();
    await page.getByRole('button', { name: 'Continue' }).click();
    await expect(page.getByRole('heading', { level: 1, name: 'Overview' })).toBeVisible();
    clock?.setOffset(6);
    await page.goto(consoleUrl(server, '/account'));
    await page.getByRole('button', { name: 'New recovery codes' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Confirm with a passkey' }).click();
    await expect(page.locator('.codes li')).toHaveCount(10);
  } finally {
    await server.stop();
    await running.stop();
    clock?.remove();
  }
});

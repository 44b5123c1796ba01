// The console with the real server: the first user, a review from its creation to the person's status, and every page.
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Page } from '@playwright/test';
import { type TestServer, expect, startServer, test } from '../testServer';

const DATA = resolve(import.meta.dirname, '../../../tests/data');
const PASSWORD = 'plenty of letters for a test';

/** The code that an authenticator app shows (RFC 6238). `shift` steps of 30 seconds from now: each step's code works once. */
function totpCode(secret: string, shift = 0): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...secret.replace(/[\s=]/g, '')].map((letter) => letters.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + shift));
  const hash = createHmac('sha1', key).update(counter).digest();
  const start = (hash.at(-1) ?? 0) & 15;
  return String((hash.readUInt32BE(start) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

/** Makes the first user through the link that the server printed; gives the secret of the second factor. */
async function setUpConsole(page: Page, server: TestServer): Promise<string> {
  const link = /http\S+\/console\/setup#token=\S+/.exec(server.output())?.[0] ?? '';
  expect(link, 'the server prints a link for the first user').not.toBe('');
  await page.goto(`${server.url}/console/setup${new URL(link).hash}`);
  await page.getByLabel('Name').fill('Ada Osei');
  await page.getByLabel('E-mail').fill('ada@example.org');
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByText('Cannot scan it?').click();
  const secret = (await page.locator('.secret code').innerText()).replaceAll(' ', '');
  await page.getByLabel('Code from the app').fill(totpCode(secret));
  await page.getByRole('button', { name: 'Confirm' }).click();
  await expect(page.locator('.codes li')).toHaveCount(10);
  await page.getByLabel('I have stored the codes').check();
  await page.getByRole('button', { name: 'Continue' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Overview' })).toBeVisible();
  return secret;
}

/** A person's record that waits for a review; gives the profile's id. */
async function sendRecord(server: TestServer, user: string): Promise<string> {
  const made = await server.callAsMachine('POST', '/api/profiles/create', { userID: user, name: 'Anna Specimen' });
  const form = new FormData();
  const fields = { liveness_session_id: `live-${user}`, liveness_confidence: '92', liveness_status: 'SUCCEEDED', document_type: 'passport', document_number: 'C01X00T47', country: 'DE', name: 'Anna Specimen', gender: 'female', date_of_birth: '1990-01-15' };
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  for (const [name, file] of [['document_front', 'passport.jpg'], ['facial_photo', 'portrait.jpg']] as const) form.set(name, new Blob([readFileSync(resolve(DATA, file))], { type: 'image/jpeg' }), file);
  const record = await server.callAsMachine('POST', `/api/verification_history/${made.body.id}`, form);
  expect(record.status, JSON.stringify(record.body)).toBe(201);
  const review = await server.callAsMachine('POST', '/api/reviews', { verification: record.body.data?.id ?? record.body.id });
  expect(review.status, JSON.stringify(review.body)).toBe(201);
  return made.body.id as string;
}

test('a first user decides a review, and the person is verified', async ({ page }) => {
  const server = await startServer();
  try {
    const secret = await setUpConsole(page, server);
    await server.callAsMachine('PUT', '/api/settings/review_undo_seconds', { value: 0 });
    const profile = await sendRecord(server, 'one');
    await page.getByRole('navigation').getByRole('link', { name: 'Queue' }).click();
    await expect(page.getByRole('row').filter({ hasText: 'A. S.' })).toBeVisible();
    await page.getByRole('button', { name: 'Claim next' }).click();
    await expect(page.getByRole('heading', { level: 1, name: 'Review of Anna Specimen' })).toBeVisible();
    await expect(page.locator('.layer img')).toBeVisible();
    await page.screenshot({ path: 'test-results/console-server/case.png', fullPage: true });
    await page.getByRole('button', { name: 'Reveal' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Reveal' }).click();
    await expect(page.getByText('C01X00T47')).toBeVisible();
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Approve' }).click();
    await expect(page.getByText('Approved').first()).toBeVisible();
    await expect.poll(async () => (await server.callAsMachine('GET', `/api/profiles/${profile}`)).body.data?.verification_status).toBe('verified');

    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('E-mail').fill('ada@example.org');
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByLabel('Code').fill(totpCode(secret, 1));
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await expect(page.getByRole('navigation')).toBeVisible();
  } finally {
    await server.stop();
  }
});

/** Has the first user invite a reviewer, who signs in with a browser of their own. */
async function inviteReviewer(admin: Page, reviewer: Page, name: string): Promise<void> {
  const link = await admin.evaluate(async (invited) => {
    const headers = { 'Content-Type': 'application/json', 'X-Identivia-Console': '1' };
    const body = JSON.stringify({ name: invited, email: 'reviewer@example.org', role: 'reviewer' });
    return (await (await fetch('/api/console/users', { method: 'POST', headers, body })).json()).invitation_url as string;
  }, name);
  await reviewer.goto(link);
  await reviewer.getByLabel('Name').fill(name);
  await reviewer.getByLabel('Password').fill(PASSWORD);
  await reviewer.getByRole('button', { name: 'Continue' }).click();
  await reviewer.getByText('Cannot scan it?').click();
  const secret = (await reviewer.locator('.secret code').innerText()).replaceAll(' ', '');
  await reviewer.getByLabel('Code from the app').fill(totpCode(secret));
  await reviewer.getByRole('button', { name: 'Confirm' }).click();
  await reviewer.getByLabel('I have stored the codes').check();
  await reviewer.getByRole('button', { name: 'Continue' }).click();
  await expect(reviewer.getByRole('heading', { level: 1, name: 'Overview' })).toBeVisible();
}

test('what one reviewer does shows in the queue of another without a reload', async ({ page, browser }) => {
  const server = await startServer();
  const context = await browser.newContext();
  try {
    await setUpConsole(page, server);
    const other = await context.newPage();
    await inviteReviewer(page, other, 'Bo Lind');
    const streaming = other.waitForResponse((answer) => answer.url().includes('/api/events'));
    await other.goto(`${server.url}/console/queue`);
    expect((await streaming).headers()['content-type']).toBe('text/event-stream');
    await expect(other.getByRole('row').filter({ hasText: 'A. S.' })).toHaveCount(0);
    // Longer than the page collects changes, shorter than it reads its lists without the stream.
    const soon = { timeout: 8_000 };
    await sendRecord(server, 'three');
    const row = other.getByRole('row').filter({ hasText: 'A. S.' });
    await expect(row).toBeVisible(soon);
    await page.getByRole('navigation').getByRole('link', { name: 'Queue' }).click();
    await page.getByRole('button', { name: 'Claim next' }).click();
    await expect(page.getByRole('heading', { level: 1, name: 'Review of Anna Specimen' })).toBeVisible();
    // A review that somebody holds is not among the open ones.
    await expect(row).toHaveCount(0, soon);
    await other.screenshot({ path: 'test-results/console-server/live-queue.png', fullPage: true });
    await other.goto(page.url());
    await expect(other.getByText('Ada Osei').first()).toBeVisible();
    await page.getByRole('button', { name: 'Release' }).click();
    await expect(other.getByRole('button', { name: /^Claim/ })).toBeVisible(soon);
  } finally {
    await context.close();
    await server.stop();
  }
});

const EVERY_PAGE = ['/', '/queue', '/queue?tab=decided', '/profiles', '/users', '/audit', '/analytics', '/analytics?report=rates', '/analytics?report=times', '/analytics?report=reasons', '/analytics?report=breakdown', '/analytics?report=reviewers',
  '/settings/general', '/settings/review', '/settings/reasons', '/settings/webhooks', '/settings/clients', '/settings/providers', '/account'];

test('every page reads what it shows from the server without an error', async ({ page }) => {
  const server = await startServer();
  try {
    await setUpConsole(page, server);
    const profile = await sendRecord(server, 'two');
    for (const path of [...EVERY_PAGE, `/profiles/${profile}`]) {
      await page.goto(`${server.url}/console${path}`);
      await expect(page.locator('h1'), path).toBeVisible();
      await page.waitForLoadState('networkidle');
      await page.screenshot({ path: `test-results/console-server/${path.replaceAll(/[^a-z]+/g, '-')}.png`, fullPage: true });
      expect.soft(await page.getByRole('alert').allInnerTexts(), path).toEqual([]);
    }
  } finally {
    await server.stop();
  }
});

// Sessions: no page of another origin can use them, a new password ends the others, and the cookie counts alone.
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expectStatus, PASSWORD } from './member';
import { expect, test } from './serverTest';
import { totpCode } from './totp';

/** A page of another origin that tries to change things with the visitor's cookie. */
const HOSTILE_PAGE = (target: string) => `<!doctype html><title>hostile</title>
<form id="text" method="post" enctype="text/plain" action="${target}"><input name='{"version":1,"x":"' value='"}'></form>
<form id="plain" method="post" action="${target}"><input name="version" value="1"></form>`;

async function startHostile(target: string): Promise<Server> {
  const server = createServer((_request, answer) => answer.setHeader('Content-Type', 'text/html').end(HOSTILE_PAGE(target)));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return server;
}

test('a page of another origin changes nothing and reads nothing with the user’s cookie', async ({ team, served, complaints }) => {
  complaints.expect(/CORS policy|frame is sandboxed/);
  const { url } = served.server;
  const { review } = await team.sendRecord();
  const ann = await team.invite('reviewer');
  const page = await team.open(ann, '/queue');
  await expect(page.getByRole('heading', { level: 1, name: 'Queue' })).toBeVisible();
  const hostile = await startHostile(`${url}/api/reviews/${review}/claim`);
  const { port } = hostile.address() as AddressInfo;
  try {
    // The first host is the same site, so that the browser sends even a strict cookie; the second is another site.
    for (const host of ['127.0.0.1', 'localhost']) {
      for (const form of ['text', 'plain']) {
        await page.goto(`http://${host}:${port}/`);
        const answered = page.waitForResponse((response) => response.url().startsWith(`${url}/api/`));
        await page.locator(`#${form}`).evaluate((element: HTMLFormElement) => element.submit());
        expect([400, 401, 403, 415], `${host}: ${form}`).toContain((await answered).status());
        await page.waitForURL(`${url}/api/**`);
      }
      await page.goto(`http://${host}:${port}/`);
      const read = await page.evaluate(async (server) => {
        const calls: [string, RequestInit][] = [
          ['/api/console/me', {}],
          ['/api/reviews', {}],
          ['/api/console/logout', { method: 'POST', headers: { 'X-Identivia-Console': '1' } }],
          ['/api/reviews/next', { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-Identivia-Console': '1' }, body: '{}' }],
        ];
        const attempt = ([path, init]: [string, RequestInit]) => fetch(server + path, { credentials: 'include', ...init }).then((answer) => `${path} answered ${answer.status}`, () => null);
        await fetch(`${server}/api/console/logout`, { method: 'POST', mode: 'no-cors', credentials: 'include' }).catch(() => null);
        await fetch(`${server}/api/reviews/next`, { method: 'POST', mode: 'no-cors', credentials: 'include', body: '{}' }).catch(() => null);
        return (await Promise.all(calls.map(attempt))).filter(Boolean);
      }, url);
      expect(read, host).toEqual([]);
    }
  } finally {
    hostile.close();
  }
  expect(await team.readCase(ann, review)).toMatchObject({ state: 'open', version: 1 });
  await page.goto(`${url}/console/queue`);
  await expect(page.getByRole('heading', { level: 1, name: 'Queue' }), 'still signed in').toBeVisible();
});

test('the cookie counts without a bearer token beside it, and changes need the console’s header', async ({ team, served }) => {
  const { url } = served.server;
  const ann = await team.invite('reviewer');
  const send = (headers: Record<string, string>, method = 'POST') =>
    fetch(`${url}/api/reviews/next`, { method, headers: { Cookie: `identivia=${ann.cookie}`, 'Content-Type': 'application/json', ...headers }, body: '{}' }).then((answer) => answer.status);
  const own = { 'Sec-Fetch-Site': 'same-origin', 'X-Identivia-Console': '1' };
  expect(await send(own)).toBe(404);
  expect(await send({ 'Sec-Fetch-Site': 'same-origin' })).toBe(403);
  expect(await send({ ...own, 'Sec-Fetch-Site': 'same-site' })).toBe(403);
  expect(await send({ ...own, 'Sec-Fetch-Site': 'none' })).toBe(403);
  expect(await send({ 'X-Identivia-Console': '1', Origin: 'http://127.0.0.1:1' })).toBe(403);
  expect(await send({ ...own, 'Content-Type': 'text/plain' })).toBe(403);
  expect(await send({ ...own, Authorization: 'Bearer x' })).toBe(400);
});

test('a new password in one browser ends the session in another', async ({ team, served, page }) => {
  const ann = await team.invite('reviewer');
  const other = await team.open(ann, '/profiles');
  await expect(other.getByRole('heading', { level: 1, name: 'Profiles' })).toBeVisible();
  const signIn = async (password: string): Promise<void> => {
    await page.goto(`${served.server.url}/console/account`);
    await page.getByLabel('E-mail', { exact: true }).fill(ann.email);
    await page.getByLabel('Password', { exact: true }).fill(password);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  };
  await signIn(PASSWORD);
  await page.getByLabel('Code').fill(totpCode(ann.secret, 1));
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByLabel('Present password').fill(PASSWORD);
  await page.getByLabel('New password').fill('another sentence for the test');
  await page.getByRole('button', { name: 'Change the password' }).click();
  await expect(page.getByText('Password changed. Your other sessions have ended.')).toBeVisible();

  await other.getByRole('navigation').getByRole('link', { name: 'Queue' }).click();
  await expect(other.getByText('Your session has ended.')).toBeVisible();
  await expectStatus(401, ann.call('GET', '/api/console/me'));

  await page.reload();
  await expect(page.getByRole('heading', { level: 1, name: 'Your account' }), 'this one goes on').toBeVisible();
  await page.getByRole('button', { name: 'Sign out' }).first().click();
  await expect(page.getByRole('button', { name: 'Sign in', exact: true }), 'a page that is left before would break off signing out').toBeVisible();
  await signIn(PASSWORD);
  await expect(page.getByRole('alert')).toContainText('Wrong e-mail, password or code');
});

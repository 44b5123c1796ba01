// People of the console: made through the server's API as its pages make them, and opened in a browser of their own.
import type { Browser, Page } from '@playwright/test';
import type { TestServer } from '../../testServer';
import { totpCode } from './totp';

export const PASSWORD = 'plenty of letters for a test';
export type Role = 'super_admin' | 'admin' | 'reviewer' | 'auditor';

interface Answer {
  status: number;
  body: any;
}

/** A user who is signed in, with what only they know. */
export interface Member {
  id: string;
  name: string;
  email: string;
  /** Of the authenticator app. */
  secret: string;
  recoveryCodes: string[];
  cookie: string;
  /** Calls the API as a page of the console does. */
  call(method: string, path: string, body?: unknown): Promise<Answer>;
}

/** A caller with a cookie that follows the server's. */
class Caller {
  cookie = '';

  constructor(private readonly server: TestServer) {}

  call = async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const headers: Record<string, string> = { 'Sec-Fetch-Site': 'same-origin', 'X-Identivia-Console': '1' };
    if (this.cookie) headers['Cookie'] = `identivia=${this.cookie}`;
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    const answer = await fetch(this.server.url + path, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
    const set = answer.headers.getSetCookie().map((line) => /^identivia=([^;]+)/.exec(line)?.[1]).find(Boolean);
    if (set) this.cookie = set;
    return { status: answer.status, body: await answer.json().catch(() => null) };
  };
}

/** Fails with the answer if it is not what was expected. */
export async function expectStatus(status: number, answer: Promise<Answer> | Answer): Promise<any> {
  const got = await answer;
  if (got.status !== status) throw new Error(`expected ${status}, got ${got.status}: ${JSON.stringify(got.body)}`);
  return got.body?.data ?? got.body;
}

async function enrol(caller: Caller, person: { name: string; email: string }): Promise<Member> {
  const { secret } = await expectStatus(200, caller.call('POST', '/api/console/me/totp'));
  const { recovery_codes } = await expectStatus(200, caller.call('POST', '/api/console/me/totp/confirm', { code: totpCode(secret) }));
  const { id } = await expectStatus(200, caller.call('GET', '/api/console/me'));
  return {
    ...person, id, secret, recoveryCodes: recovery_codes, call: caller.call,
    get cookie() { return caller.cookie; },
  };
}

/** The link for the first user that the server has printed. */
export function findSetupLink(server: TestServer): string {
  const link = /http\S+\/console\/setup#token=\S+/.exec(server.output())?.[0];
  if (!link) throw new Error('the server printed no link for the first user');
  return link;
}

/** The first user, through the printed link. */
export async function setUpMember(server: TestServer): Promise<Member> {
  const caller = new Caller(server);
  const person = { name: 'Ada Osei', email: 'ada@example.org' };
  const token = new URL(findSetupLink(server)).hash.replace('#token=', '');
  await expectStatus(200, caller.call('POST', '/api/console/setup', { token, ...person, password: PASSWORD }));
  return enrol(caller, person);
}

let invited = 0;

/** Another user, through an invitation. */
export async function inviteMember(server: TestServer, by: Member, role: Role, more: { teams?: string[] | null; senior?: boolean } = {}): Promise<Member> {
  invited += 1;
  const person = { name: `${role.replace('_', ' ')} ${invited}`, email: `${role}-${invited}@example.org` };
  const invite = () => by.call('POST', '/api/console/users', { email: person.email, role, ...more });
  let answer = await invite();
  if (answer.body?.code === 'step_up_required') {
    await expectStatus(200, by.call('POST', '/api/console/step_up', { code: by.recoveryCodes.pop() }));
    answer = await invite();
  }
  if (answer.status !== 201) throw new Error(`invite: ${answer.status} ${JSON.stringify(answer.body)}`);
  const token = new URL(answer.body.invitation_url ?? answer.body.data.invitation_url).hash.replace('#token=', '');
  const caller = new Caller(server);
  await expectStatus(200, caller.call('POST', '/api/console/invitation', { token, name: person.name, password: PASSWORD }));
  return enrol(caller, person);
}

/** Opens a path of the console in a browser context of the member's own. */
export async function openAs(browser: Browser, server: TestServer, member: Member, path: string): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  await context.addCookies([{ name: 'identivia', value: member.cookie, url: server.url, httpOnly: true, sameSite: 'Strict' }]);
  const page = await context.newPage();
  await page.goto(`${server.url}/console${path}`);
  return page;
}

// The tests' real server: one for each store, which all tests of that store share. Each test works in a team of its own.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Page, test as base } from '@playwright/test';
import { type TestPerson, type TestServer, startServer } from '../../testServer';
import { type Member, type Role, expectStatus, inviteMember, openAs, setUpMember } from './member';
import { type ServerClock, type StoreName, createClock, startStore } from './serverStore';

const DATA = resolve(import.meta.dirname, '../../../../tests/data');
/** What the declared record says of the specimen passport. */
export const SPECIMEN = { name: 'Anna Specimen', document_number: 'C01X00T47', date_of_birth: '1990-01-15' };

export interface SentRecord {
  person: TestPerson;
  verification: string;
  review: string;
}

export interface ServedConsole {
  server: TestServer;
  admin: Member;
  clock: ServerClock | null;
}

/** What a test does in its team. */
export interface Team {
  name: string;
  invite(role: Role, more?: { senior?: boolean }): Promise<Member>;
  /** A person's record, sent by a company's server, that waits for a review. */
  sendRecord(): Promise<SentRecord>;
  /** Opens a path of the console in a browser of that member's own. */
  open(member: Member, path: string): Promise<Page>;
  /** The case as the member sees it. */
  readCase(member: Member, review: string): Promise<any>;
  readStatus(person: TestPerson): Promise<string>;
}

/** What pages complain of. */
interface Complaints {
  /** These do not fail the test. */
  expect(pattern: RegExp): void;
}

let teams = 0;

async function sendVerification(server: TestServer, person: TestPerson): Promise<string> {
  const form = new FormData();
  const fields = { liveness_session_id: `live-${person.id}`, liveness_confidence: '92', liveness_status: 'SUCCEEDED', document_type: 'passport', country: 'DE', gender: 'female', ...SPECIMEN };
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  for (const [name, file] of [['document_front', 'passport.jpg'], ['facial_photo', 'portrait.jpg']] as const) {
    form.set(name, new Blob([readFileSync(resolve(DATA, file))], { type: 'image/jpeg' }), file);
  }
  const record = await server.callAsMachine('POST', `/api/verification_history/${person.id}`, form);
  return (await expectStatus(201, record)).id as string;
}

/** Sends a newer record of the same person. */
export const sendNewerRecord = sendVerification;

export async function sendRecord(server: TestServer, more: Record<string, unknown> = {}): Promise<SentRecord> {
  const person = await server.createPerson({ name: SPECIMEN.name, email: 'anna@example.org', ...more });
  const verification = await sendVerification(server, person);
  const review = await server.callAsMachine('POST', '/api/reviews', { verification });
  return { person, verification, review: (await expectStatus(201, review)).id as string };
}

export const test = base.extend<{ team: Team; complaints: Complaints }, { store: StoreName; served: ServedConsole }>({
  store: ['sqlite', { option: true, scope: 'worker' }],
  served: [
    async ({ store }, use) => {
      const running = await startStore(store);
      const clock = createClock();
      const server = await startServer({ ...running.settings, ...clock?.settings });
      try {
        await use({ server, clock, admin: await setUpMember(server) });
      } finally {
        await server.stop();
        await running.stop();
        clock?.remove();
      }
    },
    { scope: 'worker', timeout: 120_000 },
  ],
  team: async ({ served, browser }, use) => {
    teams += 1;
    const { server, admin } = served;
    const name = `team-${teams}`;
    const opened: Page[] = [];
    await use({
      name,
      invite: (role, more = {}) => inviteMember(server, admin, role, { ...(role !== 'super_admin' && { teams: [name] }), ...more }),
      sendRecord: () => sendRecord(server, { team: name }),
      async open(member, path) {
        const page = await openAs(browser, server, member, path);
        opened.push(page);
        return page;
      },
      readCase: (member, review) => expectStatus(200, member.call('GET', `/api/reviews/${review}`)),
      readStatus: async (person) => (await expectStatus(200, server.callAsMachine('GET', `/api/profiles/${person.id}`))).status,
    });
    for (const page of opened) await page.context().close();
  },
  // A page of the console fails the test if it throws, breaks its policy, or calls another host.
  complaints: [
    async ({ browser }, use) => {
      const complaints: string[] = [];
      let expected: RegExp | null = null;
      const watch = (page: Page): void => {
        page.on('pageerror', (error) => complaints.push(String(error)));
        page.on('console', (message) => {
          if (message.type() === 'error' && !/Failed to load resource|net::ERR/.test(message.text())) complaints.push(message.text());
        });
        page.on('request', (request) => {
          const url = new URL(request.url());
          if (/^https?:$/.test(url.protocol) && !['127.0.0.1', 'localhost'].includes(url.hostname)) complaints.push(`asked ${request.url()}`);
        });
      };
      const open = browser.newContext.bind(browser);
      browser.newContext = async (options) => {
        const context = await open(options);
        context.on('page', watch);
        return context;
      };
      await use({ expect: (pattern) => (expected = pattern) });
      browser.newContext = open;
      const left = complaints.filter((complaint) => !expected?.test(complaint));
      if (left.length > 0) throw new Error(left.join('\n'));
    },
    { auto: true },
  ],
});

export { expect } from '@playwright/test';

/** Reads the whole text of a decision's refusal. */
export const refusal = (page: Page) => page.getByRole('alert');

/** Makes a decision in the open case: opens its dialog, fills it and confirms. */
export async function decide(page: Page, outcome: 'Approve' | 'Reject' | 'Ask for new pictures', fill: (dialog: ReturnType<Page['getByRole']>) => Promise<void> = async () => undefined): Promise<void> {
  await page.getByRole('group', { name: 'Decision' }).getByRole('button', { name: outcome }).click();
  const dialog = page.getByRole('dialog');
  await fill(dialog);
  await dialog.getByRole('button', { name: outcome }).click();
}

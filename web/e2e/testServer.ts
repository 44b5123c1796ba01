// Starts the real server with its embedded engines in a folder of its own, and creates people through its API.
import { type ChildProcess, spawn } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Page, test as base } from '@playwright/test';

const BINARY = resolve(import.meta.dirname, '../..', process.env['IDENTIVIA_BINARY'] ?? 'target/debug/identivia');
const SCOPES = [
  'profiles:read', 'profiles:write', 'health:read', 'liveness:read', 'liveness:write', 'documents:analyze', 'aws:credentials', 'settings:read',
  'settings:write', 'status_history:read', 'status_history:write', 'verification_history:read', 'verification_history:write', 'files:read',
  'reviews:read', 'reviews:decide',
];

export const BRANDING = {
  name: 'Nordlicht Bank',
  privacy_url: 'https://nordlicht.example/privacy',
  support_email: 'help@nordlicht.example',
};
/** This machine, as a server and as a shop that embeds the page, and the site that people come from. */
const KNOWN_HOSTS = ['127.0.0.1', 'localhost', 'shop.example'];
export const SHOP = 'https://shop.example/back';

export interface TestPerson {
  id: string;
  token: string;
  /** The link, as `create` gave it. */
  url: string;
}

export interface TestServer {
  url: string;
  /** Calls the API with a machine token. */
  callAsMachine(method: string, path: string, body?: unknown): Promise<{ status: number; body: any }>;
  createPerson(more?: Record<string, unknown>): Promise<TestPerson>;
  /** The same link's token with other claims, signed as the server signs. */
  forgeToken(token: string, claims: Record<string, unknown>): string;
  /** Calls the API with a person's token. */
  callAsBrowser(token: string, method: string, path: string, body?: unknown): Promise<{ status: number; body: any }>;
  /** What the server has printed. */
  output(): string;
  stop(): Promise<void>;
}

/** Starts the server. `{port}` in a setting stands for the port that it gets. */
export async function startServer(settings: Record<string, string> = {}): Promise<TestServer> {
  const folder = mkdtempSync(join(tmpdir(), 'identivia-page-'));
  const port = await findFreePort();
  const url = `http://127.0.0.1:${port}`;

  const secret = randomBytes(24).toString('hex');
  const jwtSecret = randomBytes(32).toString('hex');
  const clients = [{ client_id: 'shop', client_secret: secret, scopes: SCOPES }];
  const child = spawn(BINARY, ['serve'], {
    cwd: folder,
    env: {
      PATH: process.env['PATH'] ?? '',
      PORT: String(port),
      DATA_DIR: join(folder, 'data'),
      JWT_SECRET: jwtSecret,
      JWT_CLIENTS_JSON: JSON.stringify(clients),
      REDIRECT_URLS: 'https://shop.example',
      RUST_LOG: process.env['RUST_LOG'] ?? 'error',
      ...Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, value.replace('{port}', String(port))])),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  child.stdout?.on('data', (part: Buffer) => (printed += part.toString()));
  await waitUntilReady(url, child);

  let token = '';
  const call = async (bearer: string, method: string, path: string, body?: unknown) => {
    const headers: Record<string, string> = { Authorization: `Bearer ${bearer}` };
    const isForm = body instanceof FormData;
    if (body !== undefined && !isForm) headers['Content-Type'] = 'application/json';
    const init: RequestInit = { method, headers };
    if (body !== undefined) init.body = isForm ? body : JSON.stringify(body);
    const answer = await fetch(url + path, init);
    return { status: answer.status, body: await answer.json().catch(() => null) };
  };
  const signIn = await call('', 'POST', '/api/auth/token', { client_id: 'shop', client_secret: secret });
  token = signIn.body.access_token;
  const server: TestServer = {
    url,
    callAsMachine: (method, path, body) => call(token, method, path, body),
    callAsBrowser: call,
    output: () => printed,
    forgeToken(token, claims) {
      const [head = '', payload = ''] = token.split('.');
      const before = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
      const signed = `${head}.${Buffer.from(JSON.stringify({ ...before, ...claims })).toString('base64url')}`;
      return `${signed}.${createHmac('sha256', jwtSecret).update(signed).digest('base64url')}`;
    },
    async createPerson(more = {}) {
      const made = await call(token, 'POST', '/api/profiles/create', { userID: randomBytes(8).toString('hex'), ...more });
      if (made.status !== 201) throw new Error(`create: ${made.status} ${JSON.stringify(made.body)}`);
      return { id: made.body.id, token: made.body.flow_token, url: made.body.url };
    },
    async stop() {
      child.kill('SIGTERM');
      await new Promise((resolve) => child.once('exit', resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await server.callAsMachine('PUT', '/api/settings/branding', { value: BRANDING, public: true });
  return server;
}

async function waitUntilReady(url: string, child: ChildProcess): Promise<void> {
  for (let i = 0; i < 300; i += 1) {
    if (child.exitCode !== null) throw new Error(`the server stopped with ${child.exitCode}`);
    const isReady = await fetch(`${url}/readyz`).then((answer) => answer.ok, () => false);
    if (isReady) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('the server did not become ready');
}

function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => (typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port'))));
    });
  });
}

/** Uses a mock at `E2E_URL` instead of the server, to design a screen. Real test runs never set it. */
async function connectToMock(url: string): Promise<TestServer> {
  const letters = 'abcdefghijklmnopqrstuvwxyz0123456789';
  return {
    url,
    callAsMachine: async () => ({ status: 200, body: {} }),
    callAsBrowser: async () => ({ status: 200, body: {} }),
    forgeToken: (token) => token,
    createPerson: async () => {
      const id = Array.from(randomBytes(15), (byte) => letters[byte % 36]).join('');
      return { id, token: 't', url: `${url}/${id}?token=t` };
    },
    output: () => '',
    stop: async () => undefined,
  };
}

export const test = base.extend<{ quiet: void; server: TestServer }>({
  // One server per test: a server recognises frames that it has seen before, and would reject the next test's as a replay.
  server: async ({}, use) => {
    const mock = process.env['E2E_URL'];
    const server = mock ? await connectToMock(mock) : await startServer();
    await use(server);
    await server.stop();
  },
  // A page fails the test if it logs an error, or sends a request to any other host.
  quiet: [
    async ({ page }, use) => {
      const complaints: string[] = [];
      page.on('pageerror', (error) => complaints.push(String(error)));
      page.on('console', (message) => {
        // The tests cause failed requests themselves, but no violations of the policy.
        if (message.type() === 'error' && !/Failed to load resource|net::ERR/.test(message.text())) complaints.push(message.text());
      });
      page.on('request', (request) => {
        const url = new URL(request.url());
        if (/^https?:$/.test(url.protocol) && !KNOWN_HOSTS.includes(url.hostname)) complaints.push(`asked ${request.url()}`);
      });
      await use();
      if (complaints.length > 0) throw new Error(complaints.join('\n'));
    },
    { auto: true },
  ],
});

export { expect } from '@playwright/test';

/** A page, or a frame in one. */
export type ScreenPlace = Pick<Page, 'locator'>;

export const findScreen = (page: ScreenPlace, name: string) => page.locator(`[data-screen="${name}"]`);

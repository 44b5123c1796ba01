/**
 * A small shop that has its customers verified by Identivia. It needs Node 20 and the official library for webhooks.
 *
 * It creates a profile and sends the customer the link, receives webhooks and verifies their signatures, and reads the record.
 */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Webhook, WebhookVerificationError } from 'standardwebhooks';

const IDENTIVIA = process.env.IDENTIVIA_URL ?? 'http://127.0.0.1:8000';
const CLIENT_ID = readSetting('IDENTIVIA_CLIENT_ID');
const CLIENT_SECRET = readSetting('IDENTIVIA_CLIENT_SECRET');
const webhook = new Webhook(readSetting('IDENTIVIA_WEBHOOK_SECRET'));
const PORT = Number(process.env.PORT ?? 3000);
const MAX_BODY_BYTES = 100_000;
const TIMEOUT_MS = 10_000;

/** What the shop knows of a customer. */
interface Customer {
  profile: string;
  /** That of the newest event that the shop has handled. */
  version: number;
  status: string;
  name: string | null;
}

/** An event, as far as the shop uses it. */
interface ProfileEvent {
  type: string;
  data: { id: string; user_id: string; version: number };
}

/** A real shop has a database. */
const customers = new Map<string, Customer>();

function readSetting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} must be set`);
  return value;
}

// --- Calls to Identivia ---

let token = '';
let tokenEnds = 0;

/** Calls the API with a machine token, and asks for a new token before the old one ends. */
async function callIdentivia(method: string, path: string, body?: unknown): Promise<any> {
  if (Date.now() > tokenEnds) {
    const credentials = { client_id: CLIENT_ID, client_secret: CLIENT_SECRET };
    const answer = await sendJson('POST', '/api/auth/token', credentials);
    token = answer.access_token;
    tokenEnds = Date.now() + answer.expires_in * 800;
  }
  return sendJson(method, path, body, { Authorization: `Bearer ${token}` });
}

async function sendJson(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<any> {
  const response = await fetch(IDENTIVIA + path, {
    method,
    headers: { 'Content-Type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!response.ok) throw new Error(`Identivia answers ${response.status} to ${method} ${path}`);
  return response.json();
}

// --- The customer's way ---

/** Creates a profile, or finds the one that this customer has, and sends the customer to its link. */
async function startVerification(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const user = new URLSearchParams(await readBody(request)).get('user');
  if (!user) return answer(response, 400, 'Who are you?');
  const profile = await callIdentivia('POST', '/api/profiles/create', { userID: user });
  if (!customers.has(user)) {
    customers.set(user, { profile: profile.id, version: 0, status: 'unverified', name: null });
  }
  // A shop may also send the link by e-mail. Whoever has it can act as the customer: keep it out of logs.
  response.setHeader('Location', profile.url);
  answer(response, 303);
}

/** Verifies a webhook and handles its event. */
async function receiveWebhook(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readBody(request);
  let event: ProfileEvent;
  try {
    event = webhook.verify(body, request.headers as Record<string, string>) as ProfileEvent;
  } catch (error) {
    if (error instanceof WebhookVerificationError) return answer(response, 401);
    throw error;
  }
  // An error answers 500, and Identivia sends the webhook again. Answer 2xx only for what is stored.
  await handleEvent(event);
  answer(response, 204);
}

/** Brings a customer up to date. The same event may come twice, and an older one after a newer one. */
async function handleEvent({ data }: ProfileEvent): Promise<void> {
  const customer = customers.get(data.user_id);
  if (!customer || data.version <= customer.version) return;
  // The event says that something has changed. What counts is the record, and it is read from Identivia itself.
  const { data: profile } = await callIdentivia('GET', `/api/profiles/${data.id}`);
  if (data.version <= customer.version) return;
  Object.assign(customer, { version: data.version, status: profile.status, name: profile.name ?? null });
}

// --- The shop ---

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request) {
    length += part.length;
    if (length > MAX_BODY_BYTES) throw new Error('the body is too large');
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

function answer(response: ServerResponse, status: number, text = '', type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'Content-Type': type }).end(text);
}

function renderPage(): string {
  const escape = (text: string) => text.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);
  const rows = [...customers].map(([user, { status }]) => `<li>${escape(user)}: ${escape(status)}</li>`);
  return `<!doctype html><title>Shop</title><h1>Shop</h1><form method=post action=/verify>
<input name=user placeholder="your name here" required> <button>Verify me</button></form><ul>${rows.join('')}</ul>`;
}

async function handleRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url ?? '/';
  if (request.method === 'POST' && path === '/verify') return startVerification(request, response);
  if (request.method === 'POST' && path === '/hook') return receiveWebhook(request, response);
  if (request.method === 'GET' && path === '/') return answer(response, 200, renderPage(), 'text/html; charset=utf-8');
  const customer = path.startsWith('/customers/') && customers.get(decodeURIComponent(path.slice('/customers/'.length)));
  answer(response, customer ? 200 : 404, JSON.stringify(customer || null), 'application/json');
}

const server = createServer((request, response) => {
  handleRequest(request, response).catch((error: Error) => {
    console.error(`${request.method} failed: ${error.message}`); // The caller learns nothing of the cause.
    answer(response, 500);
  });
});
server.listen(PORT, '127.0.0.1', () => console.log(`The shop is at http://127.0.0.1:${PORT}`));

// A stand-in for the server: the console's page under its real policy, and an API with invented data. It exists to look at every
// page in every state; what the server really does is tested against the server.
import { readFileSync } from 'node:fs';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import { resolve } from 'node:path';
import type { ReviewCase, ReviewRow } from '../../src/console/api/models';
import { AUDIT, BREAKDOWN, CASE, CLIENTS, DELIVERIES, HEALTH, MAIL_KINDS, ME, PROFILES, REASONS, REPORTS, ROWS, SIGN_IN_PROVIDERS, USERS, WEBHOOKS, drawPicture, shiftedNow, time } from './standInData';

const DIST = resolve(import.meta.dirname, '../../dist');
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const TYPES: Record<string, string> = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml', txt: 'text/plain' };
const CODE = '123456';

type Json = Record<string, unknown>;
interface Answer {
  status?: number;
  body: unknown;
}

export interface StandInState {
  stage: 'none' | 'factor' | 'enrol_factor' | 'full';
  setupNeeded: boolean;
  passkeys: boolean;
  permissions: string[];
  review: ReviewCase;
  steppedUp: boolean;
  sessionSeconds: number;
  shortcuts: boolean;
  language: string;
  /** The next call to that path is refused with this. */
  refusal: { path: RegExp; status: number; body: Json } | null;
  calls: { method: string; path: string; body: Json | null }[];
}

export interface StandIn {
  url: string;
  state: StandInState;
  stop(): Promise<void>;
}

const data = (value: unknown): Answer => ({ body: { success: true, data: value } });
const list = (rows: unknown[]): Answer => ({ body: { success: true, data: rows, has_more: false, next_cursor: null } });
const refuse = (status: number, body: Json): Answer => ({ status, body });

function startState(): StandInState {
  return {
    stage: 'full', setupNeeded: false, passkeys: false, permissions: ME.permissions, steppedUp: false, sessionSeconds: 1_800, shortcuts: true, language: '', refusal: null, calls: [],
    review: { ...(ROWS[0] as ReviewRow), ...structuredClone(CASE) },
  };
}

const me = (state: StandInState): Json => ({
  ...ME, permissions: state.permissions, shortcuts: state.shortcuts, language: state.language,
  session: { id: 'session00000001', idle_until: time(state.sessionSeconds * 1_000), ends_at: time(43_200_000), step_up_until: state.steppedUp ? time(300_000) : null },
});

function reviewView(state: StandInState): Json {
  const { review } = state;
  const may: Record<string, string[]> = { open: ['claim'], claimed: review.mine ? ['renew', 'release', 'approve', 'reject', 'request_resubmission', 'reveal'] : ['take_over'], deciding: ['undo'], second_look: ['second'], decided: ['reopen'] };
  const images = review.mine || review.state === 'deciding' ? review.images : [];
  return { ...ROWS[0], ...review, images, may: may[review.state] ?? [] };
}

/** What each path answers. Later patterns are only tried when earlier ones do not match. */
const ROUTES: [string, RegExp, (state: StandInState, body: Json, url: URL) => Answer][] = [
  ['GET', /^\/api\/console\/state$/, (state) => data({ setup_needed: state.setupNeeded, signed_in: state.stage === 'full', stage: state.stage === 'none' ? null : state.stage, providers: [{ id: 'acme', name: 'Acme SSO' }], passkeys: state.passkeys, platform_name: 'Identivia' })],
  ['GET', /^\/api\/console\/oidc$/, () => data(SIGN_IN_PROVIDERS)],
  ['POST', /^\/api\/console\/(setup|invitation)$/, (state) => {
    Object.assign(state, { stage: 'enrol_factor', setupNeeded: false });
    return data({ stage: 'enrol_factor' });
  }],
  ['POST', /^\/api\/console\/login$/, (state, body) => {
    if (body['password'] !== 'correct horse battery') return refuse(401, { error: 'Wrong e-mail, password or code' });
    state.stage = 'factor';
    return data({ stage: 'factor' });
  }],
  ['POST', /^\/api\/console\/login\/totp$/, (state, body) => {
    if (body['code'] !== CODE) return refuse(401, { error: 'Wrong e-mail, password or code' });
    state.stage = 'full';
    return data({ stage: 'full' });
  }],
  ['POST', /^\/api\/console\/(login|step_up)\/passkey\/start$/, () => data({ public_key: { challenge: 'AAAA', timeout: 300_000, rpId: 'id.example', userVerification: 'required', allowCredentials: [] } })],
  ['DELETE', /^\/api\/console\/me\/passkeys\/\w+$/, () => refuse(409, { error: 'Last second factor', message: 'Add another one first' })],
  ['PATCH', /^\/api\/console\/me\/passkeys\/\w+$/, (_state, body) => data({ ...ME.factors.passkeys[0], name: body['name'] })],
  ['POST', /^\/api\/console\/me\/totp$/, () => data({ secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP', uri: 'otpauth://totp/Identivia:ada%40example.org?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Identivia' })],
  ['POST', /^\/api\/console\/me\/totp\/confirm$/, (state, body) => {
    if (body['code'] !== CODE) return refuse(401, { error: 'Wrong e-mail, password or code' });
    state.stage = 'full';
    return data({ recovery_codes: Array.from({ length: 10 }, (_, n) => `abcd-efgh-${n}234`), stage: 'full' });
  }],
  ['POST', /^\/api\/console\/step_up$/, (state, body) => {
    if (body['code'] !== CODE) return refuse(401, { error: 'Wrong e-mail, password or code' });
    state.steppedUp = true;
    return data({ step_up_until: time(300_000) });
  }],
  ['POST', /^\/api\/console\/logout$/, (state) => {
    state.stage = 'none';
    return data({});
  }],
  ['GET', /^\/api\/console\/me$/, (state) => data(me(state))],
  ['PATCH', /^\/api\/console\/me$/, (state, body) => {
    if (typeof body['shortcuts'] === 'boolean') state.shortcuts = body['shortcuts'];
    return data(me(state));
  }],
  ['GET', /^\/api\/console\/me\/sessions$/, () => list([{ id: 'session00000001', current: true, created: time(-3_600_000), last_seen: time(-1_000), address: '203.0.113.7', browser: 'Firefox on Linux' }, { id: 'session00000002', current: false, created: time(-90_000_000), last_seen: time(-80_000_000), address: '198.51.100.4', browser: 'Safari on iPhone' }])],
  ['POST', /^\/api\/console\/me\/recovery_codes$/, (state) => (state.steppedUp ? data({ recovery_codes: ['abcd-efgh-1234', 'ijkl-mnop-5678'] }) : refuse(403, { error: 'Confirm it is you', code: 'step_up_required' }))],
  ['GET', /^\/api\/console\/users$/, () => list(USERS)],
  ['POST', /^\/api\/console\/users$/, () => ({ status: 201, body: { success: true, data: USERS[2], invitation_url: 'https://id.example/console/invitation#token=abc123' } })],
  ['GET', /^\/api\/reviews\/counts$/, () => data({ open: 3, mine: 0, second_look: 1, waiting: 4, decided: 1_000, ages: { '1h': 2, '4h': 5, '24h': 9, older: 1 }, more: true })],
  ['GET', /^\/api\/reviews$/, (state, _body, url) => {
    const mine = state.review.mine ? [{ ...ROWS[0], ...{ state: state.review.state, holder: state.review.holder, claim_until: state.review.claim_until } }] : [];
    return list(url.searchParams.get('state')?.includes('claimed') ? mine : ROWS);
  }],
  ['POST', /^\/api\/reviews\/next$/, (state) => claim(state)],
  ['POST', /^\/api\/reviews\/\w+\/claim$/, (state) => claim(state)],
  ['POST', /^\/api\/reviews\/\w+\/renew$/, () => data({ claim_until: time(900_000) })],
  ['POST', /^\/api\/reviews\/\w+\/(release|reopen)$/, (state) => change(state, { state: 'open', mine: false, holder: null, outcome: null })],
  ['POST', /^\/api\/reviews\/\w+\/(approve|reject)$/, (state, body, url) =>
    body['claim_id'] === 'claim1' ? change(state, { state: 'deciding', undo_until: time(8_000), outcome: url.pathname.endsWith('approve') ? 'approve' : 'reject', reasons: (body['reasons'] as ReviewCase['reasons']) ?? [] }) : refuse(409, { error: 'Claim has ended', code: 'claim_ended' })],
  ['POST', /^\/api\/reviews\/\w+\/request_resubmission$/, (state) => change(state, { state: 'waiting', mine: false, outcome: 'request_resubmission' })],
  ['POST', /^\/api\/reviews\/\w+\/undo$/, (state) => change(state, { state: 'claimed', undo_until: null, outcome: null, reasons: [] })],
  ['POST', /^\/api\/reviews\/\w+\/reveal$/, () => data({ values: { document_number: 'C01X00T47' } })],
  ['POST', /^\/api\/reviews\/\w+\/notes$/, (state, body) => change(state, { notes: [...state.review.notes, { id: 'n2', at: time(0), by: 'Ada Osei', text: String(body['text']) }] })],
  ['GET', /^\/api\/reviews\/\w+$/, (state) => data(reviewView(state))],
  ['GET', /^\/api\/reasons$/, () => list(REASONS)],
  ['GET', /^\/api\/profiles$/, () => list(PROFILES)],
  ['GET', /^\/api\/profiles\/\w+$/, () => data({ ...PROFILES[0], language: 'de', security_level: null, consent: { id: 'consent00000001', accepted: time(-3_600_000), version: '1', language: 'de' }, verification_history: null })],
  ['GET', /^\/api\/status_history\/\w+$/, () => list([{ id: 's1', profile: 'p', updated_by: 'Ada Osei', previous_status: 'pending', new_status: 'verified', notes: 'Faces and data agree', created: time(-3_600_000) }])],
  ['GET', /^\/api\/verification_history\/\w+$/, () => list([{ id: 'v1', status: 'verified', document_type: 'passport', document_number: '•••••123', country: 'DE', name: 'M. L.', created: time(-7_200_000), checks_status: 'done', checks: CASE.checks, breakdown: BREAKDOWN }])],
  ['GET', /^\/api\/audit_events$/, () => list(AUDIT)],
  ['GET', /^\/api\/audit_events\/kinds$/, () => data(AUDIT.map((each) => ({ kind: each.kind, description: each.kind })))],
  ['GET', /^\/api\/analytics\/overview$/, () => data({ counted_at: time(-4_000), total_verifications: 412, success_rate: { value: 0.93, low: 0.9, high: 0.95, of: 310 }, active_users: 7 })],
  ['GET', /^\/api\/analytics\/\w+$/, (_state, _body, url) => data({ counted_at: time(-4_000), from: time(-2_592_000_000), to: time(0), open_share: 0.04, rows: REPORTS[url.searchParams.get('by') === 'day' ? 'day' : (url.pathname.split('/').at(-1) ?? '')] ?? [] })],
  ['GET', /^\/api\/settings$/, () => data({ branding: { name: 'Nordlicht Bank', color: '#0a7fff', privacy_url: 'https://nordlicht.example/privacy' }, four_eyes: false, review_due_hours: 24 })],
  ['GET', /^\/api\/console\/mail_kinds$/, () => data(MAIL_KINDS)],
  ['POST', /^\/api\/console\/mail_kinds\/example$/, () => ({ body: { success: true, mail: 'sent' } })],
  ['POST', /^\/api\/health\/providers\/mail\/test$/, () => data({ provider: 'mail', result: 'failed', duration_ms: 41, problem: 'it cannot be reached', remedy: 'Check SMTP_URL, MAIL_FROM and SMTP_CA_FILE; the log of this server has the cause' })],
  ['POST', /^\/api\/health\/providers\/\w+\/test$/, () => data({ provider: 'records', result: 'ok', duration_ms: 2, problem: null, remedy: null })],
  ['GET', /^\/api\/webhooks$/, () => list(WEBHOOKS)],
  ['GET', /^\/api\/webhooks\/\w+\/deliveries$/, () => list(DELIVERIES)],
  ['GET', /^\/api\/clients$/, () => list(CLIENTS)],
  ['POST', /^\/api\/clients$/, () => ({ status: 201, body: { success: true, data: CLIENTS[1], client_secret: 'idv_shown_once_only' } })],
  ['GET', /^\/$/, () => ({ body: HEALTH })],
];

function change(state: StandInState, part: Partial<StandInState['review']>): Answer {
  Object.assign(state.review, part);
  state.review.version += 1;
  return data(reviewView(state));
}

const claim = (state: StandInState): Answer => change(state, { state: 'claimed', mine: true, claim_id: 'claim1', holder: { id: ME.id, name: ME.name }, claim_until: time(900_000) });

export async function startStandIn(): Promise<StandIn> {
  const state = startState();
  const server = createServer((request, response) => void answer(state, request, response));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    state,
    stop: () => new Promise((done) => {
      server.closeAllConnections();
      server.close(() => done());
    }),
  };
}

async function answer(state: StandInState, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://stand.in');
  if (url.pathname.startsWith('/app/')) return sendFile(response, url.pathname);
  if (url.pathname.startsWith('/console')) {
    response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', 'Content-Security-Policy': POLICY, 'Cache-Control': 'no-store' });
    response.end(readFileSync(resolve(DIST, 'console.html')));
    return;
  }
  const text = await readBody(request);
  const body = (text ? JSON.parse(text) : {}) as Json;
  state.calls.push({ method: request.method ?? '', path: url.pathname, body: text ? body : null });
  const { status = 200, body: sent } = chooseAnswer(state, request, url, body);
  if (url.pathname.startsWith('/api/files/') && status === 200) {
    response.writeHead(200, { 'Content-Type': 'image/svg+xml', 'Cache-Control': 'no-store' });
    response.end(drawPicture(url.pathname.split('/').at(-1) ?? ''));
    return;
  }
  response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', Date: new Date(shiftedNow()).toUTCString() });
  response.end(JSON.stringify(sent));
}

function chooseAnswer(state: StandInState, request: IncomingMessage, url: URL, body: Json): Answer {
  if (request.headers['x-identivia-console'] !== '1') return refuse(403, { error: 'Request refused' });
  const isOpen = /^\/api\/console\/(state|login|setup|invitation|logout|me\/totp)/.test(url.pathname);
  if (state.stage !== 'full' && !isOpen) return refuse(401, { error: 'Unauthorized' });
  const { refusal } = state;
  if (refusal?.path.test(url.pathname)) {
    state.refusal = null;
    return refuse(refusal.status, refusal.body);
  }
  if (url.pathname.startsWith('/api/files/')) return { body: null };
  const route = ROUTES.find(([method, pattern]) => method === request.method && pattern.test(url.pathname));
  if (route) return route[2](state, body, url);
  return request.method === 'GET' ? refuse(404, { error: 'Not found', message: `The stand-in has no ${url.pathname}` }) : data({});
}

function sendFile(response: ServerResponse, path: string): void {
  try {
    const bytes = readFileSync(resolve(DIST, `.${path}`));
    response.writeHead(200, { 'Content-Type': TYPES[path.split('.').at(-1) ?? ''] ?? 'application/octet-stream' });
    response.end(bytes);
  } catch {
    response.writeHead(404).end();
  }
}

function readBody(request: IncomingMessage): Promise<string> {
  return new Promise((done) => {
    let text = '';
    request.on('data', (part: Buffer) => (text += part.toString()));
    request.on('end', () => done(text));
  });
}

// One person's way through: what the server knows, what this browser has made, and the calls between the two. No React in here.
import { ApiError, type Schemas, call, request } from '../../shared/api/client';
import type { Details, Flow } from '../../shared/api/flow';
import { type Waiting, retrying } from '../../shared/api/retry';
import { type Advice, adviceOf } from '../steps/document/advice';
import { type Outbox, Replaced, createOutbox } from './outbox';
import { needsBack } from './screens';
import type { Access } from './token';

/** Changed together with the text of what a person agrees to. */
const CONSENT_TEXT = '2026-11';

/** The version of what a person agrees to: of the text, and who else is named in it. */
export const consentVersion = (processors: readonly string[]): string =>
  [CONSENT_TEXT, ...processors.map((name) => name.toLowerCase().replace(/[^a-z0-9]+/g, '-'))].join('.').slice(0, 64);

export type Side = 'front' | 'back';
export type Reason = 'link' | 'expired' | 'server';

export interface Choice {
  country: string;
  type: string;
}

export type Reading =
  | { state: 'none' }
  | { state: 'busy' }
  | { state: 'done'; details: Details; advice: Advice[] }
  | { state: 'failed' };

export interface Snapshot {
  flow: Flow | null;
  trouble: { reason: Reason; reference: string | null } | null;
  waiting: Waiting | null;
  /** How much is still to leave this browser. */
  unsent: number;
  choice: Choice | null;
  pictures: Partial<Record<Side, Picture>>;
  reading: Reading;
  saving: 'idle' | 'saving' | 'saved';
  sending: { stage: 0 | 1 | 2 | 3; failed: boolean };
  /** Fields that the server did not take, with its words. */
  refused: Record<string, string> | null;
}

export interface Picture {
  blob: Blob;
  url: string;
}

const START: Omit<Snapshot, 'flow'> = {
  trouble: null,
  waiting: null,
  unsent: 0,
  choice: null,
  pictures: {},
  reading: { state: 'none' },
  saving: 'idle',
  sending: { stage: 0, failed: false },
  refused: null,
};

export class Session {
  #snapshot: Snapshot = { flow: null, ...START };
  readonly #listeners = new Set<() => void>();
  readonly #outbox: Outbox;
  /** Counts readings: the answer of one that was overtaken is nobody's. */
  #readings = 0;
  /** Pictures that have left, or wait in the outbox. */
  readonly #sent = new Set<Blob>();
  #forms = 0;
  #draft: Details | null = null;
  #pause: ReturnType<typeof setTimeout> | undefined;
  readonly #at: { id: string };

  constructor(readonly access: Access) {
    this.#at = { id: access.profile };
    this.#outbox = createOutbox((unsent, waiting) => this.#change({ unsent, waiting }));
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly snapshot = (): Snapshot => this.#snapshot;

  #change(part: Partial<Snapshot>): void {
    this.#snapshot = { ...this.#snapshot, ...part };
    for (const listener of this.#listeners) listener();
  }

  /** What every call of a link carries. */
  get #as(): { token: string; at: { id: string } } {
    return { token: this.access.token, at: this.#at };
  }

  /** Fetches where the person is. Without end while there is no connection; `once` for a look that may fail unseen. */
  async load(how: 'until it works' | 'once' = 'until it works'): Promise<Flow | null> {
    const attempts = how === 'once' ? 1 : Infinity;
    try {
      const answer = await retrying(() => call('get', '/api/flow/{id}', this.#as), {
        attempts,
        onWait: (waiting) => this.#change({ waiting }),
      });
      const flow = answer.data;
      this.#take(flow);
      return flow;
    } catch (error) {
      if (how === 'once' && !(error instanceof ApiError && (error.status === 401 || error.status === 404))) return null;
      this.#fail(error);
      return null;
    }
  }

  #take(flow: Flow): void {
    const known = flow.document.type ? { type: flow.document.type, country: flow.document.country } : null;
    this.#change({ flow, choice: this.#snapshot.choice ?? known });
  }

  /** Turns an answer that ends the link into what the person is told; everything else is the caller's. */
  #fail(error: unknown): void {
    if (!(error instanceof ApiError)) return;
    const reference = error.requestId;
    // Decided, or finished on another device, in the meantime: the server knows where the person is.
    if (error.status === 403) void this.load('once');
    else if (error.status === 401) this.#change({ trouble: { reason: endOf(this.access.token) <= Date.now() ? 'expired' : 'link', reference } });
    else if (error.status === 404) this.#change({ trouble: { reason: 'link', reference } });
    else this.#change({ trouble: { reason: 'server', reference } });
  }

  /** The link's end has come while the page was open. */
  expire(): void {
    this.#change({ trouble: { reason: 'expired', reference: null } });
  }

  forgive(): void {
    this.#change({ trouble: null });
  }

  /** Runs a call that ends the link when the server says so, and hands every other error on. */
  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof ApiError && [401, 403, 404].includes(error.status)) this.#fail(error);
      throw error;
    }
  }

  async accept(version: string, language: string): Promise<void> {
    const json = { version, language };
    try {
      await this.#outbox.send('consent', () => call('post', '/api/flow/{id}/consent', { ...this.#as, json }));
      await this.load();
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  /** Notes which document it is. With pictures of another one on the server, only together with new ones. */
  choose(choice: Choice): void {
    if (choice.type !== this.#snapshot.choice?.type) this.discard();
    this.#change({ choice });
    if (this.#snapshot.flow?.document.front) return;
    const json = { document_type: choice.type, country: choice.country };
    this.#outbox.send('choice', () => call('patch', '/api/profiles/{id}', { ...this.#as, json })).catch(this.#unheard);
  }

  readonly #unheard = (error: unknown): void => {
    if (!(error instanceof Replaced)) this.#fail(error);
  };

  /** Forgets this browser's pictures, for new ones; the server's stay until those have arrived. */
  discard(): void {
    for (const picture of Object.values(this.#snapshot.pictures)) URL.revokeObjectURL(picture.url);
    this.#sent.clear();
    this.#change({ pictures: {}, reading: { state: 'none' } });
  }

  /** Keeps a picture, and sends it unless it belongs together with one that is still to be taken. */
  keep(side: Side, blob: Blob): void {
    const before = this.#snapshot.pictures[side];
    if (before) URL.revokeObjectURL(before.url);
    const pictures = { ...this.#snapshot.pictures, [side]: { blob, url: URL.createObjectURL(blob) } };
    if (side === 'front') delete pictures.back;
    this.#change({ pictures, reading: { state: 'none' } });
    const choice = this.#snapshot.choice;
    if (!choice) return;
    const isFirst = !this.#snapshot.flow?.document.front;
    const isComplete = !needsBack(choice.type) || Boolean(pictures.back);
    if (isComplete || (isFirst && side === 'front')) this.#sendPictures(choice, pictures);
  }

  #sendPictures(choice: Choice, pictures: Snapshot['pictures']): void {
    const form = new FormData();
    form.set('document_type', choice.type);
    form.set('country', choice.country);
    for (const side of ['front', 'back'] as const) {
      const picture = pictures[side];
      if (!picture || this.#sent.has(picture.blob)) continue;
      this.#sent.add(picture.blob);
      form.set(`document_${side}`, picture.blob, `${side}.jpg`);
    }
    // Under a key of its own each: one that waits may hold a side which the next one does not.
    const key = `pictures ${(this.#forms += 1)}`;
    this.#outbox.send(key, () => call('patch', '/api/profiles/{id}', { ...this.#as, form })).catch(this.#unheard);
  }

  /** Waits until the pictures have arrived and has them read. What it says becomes the draft of the details. */
  async read(): Promise<void> {
    const reading = (this.#readings += 1);
    const isNewest = (): boolean => reading === this.#readings;
    this.#change({ reading: { state: 'busy' } });
    try {
      await this.#outbox.empty();
      const form = await this.#formToRead();
      const answer = await this.#guarded(() =>
        retrying(() => call('post', '/api/ollama/document-analysis', { token: this.access.token, form }), { attempts: 3 }),
      );
      if (!isNewest()) return;
      const { verification_history_fields: fields, findings } = answer.data;
      const details = known(fields);
      const advice = adviceOf(findings, details);
      this.#change({ reading: { state: 'done', details, advice } });
      if (Object.keys(details).length > 0) await this.#saveNow(details);
    } catch {
      // A document that no machine reads is typed in by the person: never a dead end.
      if (isNewest()) this.#change({ reading: { state: 'failed' } });
    }
    await this.load('once');
  }

  async #formToRead(): Promise<FormData> {
    const form = new FormData();
    const type = this.#snapshot.choice?.type ?? '';
    if (type) form.set('document_type_hint', type);
    const { front, back } = this.#snapshot.pictures;
    if (front) {
      form.set('document_front', front.blob, 'front.jpg');
      if (back && needsBack(type)) form.set('document_back', back.blob, 'back.jpg');
      return form;
    }
    // After a reload, or on another device, the server has them and this browser does not.
    const stored = await call('patch', '/api/profiles/{id}', { ...this.#as, json: {} });
    const { document_front, document_back } = stored.data;
    form.set('document_front', await this.#file(document_front), 'front.jpg');
    if (document_back && needsBack(type)) form.set('document_back', await this.#file(document_back), 'back.jpg');
    return form;
  }

  async #file(filename: string): Promise<Blob> {
    const at = { collection: 'profiles', recordId: this.access.profile, filename };
    return (await request('get', '/api/files/{collection}/{recordId}/{filename}', { token: this.access.token, at })).blob();
  }

  /** Keeps what was typed, a moment after the last key. */
  draft(details: Details): void {
    this.#draft = details;
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => void this.saveDraft(), 1_000);
  }

  /** Keeps what was typed, now: before the page goes. */
  async saveDraft(): Promise<void> {
    clearTimeout(this.#pause);
    const draft = this.#draft;
    this.#draft = null;
    if (draft) await this.#saveNow(draft).catch(this.#unheard);
  }

  async #saveNow(json: Details): Promise<void> {
    this.#change({ saving: 'saving' });
    const flow = this.#snapshot.flow;
    if (flow) this.#change({ flow: { ...flow, details: { ...flow.details, ...json } } });
    await this.#guarded(() => this.#outbox.send('details', () => call('put', '/api/flow/{id}/details', { ...this.#as, json })));
    this.#change({ saving: 'saved' });
  }

  /** Keeps the face that a passed check has shown; a record needs it, whichever device finishes. */
  async keepFace(photo: Blob): Promise<void> {
    const form = new FormData();
    form.set('facial_photo', photo, 'face.jpg');
    await this.#guarded(() => this.#outbox.send('face', () => call('patch', '/api/profiles/{id}', { ...this.#as, form })));
  }

  async handOff(): Promise<{ code: string; url: string; expires: string }> {
    const answer = await this.#guarded(() => retrying(() => call('post', '/api/flow/{id}/handoff', this.#as), { attempts: 4 }));
    return answer.data;
  }

  /** Sends it all: the record, the wish for a review, the profile's word for it. Each may have been done before. */
  async submit(details: Details, fingerprint: Promise<string | null>): Promise<void> {
    this.#draft = null;
    clearTimeout(this.#pause);
    this.#change({ sending: { stage: 0, failed: false }, refused: null });
    try {
      await this.#guarded(() => this.#submit(details, fingerprint));
    } catch (error) {
      // Somebody was faster on another device, or the face check has run out: the server knows.
      const before = this.#snapshot.flow?.step;
      const flow = await this.load('once');
      if (flow && flow.step !== before) return;
      const refused = error instanceof ApiError && error.status === 400 ? (error.body.fields ?? null) : null;
      this.#change({ sending: { ...this.#snapshot.sending, failed: true }, refused });
    }
  }

  async #submit(details: Details, fingerprint: Promise<string | null>): Promise<void> {
    const { token } = this.access;
    // Also the draft: another try, from here or from another device, has what was typed.
    await this.#saveNow(details);
    const patience = { attempts: 8, onWait: (waiting: Waiting | null) => this.#change({ waiting }) };
    await this.#outbox.empty();
    const flow = this.#snapshot.flow;
    const session = flow?.face?.session ?? '';
    const results = await retrying(() => call('get', '/api/face-liveness/results/{sessionId}', { token, at: { sessionId: session } }), patience)
      .then((answer) => answer.data)
      // A session that is gone is no dead link: the record is refused, and the server says that the face is the step.
      .catch((error: unknown) => {
        if (error instanceof ApiError && error.status === 404) return null;
        throw error;
      });
    this.#change({ sending: { stage: 1, failed: false } });

    const form = new FormData();
    for (const [name, value] of Object.entries(details)) if (value) form.set(name, value as string);
    form.set('document_type', this.#snapshot.choice?.type ?? flow?.document.type ?? '');
    form.set('liveness_session_id', session);
    form.set('liveness_confidence', String(results?.confidenceScore ?? 0));
    form.set('liveness_status', results?.isLive ? 'live' : 'not_live');
    const device = await fingerprint;
    if (device) form.set('fingerprint', device);
    const verification = await retrying(() => call('post', '/api/verification_history/{id}', { ...this.#as, form }), patience)
      .then((answer) => answer.data.id)
      .catch((error: unknown) => {
        // The answer to an earlier attempt was lost on its way.
        if (error instanceof ApiError && error.status === 409) return null;
        throw error;
      });
    this.#change({ sending: { stage: 2, failed: false } });

    await retrying(() => this.#askForReview(verification), patience);
    await retrying(() => call('patch', '/api/profiles/{id}', { ...this.#as, json: { verification_status: 'pending' } }), patience);
    this.#change({ sending: { stage: 3, failed: false } });
    await this.load();
  }

  async #askForReview(verification: string | null): Promise<void> {
    const flow = await call('get', '/api/flow/{id}', this.#as);
    const previous_status = flow.data.status;
    if (previous_status === 'pending') return;
    const json: Schemas['CreateStatus'] = { previous_status, new_status: 'pending', notes: 'Sent by the person', verification };
    await call('post', '/api/status_history/{id}', { ...this.#as, json });
  }
}

/** The fields in which the reader has found something. */
function known(fields: Schemas['RecordFields']): Details {
  const { name, document_number, country, address, gender, date_of_birth } = fields;
  const entries = Object.entries({ name, document_number, country, address, gender, date_of_birth });
  return Object.fromEntries(entries.filter(([, value]) => value)) as Details;
}

/** When a token ends, as it says itself (RFC 7519 `exp`), in milliseconds since 1970; infinity when it does not say. */
export function endOf(token: string): number {
  try {
    const payload = (token.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/');
    const exp = (JSON.parse(atob(payload)) as { exp?: unknown }).exp;
    return typeof exp === 'number' ? exp * 1_000 : Infinity;
  } catch {
    return Infinity;
  }
}

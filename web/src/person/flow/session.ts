// A person's flow in this browser: the server's state, the pictures and the draft made here, and the API calls between them. No React.
import { ApiError, type ApiSchemas, callApi, fetchApi } from '../../shared/api/client';
import type { PersonDetails, FlowState } from '../../shared/api/flow';
import { type RetryWait, withRetries } from '../../shared/api/retry';
import { type PictureAdvice, choosePictureAdvice } from './pictureAdvice';
import { type Outbox, ReplacedError, createOutbox } from './outbox';
import { hasBackSide } from './screens';
import type { FlowAccess } from './token';

/** To be changed together with the text of the consent. */
const CONSENT_TEXT_VERSION = '2026-11';

/** The version of a consent: of its text, and of the processors that it names. */
export const buildConsentVersion = (processors: readonly string[]): string =>
  [CONSENT_TEXT_VERSION, ...processors.map((name) => name.toLowerCase().replace(/[^a-z0-9]+/g, '-'))].join('.').slice(0, 64);

export type DocumentSide = 'front' | 'back';
export type LinkTroubleKind = 'link' | 'expired' | 'server';

export interface DocumentChoice {
  country: string;
  type: string;
}

export type DocumentReading =
  | { state: 'none' }
  | { state: 'busy' }
  /** The server has too much work and has said when to try again. */
  | { state: 'queued'; until: number }
  | { state: 'done'; details: PersonDetails; advice: PictureAdvice[] }
  | { state: 'failed' };

export interface FlowSnapshot {
  flow: FlowState | null;
  trouble: { reason: LinkTroubleKind; reference: string | null } | null;
  waiting: RetryWait | null;
  /** How many items the outbox still holds. */
  unsent: number;
  choice: DocumentChoice | null;
  pictures: Partial<Record<DocumentSide, SidePicture>>;
  reading: DocumentReading;
  saving: 'idle' | 'saving' | 'saved';
  sending: { stage: 0 | 1 | 2 | 3; failed: boolean };
  /** Fields that the server refused, with its reasons. */
  refused: Record<string, string> | null;
}

export interface SidePicture {
  blob: Blob;
  url: string;
}

const INITIAL_SNAPSHOT: Omit<FlowSnapshot, 'flow'> = {
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

/** An overloaded server names the wait; after so many attempts the person types the details in. */
const READING_ATTEMPTS = 6;

export class FlowSession {
  #snapshot: FlowSnapshot = { flow: null, ...INITIAL_SNAPSHOT };
  readonly #listeners = new Set<() => void>();
  readonly #outbox: Outbox;
  /** Counts readings: the answer to any but the newest is ignored. */
  #readingCount = 0;
  /** Pictures that were sent or are in the outbox. */
  readonly #sent = new Set<Blob>();
  #formCount = 0;
  #draft: PersonDetails | null = null;
  #draftTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #params: { id: string };

  constructor(readonly access: FlowAccess) {
    this.#params = { id: access.profile };
    this.#outbox = createOutbox((unsent, waiting) => this.#update({ unsent, waiting }));
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly snapshot = (): FlowSnapshot => this.#snapshot;

  #update(part: Partial<FlowSnapshot>): void {
    this.#snapshot = { ...this.#snapshot, ...part };
    for (const listener of this.#listeners) listener();
  }

  /** The token and the path parameter of every call. */
  get #linkCall(): { token: string; params: { id: string } } {
    return { token: this.access.token, params: this.#params };
  }

  /** Fetches the flow's state. Retries until it works; `once` is for polling and fails silently. */
  async loadFlow(how: 'until it works' | 'once' = 'until it works'): Promise<FlowState | null> {
    const attempts = how === 'once' ? 1 : Infinity;
    try {
      const answer = await withRetries(() => callApi('get', '/api/flow/{id}', this.#linkCall), {
        attempts,
        onWait: (waiting) => this.#update({ waiting }),
      });
      const flow = answer.data;
      this.#storeFlow(flow);
      return flow;
    } catch (error) {
      if (how === 'once' && !(error instanceof ApiError && (error.status === 401 || error.status === 404))) return null;
      this.#showFailure(error);
      return null;
    }
  }

  #storeFlow(flow: FlowState): void {
    const known = flow.document.type ? { type: flow.document.type, country: flow.document.country } : null;
    this.#update({ flow, choice: this.#snapshot.choice ?? known });
  }

  /** Shows an error that ends the link, or the server's failure. */
  #showFailure(error: unknown): void {
    if (!(error instanceof ApiError)) return;
    const reference = error.requestId;
    // The flow was decided or submitted on another device meanwhile: its new state says so.
    if (error.status === 403 || error.isSubmitted) void this.loadFlow('once');
    else if (error.status === 401) this.#update({ trouble: { reason: readTokenExpiry(this.access.token) <= Date.now() ? 'expired' : 'link', reference } });
    else if (error.status === 404) this.#update({ trouble: { reason: 'link', reference } });
    else this.#update({ trouble: { reason: 'server', reference } });
  }

  /** Shows that the link has expired while the page was open. */
  showExpired(): void {
    this.#update({ trouble: { reason: 'expired', reference: null } });
  }

  clearTrouble(): void {
    this.#update({ trouble: null });
  }

  /** Runs calls; shows the errors that end the link, and throws every error. */
  async #endLinkOnRefusal<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof ApiError && ([401, 403, 404].includes(error.status) || error.isSubmitted)) this.#showFailure(error);
      throw error;
    }
  }

  async acceptConsent(version: string, language: string): Promise<void> {
    const json = { version, language };
    try {
      await this.#outbox.send('consent', () => callApi('post', '/api/flow/{id}/consent', { ...this.#linkCall, json }));
      await this.loadFlow();
    } catch (error) {
      this.#showFailure(error);
      throw error;
    }
  }

  /** Stores which document it is. If the server has pictures already, the choice is sent with the new ones only. */
  chooseDocument(choice: DocumentChoice): void {
    if (choice.type !== this.#snapshot.choice?.type) this.discardPictures();
    this.#update({ choice });
    if (this.#snapshot.flow?.document.front) return;
    const json = { document_type: choice.type, country: choice.country };
    this.#outbox.send('choice', () => callApi('patch', '/api/profiles/{id}', { ...this.#linkCall, json })).catch(this.#showUnlessReplaced);
  }

  readonly #showUnlessReplaced = (error: unknown): void => {
    if (!(error instanceof ReplacedError)) this.#showFailure(error);
  };

  /** Forgets the pictures in this browser. The server's stay until new ones arrive. */
  discardPictures(): void {
    for (const picture of Object.values(this.#snapshot.pictures)) URL.revokeObjectURL(picture.url);
    this.#sent.clear();
    this.#update({ pictures: {}, reading: { state: 'none' } });
  }

  /** Stores a picture, and sends it unless its other side is still to be taken. */
  keepPicture(side: DocumentSide, blob: Blob): void {
    const before = this.#snapshot.pictures[side];
    if (before) URL.revokeObjectURL(before.url);
    const pictures = { ...this.#snapshot.pictures, [side]: { blob, url: URL.createObjectURL(blob) } };
    if (side === 'front') delete pictures.back;
    this.#update({ pictures, reading: { state: 'none' } });
    const choice = this.#snapshot.choice;
    if (!choice) return;
    const isFirst = !this.#snapshot.flow?.document.front;
    const isComplete = !hasBackSide(choice.type) || Boolean(pictures.back);
    if (isComplete || (isFirst && side === 'front')) this.#sendPictures(choice, pictures);
  }

  #sendPictures(choice: DocumentChoice, pictures: FlowSnapshot['pictures']): void {
    const form = new FormData();
    form.set('document_type', choice.type);
    form.set('country', choice.country);
    for (const side of ['front', 'back'] as const) {
      const picture = pictures[side];
      if (!picture || this.#sent.has(picture.blob)) continue;
      this.#sent.add(picture.blob);
      form.set(`document_${side}`, picture.blob, `${side}.jpg`);
    }
    // Each form has its own key: a waiting one may hold a side that the next one lacks.
    const key = `pictures ${(this.#formCount += 1)}`;
    this.#outbox.send(key, () => callApi('patch', '/api/profiles/{id}', { ...this.#linkCall, form })).catch(this.#showUnlessReplaced);
  }

  /** Waits until the pictures have arrived, then has the server read them. The result becomes the draft of the details. */
  async readDocument(): Promise<void> {
    const reading = (this.#readingCount += 1);
    const isNewest = (): boolean => reading === this.#readingCount;
    this.#update({ reading: { state: 'busy' } });
    try {
      await this.#outbox.waitUntilEmpty();
      const form = await this.#buildReadingForm();
      const answer = await this.#endLinkOnRefusal(() =>
        withRetries(() => callApi('post', '/api/ollama/document-analysis', { token: this.access.token, form }), {
          attempts: READING_ATTEMPTS,
          onWait: (waiting) => {
            if (!isNewest()) return;
            const isQueued = waiting?.because === 'busy';
            this.#update({ reading: isQueued ? { state: 'queued', until: waiting.until } : { state: 'busy' } });
          },
        }),
      );
      if (!isNewest()) return;
      const { verification_history_fields: fields, findings } = answer.data;
      const details = keepFilledFields(fields);
      const advice = choosePictureAdvice(findings, details);
      this.#update({ reading: { state: 'done', details, advice } });
      if (Object.keys(details).length > 0) await this.#saveDetails(details);
    } catch {
      // If the document cannot be read, the person types the details in.
      if (isNewest()) this.#update({ reading: { state: 'failed' } });
    }
    await this.loadFlow('once');
  }

  async #buildReadingForm(): Promise<FormData> {
    const form = new FormData();
    const type = this.#snapshot.choice?.type ?? '';
    if (type) form.set('document_type_hint', type);
    const { front, back } = this.#snapshot.pictures;
    if (front) {
      form.set('document_front', front.blob, 'front.jpg');
      if (back && hasBackSide(type)) form.set('document_back', back.blob, 'back.jpg');
      return form;
    }
    // After a reload, or on another device, only the server has the pictures.
    const stored = await callApi('patch', '/api/profiles/{id}', { ...this.#linkCall, json: {} });
    const { document_front, document_back } = stored.data;
    form.set('document_front', await this.#downloadFile(document_front), 'front.jpg');
    if (document_back && hasBackSide(type)) form.set('document_back', await this.#downloadFile(document_back), 'back.jpg');
    return form;
  }

  async #downloadFile(filename: string): Promise<Blob> {
    const params = { collection: 'profiles', recordId: this.access.profile, filename };
    return (await fetchApi('get', '/api/files/{collection}/{recordId}/{filename}', { token: this.access.token, params })).blob();
  }

  /** Saves the draft a second after the last key. */
  scheduleDraft(details: PersonDetails): void {
    this.#draft = details;
    clearTimeout(this.#draftTimer);
    this.#draftTimer = setTimeout(() => void this.saveDraft(), 1_000);
  }

  /** Saves the draft now: before the page is closed. */
  async saveDraft(): Promise<void> {
    clearTimeout(this.#draftTimer);
    const draft = this.#draft;
    this.#draft = null;
    if (draft) await this.#saveDetails(draft).catch(this.#showUnlessReplaced);
  }

  async #saveDetails(json: PersonDetails): Promise<void> {
    this.#update({ saving: 'saving' });
    const flow = this.#snapshot.flow;
    if (flow) this.#update({ flow: { ...flow, details: { ...flow.details, ...json } } });
    await this.#endLinkOnRefusal(() => this.#outbox.send('details', () => callApi('put', '/api/flow/{id}/details', { ...this.#linkCall, json })));
    this.#update({ saving: 'saved' });
  }

  /** Saves the face photo of a passed check: a record needs it, and another device may submit. */
  async saveFacePhoto(photo: Blob): Promise<void> {
    const form = new FormData();
    form.set('facial_photo', photo, 'face.jpg');
    await this.#endLinkOnRefusal(() => this.#outbox.send('face', () => callApi('patch', '/api/profiles/{id}', { ...this.#linkCall, form })));
  }

  async createHandoff(): Promise<{ code: string; url: string; expires: string }> {
    const answer = await this.#endLinkOnRefusal(() => withRetries(() => callApi('post', '/api/flow/{id}/handoff', this.#linkCall), { attempts: 4 }));
    return answer.data;
  }

  /** Submits: the record, the request for a review, the profile's status. Each step can be repeated safely. */
  async submitDetails(details: PersonDetails, fingerprint: Promise<string | null>): Promise<void> {
    this.#draft = null;
    clearTimeout(this.#draftTimer);
    this.#update({ sending: { stage: 0, failed: false }, refused: null });
    try {
      await this.#endLinkOnRefusal(() => this.#sendRecord(details, fingerprint));
    } catch (error) {
      // Another device was faster, or the face check has expired: the new state says so.
      const before = this.#snapshot.flow?.step;
      const flow = await this.loadFlow('once');
      if (flow && flow.step !== before) return;
      const refused = error instanceof ApiError && error.status === 400 ? (error.body.fields ?? null) : null;
      this.#update({ sending: { ...this.#snapshot.sending, failed: true }, refused });
    }
  }

  async #sendRecord(details: PersonDetails, fingerprint: Promise<string | null>): Promise<void> {
    const { token } = this.access;
    // Saves the draft too, for another try from here or another device. A record that exists needs no draft.
    await this.#saveDetails(details).catch((error: unknown) => {
      if (!(error instanceof ApiError && error.isSubmitted)) throw error;
    });
    const retry = { attempts: 8, onWait: (waiting: RetryWait | null) => this.#update({ waiting }) };
    await this.#outbox.waitUntilEmpty();
    const flow = this.#snapshot.flow;
    const session = flow?.face?.session ?? '';
    const results = await withRetries(() => callApi('get', '/api/face-liveness/results/{sessionId}', { token, params: { sessionId: session } }), retry)
      .then((answer) => answer.data)
      // A missing face session does not mean a bad link: the server refuses the record, and the face becomes the open step.
      .catch((error: unknown) => {
        if (error instanceof ApiError && error.status === 404) return null;
        throw error;
      });
    this.#update({ sending: { stage: 1, failed: false } });

    const form = new FormData();
    for (const [name, value] of Object.entries(details)) if (value) form.set(name, value as string);
    form.set('document_type', this.#snapshot.choice?.type ?? flow?.document.type ?? '');
    form.set('liveness_session_id', session);
    form.set('liveness_confidence', String(results?.confidenceScore ?? 0));
    form.set('liveness_status', results?.isLive ? 'live' : 'not_live');
    const device = await fingerprint;
    if (device) form.set('fingerprint', device);
    const verification = await withRetries(() => callApi('post', '/api/verification_history/{id}', { ...this.#linkCall, form }), retry)
      .then((answer) => answer.data.id)
      .catch((error: unknown) => {
        // 409: the record exists, and the answer to an earlier attempt was lost.
        if (error instanceof ApiError && error.status === 409) return null;
        throw error;
      });
    this.#update({ sending: { stage: 2, failed: false } });

    await withRetries(() => this.#requestReview(verification), retry);
    await withRetries(() => callApi('patch', '/api/profiles/{id}', { ...this.#linkCall, json: { verification_status: 'pending' } }), retry);
    this.#update({ sending: { stage: 3, failed: false } });
    await this.loadFlow();
  }

  async #requestReview(verification: string | null): Promise<void> {
    const flow = await callApi('get', '/api/flow/{id}', this.#linkCall);
    const previous_status = flow.data.status;
    if (previous_status === 'pending') return;
    const json: ApiSchemas['CreateStatus'] = { previous_status, new_status: 'pending', notes: 'Sent by the person', verification };
    await callApi('post', '/api/status_history/{id}', { ...this.#linkCall, json });
  }
}

/** The fields that the reader has filled. */
function keepFilledFields(fields: ApiSchemas['RecordFields']): PersonDetails {
  const { name, document_number, country, address, gender, date_of_birth } = fields;
  const entries = Object.entries({ name, document_number, country, address, gender, date_of_birth });
  return Object.fromEntries(entries.filter(([, value]) => value)) as PersonDetails;
}

/** A token's expiry (RFC 7519 `exp`) in milliseconds since 1970; infinity without one. */
export function readTokenExpiry(token: string): number {
  try {
    const payload = (token.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/');
    const exp = (JSON.parse(atob(payload)) as { exp?: unknown }).exp;
    return typeof exp === 'number' ? exp * 1_000 : Infinity;
  } catch {
    return Infinity;
  }
}

// Calls to the API: typed by its description, with deadlines, and errors that say whether trying again can help.
import type { components, paths } from './schema';

export type Schemas = components['schemas'];

type Method = 'get' | 'post' | 'put' | 'patch';
type Json<R> = R extends { content: { 'application/json': infer Body } } ? Body : never;
/** What a call answers when all is well. */
export type Answer<P extends keyof paths, M extends keyof paths[P]> =
  paths[P][M] extends { responses: infer R } ? { [S in keyof R]: S extends 200 | 201 ? Json<R[S]> : never }[keyof R] : never;

/** The server has answered, and not with what was asked for. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly body: Partial<Schemas['Error']>,
    /** Seconds after which it makes sense to try again. */
    readonly retryAfter: number | null,
    readonly requestId: string | null,
  ) {
    super(body.error ?? `status ${status}`);
    this.name = 'ApiError';
  }

  /** Whether the same request may well be answered later. */
  get isPassing(): boolean {
    return this.status === 408 || this.status === 429 || this.status === 500 || this.status >= 502;
  }
}

/** No answer came: no connection, or not in time. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
}

export interface Call {
  /** What stands in the path's {braces}. */
  at?: Record<string, string>;
  token?: string;
  json?: unknown;
  form?: FormData;
  signal?: AbortSignal | undefined;
  /** Milliseconds until it is given up. */
  patience?: number;
}

const PATIENCE = 20_000;
/** Of calls with files: an old phone in a village. */
const PATIENCE_FORM = 120_000;

export async function call<P extends keyof paths & string, M extends Method & keyof paths[P]>(
  method: M,
  path: P,
  options: Call = {},
): Promise<Answer<P, M>> {
  const answer = await request(method, path, options);
  const body: unknown = await answer.json().catch(() => {
    throw new ConnectionError('the answer was cut off');
  });
  return body as Answer<P, M>;
}

/** The answer as it is; for files. */
export async function request(method: string, path: string, options: Call = {}): Promise<Response> {
  const { at = {}, token, json, form, signal, patience = form ? PATIENCE_FORM : PATIENCE } = options;
  const url = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(at[name] ?? ''));
  const headers = new Headers();
  if (token) headers.set('Authorization', `Bearer ${token}`);
  if (json !== undefined) headers.set('Content-Type', 'application/json');
  // `AbortSignal.timeout` and `any` would do, in younger browsers than people have.
  const stop = new AbortController();
  const giveUp = (): void => stop.abort();
  const timer = setTimeout(giveUp, patience);
  signal?.addEventListener('abort', giveUp, { once: true });
  if (signal?.aborted) giveUp();
  const init: RequestInit = {
    method: method.toUpperCase(),
    headers,
    signal: stop.signal,
    // The token is in a header: a cookie has no business here, and no copy of an answer is kept.
    credentials: 'omit',
    cache: 'no-store',
    redirect: 'error',
    referrerPolicy: 'no-referrer',
  };
  if (form) init.body = form;
  else if (json !== undefined) init.body = JSON.stringify(json);

  try {
    const answer = await fetch(url, init);
    if (!answer.ok) throw await failure(answer);
    // Read whole while the deadline runs: a connection that dies in the middle is no answer.
    const body = await answer.blob();
    return new Response(body.size > 0 ? body : null, answer);
  } catch (error) {
    if (error instanceof ApiError || signal?.aborted) throw error;
    throw new ConnectionError(error instanceof Error ? error.message : 'no answer');
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', giveUp);
  }
}

async function failure(answer: Response): Promise<ApiError> {
  const body = (await answer.json().catch(() => ({}))) as Partial<Schemas['Error']> | null;
  const seconds = Number(answer.headers.get('Retry-After') ?? '');
  const retryAfter = Number.isFinite(seconds) && seconds > 0 ? seconds : null;
  return new ApiError(answer.status, body ?? {}, retryAfter, answer.headers.get('X-Request-Id'));
}

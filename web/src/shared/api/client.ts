// Calls to the API: typed by its description, with deadlines, and errors that say whether trying again can help.
import type { components, paths } from './schema';

export type ApiSchemas = components['schemas'];

type HttpMethod = 'get' | 'post' | 'put' | 'patch';
type JsonBody<R> = R extends { content: { 'application/json': infer Body } } ? Body : never;
/** What a call answers when all is well. */
export type ApiAnswer<P extends keyof paths, M extends keyof paths[P]> =
  paths[P][M] extends { responses: infer R } ? { [S in keyof R]: S extends 200 | 201 ? JsonBody<R[S]> : never }[keyof R] : never;

/** The server has answered, and not with what was asked for. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly body: Partial<ApiSchemas['Error']>,
    /** Seconds after which it makes sense to try again. */
    readonly retryAfter: number | null,
    readonly requestId: string | null,
  ) {
    super(body.error ?? `status ${status}`);
    this.name = 'ApiError';
  }

  /** Whether the same request may well be answered later. */
  get isTemporary(): boolean {
    return this.status === 408 || this.status === 429 || this.status === 500 || this.status >= 502;
  }
}

/** No answer came: no connection, or not in time. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
}

export interface CallOptions {
  /** What stands in the path's {braces}. */
  params?: Record<string, string>;
  token?: string;
  json?: unknown;
  form?: FormData;
  signal?: AbortSignal | undefined;
  /** Milliseconds until it is given up. */
  timeout?: number;
}

const CALL_TIMEOUT = 20_000;
/** Of calls with files: an old phone in a village. */
const UPLOAD_TIMEOUT = 120_000;

export async function callApi<P extends keyof paths & string, M extends HttpMethod & keyof paths[P]>(
  method: M,
  path: P,
  options: CallOptions = {},
): Promise<ApiAnswer<P, M>> {
  const answer = await fetchApi(method, path, options);
  const body: unknown = await answer.json().catch(() => {
    throw new ConnectionError('the answer was cut off');
  });
  return body as ApiAnswer<P, M>;
}

/** The answer as it is; for files. */
export async function fetchApi(method: string, path: string, options: CallOptions = {}): Promise<Response> {
  const { params = {}, token, json, form, signal, timeout = form ? UPLOAD_TIMEOUT : CALL_TIMEOUT } = options;
  const url = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
  const headers = new Headers();
  if (token) headers.set('Authorization', `Bearer ${token}`);
  if (json !== undefined) headers.set('Content-Type', 'application/json');
  // `AbortSignal.timeout` and `any` would do, in younger browsers than people have.
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  const timer = setTimeout(abort, timeout);
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted) abort();
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
    if (!answer.ok) throw await readApiError(answer);
    // Read whole while the deadline runs: a connection that dies in the middle is no answer.
    const body = await answer.blob();
    return new Response(body.size > 0 ? body : null, answer);
  } catch (error) {
    if (error instanceof ApiError || signal?.aborted) throw error;
    throw new ConnectionError(error instanceof Error ? error.message : 'no answer');
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}

async function readApiError(answer: Response): Promise<ApiError> {
  const body = (await answer.json().catch(() => ({}))) as Partial<ApiSchemas['Error']> | null;
  const seconds = Number(answer.headers.get('Retry-After') ?? '');
  const retryAfter = Number.isFinite(seconds) && seconds > 0 ? seconds : null;
  return new ApiError(answer.status, body ?? {}, retryAfter, answer.headers.get('X-Request-Id'));
}

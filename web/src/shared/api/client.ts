// API client: calls typed by the OpenAPI document, with timeouts, and errors that say whether a retry can help.
import type { components, paths } from './schema';

export type ApiSchemas = components['schemas'];

type HttpMethod = 'get' | 'post' | 'put' | 'patch';
type JsonBody<R> = R extends { content: { 'application/json': infer Body } } ? Body : never;
/** The body of a successful answer. */
export type ApiAnswer<P extends keyof paths, M extends keyof paths[P]> =
  paths[P][M] extends { responses: infer R } ? { [S in keyof R]: S extends 200 | 201 ? JsonBody<R[S]> : never }[keyof R] : never;

/** The server answered with an error status. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly body: Partial<ApiSchemas['ApiError']>,
    /** Seconds until a retry makes sense. */
    readonly retryAfter: number | null,
    readonly requestId: string | null,
  ) {
    super(body.error ?? `status ${status}`);
    this.name = 'ApiError';
  }

  /** Whether the link has made its record already: it only reads from then on. */
  get isSubmitted(): boolean {
    return this.status === 409 && this.body.error === 'Already submitted';
  }

  /** Whether a retry of the same request can succeed. */
  get isTemporary(): boolean {
    return this.status === 408 || this.status === 429 || this.status === 500 || this.status >= 502;
  }
}

/** No answer arrived: no connection, or a timeout. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
}

export interface CallOptions {
  /** Values of the path's {parameters}. */
  params?: Record<string, string>;
  token?: string;
  json?: unknown;
  form?: FormData;
  signal?: AbortSignal | undefined;
  /** Milliseconds. */
  timeout?: number;
  /** Sends the console's session cookie, and the header that no other site can add. */
  session?: boolean;
}

const CALL_TIMEOUT = 20_000;
/** For calls with files: an old phone on a slow network. */
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

/** The raw answer; for files. */
export async function fetchApi(method: string, path: string, options: CallOptions = {}): Promise<Response> {
  const { params = {}, token, session = false, json, form, signal, timeout = form ? UPLOAD_TIMEOUT : CALL_TIMEOUT } = options;
  const url = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
  const headers = new Headers();
  if (token) headers.set('Authorization', `Bearer ${token}`);
  if (json !== undefined) headers.set('Content-Type', 'application/json');
  if (session) headers.set('X-Identivia-Console', '1');
  // Not `AbortSignal.timeout` and `AbortSignal.any`: older browsers do not have them.
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  const timer = setTimeout(abort, timeout);
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted) abort();
  const init: RequestInit = {
    method: method.toUpperCase(),
    headers,
    signal: stop.signal,
    // A token is in a header, so no cookies; answers hold personal data, so no cache.
    credentials: session ? 'same-origin' : 'omit',
    cache: 'no-store',
    redirect: 'error',
    referrerPolicy: 'no-referrer',
  };
  if (form) init.body = form;
  else if (json !== undefined) init.body = JSON.stringify(json);

  try {
    const answer = await fetch(url, init);
    if (!answer.ok) throw await readApiError(answer);
    // Reads the whole body before the timeout ends: a connection may break in the middle.
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
  const body = (await answer.json().catch(() => ({}))) as Partial<ApiSchemas['ApiError']> | null;
  const seconds = Number(answer.headers.get('Retry-After') ?? '');
  const retryAfter = Number.isFinite(seconds) && seconds > 0 ? seconds : null;
  return new ApiError(answer.status, body ?? {}, retryAfter, answer.headers.get('X-Request-Id'));
}

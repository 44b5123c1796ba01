// Calls of the console: with the session cookie, repeated once after the user has confirmed who they are.
import { ApiError, fetchApi } from '../../shared/api/client';
import { noteAnswer } from '../app/idle';
import { confirmIdentity } from './stepUp';

export { ApiError, ConnectionError } from '../../shared/api/client';

export type QueryValue = string | number | boolean | null | undefined | readonly string[];

export interface ConsoleCall {
  json?: unknown;
  query?: Record<string, QueryValue>;
  signal?: AbortSignal | undefined;
  /** Milliseconds, where the usual time is too short. */
  timeout?: number;
}

/** The body of an error that the console understands beyond what every error has. */
export interface ErrorDetails {
  error?: string;
  message?: string;
  fields?: Record<string, string>;
  required?: string[];
  code?: string;
  holder?: string;
  until?: string;
  version?: number;
}

export const errorDetails = (error: unknown): ErrorDetails => (error instanceof ApiError ? (error.body as ErrorDetails) : {});

/** A path with its query; empty values are left out, lists are joined by commas. */
export function withQuery(path: string, query: Record<string, QueryValue> = {}): string {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    const text = Array.isArray(value) ? value.join(',') : String(value ?? '');
    if (text !== '' && value !== false) words.set(name, text);
  }
  const text = words.toString();
  return text === '' ? path : `${path}?${text}`;
}

/** The whole answer, parsed. */
export async function callWhole<T>(method: string, path: string, call: ConsoleCall = {}): Promise<T> {
  const answer = await fetchConsole(method, withQuery(path, call.query), call);
  const text = await answer.text();
  return (text === '' ? {} : JSON.parse(text)) as T;
}

/** What an answer has under `data`. */
export async function callData<T>(method: string, path: string, call: ConsoleCall = {}): Promise<T> {
  return (await callWhole<{ data: T }>(method, path, call)).data;
}

/** An export of many rows. */
const EXPORT_TIMEOUT = 300_000;

/** The answer's body as it is; for pictures. */
export const fetchBlob = async (path: string, signal?: AbortSignal): Promise<Blob> => (await fetchConsole('GET', path, { signal })).blob();

export const fetchExport = async (path: string): Promise<Blob> => (await fetchConsole('GET', path, { timeout: EXPORT_TIMEOUT })).blob();

async function fetchConsole(method: string, path: string, { json, signal, timeout }: ConsoleCall): Promise<Response> {
  const options = { session: true, signal, ...(json !== undefined && { json }), ...(timeout !== undefined && { timeout }) };
  try {
    const answer = await fetchApi(method, path, options);
    noteAnswer(answer.headers.get('Date'));
    return answer;
  } catch (error) {
    if (errorDetails(error).code !== 'step_up_required' || !(await confirmIdentity())) throw error;
    return fetchApi(method, path, options);
  }
}

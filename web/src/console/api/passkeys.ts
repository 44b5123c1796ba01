// Calls about passkeys: each asks the server what to ask the browser for, and sends back what the browser gave.
import { type CreationOptions, type RequestOptions, createPasskey, usePasskey } from '../app/passkeyBrowser';
import { callData } from './call';
import type { Schemas } from './models';

export type NewPasskey = Schemas['NewPasskeyData'];

export async function addPasskey(name: string): Promise<NewPasskey> {
  const { public_key } = await callData<{ public_key: CreationOptions }>('POST', '/api/console/me/passkeys/start', { json: {} });
  const json = { name, ...(await createPasskey(public_key)) };
  return callData('POST', '/api/console/me/passkeys/finish', { json });
}

export const signInWithPasskey = (): Promise<Schemas['StageData']> => showPasskey('/api/console/login/passkey');
export const stepUpWithPasskey = (): Promise<Schemas['StepUpData']> => showPasskey('/api/console/step_up/passkey');

async function showPasskey<T>(path: string): Promise<T> {
  const { public_key } = await callData<{ public_key: RequestOptions }>('POST', `${path}/start`, { json: {} });
  return callData('POST', `${path}/finish`, { json: await usePasskey(public_key) });
}

export const renamePasskey = (id: string, name: string): Promise<unknown> => callData('PATCH', `/api/console/me/passkeys/${encodeURIComponent(id)}`, { json: { name } });

export const removePasskey = (id: string): Promise<unknown> => callData('DELETE', `/api/console/me/passkeys/${encodeURIComponent(id)}`);

// Calls about the own account: signing in and out, factors, password, sessions.
import { callData, callWhole } from './call';
import type { ConsoleState, Me, SignInSession, Stage } from './models';

export interface StageAnswer {
  stage: Stage;
}

/** The session endpoints answer in the envelope; older ones without it are read too. */
async function callSession<T>(method: string, path: string, json?: unknown): Promise<T> {
  const body = await callWhole<{ data?: T } & T>(method, path, json === undefined ? {} : { json });
  return body.data ?? body;
}

export const readState = (): Promise<ConsoleState> => callSession('GET', '/api/console/state');
export const readMe = (): Promise<Me> => callSession('GET', '/api/console/me');

export const setUp = (form: { token: string; name: string; email: string; password: string }): Promise<StageAnswer> =>
  callSession('POST', '/api/console/setup', form);
export const acceptInvitation = (form: { token: string; name: string; password: string }): Promise<StageAnswer> =>
  callSession('POST', '/api/console/invitation', form);
export const signIn = (email: string, password: string): Promise<StageAnswer> => callSession('POST', '/api/console/login', { email, password });
export const sendFactor = (code: string): Promise<StageAnswer> => callSession('POST', '/api/console/login/totp', { code });
export const signOut = (): Promise<unknown> => callSession('POST', '/api/console/logout', {});
export const stepUp = (proof: { code: string } | { password: string }): Promise<{ step_up_until: string }> => callSession('POST', '/api/console/step_up', proof);

export const startTotp = (): Promise<{ secret: string; uri: string }> => callSession('POST', '/api/console/me/totp', {});
export const confirmTotp = (code: string): Promise<{ recovery_codes: string[] } & StageAnswer> =>
  callSession('POST', '/api/console/me/totp/confirm', { code });
export const renewRecoveryCodes = (): Promise<{ recovery_codes: string[] }> => callSession('POST', '/api/console/me/recovery_codes', {});

export const changeMe = (change: { name?: string; language?: string; shortcuts?: boolean; overdue_mail?: boolean }): Promise<Me> =>
  callSession('PATCH', '/api/console/me', change);
export const changePassword = (current_password: string, new_password: string): Promise<unknown> =>
  callSession('POST', '/api/console/me/password', { current_password, new_password });

export const listSessions = (): Promise<SignInSession[]> => callData('GET', '/api/console/me/sessions');
export const endSession = (id: string): Promise<unknown> => callWhole('DELETE', `/api/console/me/sessions/${encodeURIComponent(id)}`);

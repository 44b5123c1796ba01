// Calls about the own account: signing in and out, factors, password, sessions.
import { callData, callWhole } from './call';
import type { ConsoleState, Me, Schemas, SignInSession } from './models';

export type StageAnswer = Schemas['StageData'];

export const readState = (): Promise<ConsoleState> => callData('GET', '/api/console/state');
export const readMe = (): Promise<Me> => callData('GET', '/api/console/me');

export const setUp = (form: { token: string; name: string; email: string; password: string }): Promise<StageAnswer> =>
  callData('POST', '/api/console/setup', { json: form });
export const acceptInvitation = (form: { token: string; name: string; password: string }): Promise<StageAnswer> =>
  callData('POST', '/api/console/invitation', { json: form });
export const signIn = (email: string, password: string): Promise<StageAnswer> => callData('POST', '/api/console/login', { json: { email, password } });
export const sendFactor = (code: string): Promise<StageAnswer> => callData('POST', '/api/console/login/totp', { json: { code } });
export const signOut = (): Promise<unknown> => callData('POST', '/api/console/logout', { json: {} });
export const stepUp = (proof: { code: string } | { password: string }): Promise<Schemas['StepUpData']> => callData('POST', '/api/console/step_up', { json: proof });

export const startTotp = (): Promise<Schemas['TotpData']> => callData('POST', '/api/console/me/totp', { json: {} });
export const confirmTotp = (code: string): Promise<Schemas['RecoveryCodesData']> =>
  callData('POST', '/api/console/me/totp/confirm', { json: { code } });
export const renewRecoveryCodes = (): Promise<Schemas['RecoveryCodesData']> => callData('POST', '/api/console/me/recovery_codes', { json: {} });

export const changeMe = (change: { name?: string; language?: string; shortcuts?: boolean; overdue_mail?: boolean }): Promise<Me> =>
  callData('PATCH', '/api/console/me', { json: change });
export const changePassword = (current_password: string, new_password: string): Promise<unknown> =>
  callData('POST', '/api/console/me/password', { json: { current_password, new_password } });

export const listSessions = (): Promise<SignInSession[]> => callData('GET', '/api/console/me/sessions');
export const endSession = (id: string): Promise<unknown> => callWhole('DELETE', `/api/console/me/sessions/${encodeURIComponent(id)}`);

// Calls about the users of the console.
import { callWhole } from './call';
import type { ConsoleUser, Role } from './models';

const at = (id: string, verb = ''): string => `/api/console/users/${encodeURIComponent(id)}${verb && `/${verb}`}`;

export interface UserChange {
  name?: string;
  role?: Role;
  teams?: string[] | null;
  senior?: boolean;
  disabled?: boolean;
}

export interface Invitation {
  data: ConsoleUser;
  invitation_url: string;
  /** Whether the link was sent by e-mail; `off` where the server sends none. */
  mail: 'off' | 'sent' | 'failed';
}

export const inviteUser = (user: { email: string; name?: string; role: Role; teams?: string[] | null; senior?: boolean }): Promise<Invitation> =>
  callWhole('POST', '/api/console/users', { json: user });
export const changeUser = (id: string, change: UserChange): Promise<unknown> => callWhole('PATCH', at(id), { json: change });
export const inviteAgain = (id: string): Promise<Invitation> => callWhole('POST', at(id, 'invite'), { json: {} });
export const resetFactors = (id: string): Promise<unknown> => callWhole('POST', at(id, 'reset_factors'), { json: {} });
export const deleteUser = (id: string): Promise<unknown> => callWhole('DELETE', at(id));

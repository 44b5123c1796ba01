// Calls about the users of the console.
import { callWhole } from './call';
import type { Role, Schemas } from './models';

const at = (id: string, verb = ''): string => `/api/console/users/${encodeURIComponent(id)}${verb && `/${verb}`}`;

export interface UserChange {
  name?: string;
  role?: Role;
  teams?: string[] | null;
  senior?: boolean;
  disabled?: boolean;
}

export type Invitation = Schemas['InvitedUserResponse'];

export const inviteUser = (user: { email: string; name?: string; role: Role; teams?: string[] | null; senior?: boolean }): Promise<Invitation> =>
  callWhole('POST', '/api/console/users', { json: user });
export const changeUser = (id: string, change: UserChange): Promise<unknown> => callWhole('PATCH', at(id), { json: change });
export const inviteAgain = (id: string): Promise<Invitation> => callWhole('POST', at(id, 'invite'), { json: {} });
export const resetFactors = (id: string): Promise<unknown> => callWhole('POST', at(id, 'reset_factors'), { json: {} });
export const deleteUser = (id: string): Promise<unknown> => callWhole('DELETE', at(id));

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
}

export const inviteUser = (user: { email: string; name?: string; role: Role; teams?: string[] | null; senior?: boolean }): Promise<Invitation> =>
  callWhole('POST', '/api/console/users', { json: user });
export const changeUser = (id: string, change: UserChange): Promise<unknown> => callWhole('PATCH', at(id), { json: change });
export const inviteAgain = (id: string): Promise<{ invitation_url: string }> =>
  callWhole<{ invitation_url?: string; data?: { invitation_url?: string } }>('POST', at(id, 'invite'), { json: {} }).then((body) => ({
    invitation_url: body.invitation_url ?? body.data?.invitation_url ?? '',
  }));
export const resetFactors = (id: string): Promise<unknown> => callWhole('POST', at(id, 'reset_factors'), { json: {} });
export const deleteUser = (id: string): Promise<unknown> => callWhole('DELETE', at(id));

// What a user may do: role, teams, senior.
import { ROLES, type Role } from '../../api/models';
import { useConsole, useMe } from '../../app/context';
import { CheckField, SelectField, TextField } from '../../ui/fields';

export interface RoleDraft {
  role: Role;
  /** Separated by commas; empty: every team. */
  teams: string;
  senior: boolean;
}

/** The roles that a user may give to others: an admin gives none of the two admin roles. */
export const givableRoles = (own: Role): Role[] => (own === 'super_admin' ? [...ROLES] : ROLES.filter((role) => role === 'reviewer' || role === 'auditor'));

export const toTeams = (text: string): string[] | null => {
  const teams = text.split(',').map((team) => team.trim()).filter(Boolean);
  return teams.length > 0 ? teams : null;
};

export function RoleFields({ draft, onChange, problems }: { draft: RoleDraft; onChange: (draft: RoleDraft) => void; problems: Record<string, string> }) {
  const { t } = useConsole();
  const me = useMe();
  const roles = givableRoles(me.role);
  const offered = roles.includes(draft.role) ? roles : [draft.role, ...roles];
  return (
    <>
      <SelectField
        id="user-role"
        label={t('users.role')}
        hint={t(`users.role_${draft.role}`)}
        error={problems['role']}
        value={draft.role}
        onChange={(role) => onChange({ ...draft, role: role as Role })}
        options={offered.map((role) => ({ value: role, label: t(`role.${role}`) }))}
      />
      <TextField id="user-teams" label={t('users.teams')} hint={t('users.teams_hint')} error={problems['teams']} value={draft.teams} onChange={(teams) => onChange({ ...draft, teams })} />
      {draft.role === 'reviewer' && <CheckField id="user-senior" label={t('users.senior')} hint={t('users.senior_hint')} value={draft.senior} onChange={(senior) => onChange({ ...draft, senior })} />}
    </>
  );
}

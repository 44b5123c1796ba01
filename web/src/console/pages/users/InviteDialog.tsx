// Invites a user: the link is shown once, to be handed over.
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { type Invitation, inviteUser } from '../../api/users';
import { useConsole } from '../../app/context';
import { fieldProblems } from '../../app/explainError';
import { Button } from '../../../shared/ui/parts';
import { Dialog } from '../../ui/Dialog';
import { ErrorNote } from '../../ui/ErrorNote';
import { TextField } from '../../ui/fields';
import { type RoleDraft, RoleFields, toTeams } from './RoleFields';

export function InviteDialog({ onInvited, onClose }: { onInvited: (invitation: Invitation) => void; onClose: () => void }) {
  const { t } = useConsole();
  const [email, setEmail] = useState('');
  const [name, setName] = useState('');
  const [role, setRole] = useState<RoleDraft>({ role: 'reviewer', teams: '', senior: false });
  const send = useMutation({
    mutationFn: () => {
      const teams = toTeams(role.teams);
      return inviteUser({ email, role: role.role, senior: role.senior, ...(name && { name }), ...(teams && { teams }) });
    },
    onSuccess: onInvited,
  });
  const problems = fieldProblems(send.error);
  return (
    <Dialog isOpen onClose={onClose} title={t('users.invite')}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send.mutate();
        }}
      >
        <TextField id="invite-email" type="email" label={t('field.email')} value={email} onChange={setEmail} error={problems['email']} required />
        <TextField id="invite-name" label={t('field.name')} value={name} onChange={setName} error={problems['name']} maxLength={255} />
        <RoleFields draft={role} onChange={setRole} problems={problems} />
        {send.error && <ErrorNote error={send.error} withoutFields={Object.keys(problems).length > 0} />}
        <div className="actions">
          <Button kind="secondary" onClick={onClose}>
            {t('common.cancel')}
          </Button>
          <Button type="submit" busy={send.isPending}>
            {t('users.invite')}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

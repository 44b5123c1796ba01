// Changes one user: role, teams, disabling, a new invitation, another second factor, removing.
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { type Invitation, changeUser, deleteUser, inviteAgain, resetFactors } from '../../api/users';
import type { ConsoleUser } from '../../api/models';
import { useConsole } from '../../app/context';
import { fieldProblems } from '../../app/explainError';
import { Button } from '../../../shared/ui/parts';
import { ConfirmDialog } from '../../ui/ConfirmDialog';
import { Dialog } from '../../ui/Dialog';
import { ErrorNote } from '../../ui/ErrorNote';
import { CheckField, TextField } from '../../ui/fields';
import { type RoleDraft, RoleFields, toTeams } from './RoleFields';

export function UserDialog({ user, onLink, onClose }: { user: ConsoleUser; onLink: (invitation: Invitation) => void; onClose: () => void }) {
  const { t, toast } = useConsole();
  const [name, setName] = useState(user.name);
  const [role, setRole] = useState<RoleDraft>({ role: user.role, teams: user.teams?.join(', ') ?? '', senior: user.senior });
  const [isDisabled, setDisabled] = useState(user.status === 'disabled');
  const [asks, setAsks] = useState<'reset' | 'delete' | null>(null);
  const done = (): void => {
    toast(t('common.saved'));
    onClose();
  };
  const save = useMutation({ mutationFn: () => changeUser(user.id, { name, role: role.role, teams: toTeams(role.teams), senior: role.senior, disabled: isDisabled }), onSuccess: done });
  const invite = useMutation({ mutationFn: () => inviteAgain(user.id), onSuccess: onLink });
  const reset = useMutation({ mutationFn: () => resetFactors(user.id), onSuccess: done });
  const remove = useMutation({ mutationFn: () => deleteUser(user.id), onSuccess: done });
  const problems = fieldProblems(save.error);
  if (asks) {
    const act = asks === 'reset' ? reset : remove;
    return (
      <ConfirmDialog
        title={t(`users.${asks}`)}
        text={t(`users.${asks}_text`, { name: user.name || user.email })}
        error={act.error}
        isSending={act.isPending}
        onConfirm={() => act.mutate()}
        onClose={() => setAsks(null)}
      />
    );
  }
  return (
    <Dialog isOpen onClose={onClose} title={user.name || user.email}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <TextField id="user-name" label={t('field.name')} value={name} onChange={setName} error={problems['name']} maxLength={255} />
        <RoleFields draft={role} onChange={setRole} problems={problems} />
        {user.status !== 'invited' && <CheckField id="user-disabled" label={t('users.disable')} hint={t('users.disable_hint')} value={isDisabled} onChange={setDisabled} />}
        {(save.error ?? invite.error) && <ErrorNote error={save.error ?? invite.error} />}
        <div className="actions start">
          {user.status === 'invited' && (
            <Button kind="secondary" busy={invite.isPending} onClick={() => invite.mutate()}>
              {t('users.invite_again')}
            </Button>
          )}
          {user.factors.length > 0 && (
            <Button kind="secondary" onClick={() => setAsks('reset')}>
              {t('users.reset')}
            </Button>
          )}
          <Button kind="secondary" onClick={() => setAsks('delete')}>
            {t('users.delete')}
          </Button>
        </div>
        <div className="actions">
          <Button kind="secondary" onClick={onClose}>
            {t('common.cancel')}
          </Button>
          <Button type="submit" busy={save.isPending}>
            {t('common.save')}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

// Changing the own password, which ends all other sessions.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { changePassword } from '../../api/session';
import { Button } from '../../../shared/ui/parts';
import { ErrorNote } from '../../ui/ErrorNote';
import { PasswordField } from '../../ui/fields';
import { Panel } from '../../ui/Page';
import { useConsole } from '../../app/context';
import { fieldProblems } from '../../app/explainError';

export function PasswordPanel() {
  const { t, toast } = useConsole();
  const client = useQueryClient();
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const change = useMutation({
    mutationFn: () => changePassword(current, next),
    meta: { signsIn: true },
    onSuccess: () => {
      setCurrent('');
      setNext('');
      toast(t('account.password_changed'));
      void client.invalidateQueries({ queryKey: ['sessions'] });
    },
  });
  const problems = fieldProblems(change.error);
  return (
    <Panel title={t('field.password')}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate();
        }}
      >
        <p>{t('account.password_text')}</p>
        <PasswordField id="current-password" label={t('account.current_password')} value={current} onChange={setCurrent} error={problems['current_password']} current />
        <PasswordField id="new-password" label={t('account.new_password')} hint={t('field.password_hint')} value={next} onChange={setNext} error={problems['new_password']} />
        {change.error && <ErrorNote error={change.error} withoutFields={Object.keys(problems).length > 0} />}
        <div className="actions start">
          <Button kind="secondary" type="submit" busy={change.isPending}>
            {t('account.change_password')}
          </Button>
        </div>
      </form>
    </Panel>
  );
}

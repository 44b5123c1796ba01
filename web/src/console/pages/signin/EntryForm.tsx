// The first user of a server, or an invited one: name and password, with the token of the link.
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { acceptInvitation, setUp } from '../../api/session';
import { acceptWithProvider } from '../../api/signInProviders';
import type { ConsoleState } from '../../api/models';
import { Button } from '../../../shared/ui/parts';
import { PasswordField, TextField } from '../../ui/fields';
import { ErrorNote } from '../../ui/ErrorNote';
import { useConsole } from '../../app/context';
import { fieldProblems } from '../../app/explainError';
import { EntryFrame } from './EntryFrame';

interface EntryFormProps {
  kind: 'setup' | 'invitation';
  token: string;
  /** Services with which an invitation can be accepted in place of a password. */
  providers: ConsoleState['providers'];
  onDone: () => void;
}

export function EntryForm({ kind, token, providers, onDone }: EntryFormProps) {
  const { t } = useConsole();
  const [name, setName] = useState('');
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const isFirst = kind === 'setup';
  const send = useMutation({
    mutationFn: () => (isFirst ? setUp({ token, name, email, password }) : acceptInvitation({ token, name, password })),
    meta: { signsIn: true },
    onSuccess: onDone,
  });
  const leave = useMutation({ mutationFn: (provider: string) => acceptWithProvider(provider, { token, name }), meta: { signsIn: true } });
  const problems = fieldProblems(send.error);
  return (
    <EntryFrame title={t(`${kind}.title`)}>
      <p>{t(`${kind}.text`)}</p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send.mutate();
        }}
      >
        <TextField id="name" label={t('field.name')} autoComplete="name" value={name} onChange={setName} error={problems['name']} required />
        {isFirst && <TextField id="email" type="email" label={t('field.email')} autoComplete="username" value={email} onChange={setEmail} error={problems['email']} required />}
        <PasswordField id="password" label={t('field.password')} hint={t('field.password_hint')} value={password} onChange={setPassword} error={problems['password']} />
        {send.error && <ErrorNote error={send.error} withoutFields={Object.keys(problems).some((each) => ['name', 'email', 'password'].includes(each))} />}
        <Button type="submit" busy={send.isPending}>
          {t('common.continue')}
        </Button>
      </form>
      {!isFirst &&
        providers.map((provider) => (
          <Button key={provider.id} kind="secondary" busy={leave.isPending} onClick={() => leave.mutate(provider.id)}>
            {t('signin.with', { name: provider.name })}
          </Button>
        ))}
      {leave.error && <ErrorNote error={leave.error} />}
    </EntryFrame>
  );
}

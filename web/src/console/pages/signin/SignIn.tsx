// Signing in with e-mail and password or with a passkey, and what is shown while the server has no user.
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { signInWithPasskey } from '../../api/passkeys';
import { signIn } from '../../api/session';
import { providerStartPath } from '../../api/signInProviders';
import type { ConsoleState } from '../../api/models';
import { Button, Notice } from '../../../shared/ui/parts';
import { TextField } from '../../ui/fields';
import { ErrorNote } from '../../ui/ErrorNote';
import { PasskeyButton } from '../../ui/PasskeyButton';
import { useConsole } from '../../app/context';
import type { SignOutNotice } from '../../app/Gate';
import { EntryFrame } from './EntryFrame';

export function SignIn({ state, notice, onDone }: { state: ConsoleState; notice: SignOutNotice | null; onDone: () => void }) {
  const { t } = useConsole();
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const send = useMutation({
    mutationFn: () => signIn(email, password),
    meta: { signsIn: true },
    onSuccess: onDone,
    onError: () => setPassword(''),
  });
  return (
    <EntryFrame title={t('signin.title', { name: state.platform_name || 'Identivia' })}>
      {notice && <Notice kind="note">{t(`signin.out_${notice.because}`)}</Notice>}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send.mutate();
        }}
      >
        <TextField id="email" type="email" label={t('field.email')} autoComplete="username" value={email} onChange={setEmail} required />
        <TextField id="password" type="password" label={t('field.password')} autoComplete="current-password" value={password} onChange={setPassword} required />
        {send.error && <ErrorNote error={send.error} />}
        <Button type="submit" busy={send.isPending}>
          {t('signin.go')}
        </Button>
      </form>
      {state.passkeys && <PasskeyButton label={t('signin.passkey')} show={signInWithPasskey} onDone={onDone} />}
      <ProviderLinks providers={state.providers} />
    </EntryFrame>
  );
}

/** The services to sign in with. Their links leave the page. */
function ProviderLinks({ providers }: { providers: ConsoleState['providers'] }) {
  const { t } = useConsole();
  return providers.map((provider) => (
    <a key={provider.id} className="button secondary" href={providerStartPath(provider.id)}>
      {t('signin.with', { name: provider.name })}
    </a>
  ));
}

/** No user exists yet, and this visitor has no link of the first run. A service may give somebody a role. */
export function SetupNeeded({ providers }: { providers: ConsoleState['providers'] }) {
  const { t } = useConsole();
  return (
    <EntryFrame title={t('setup.needed_title')}>
      <p>{t('setup.needed_text')}</p>
      <p>
        <code>…/console/setup#token=…</code>
      </p>
      <p className="fine">{t('setup.needed_restart')}</p>
      <ProviderLinks providers={providers} />
    </EntryFrame>
  );
}

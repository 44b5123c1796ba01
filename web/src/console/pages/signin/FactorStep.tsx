// The second step of signing in: a code of the authenticator app, a recovery code, or a passkey.
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { signInWithPasskey } from '../../api/passkeys';
import { sendFactor, signOut } from '../../api/session';
import { Button } from '../../../shared/ui/parts';
import { CodeField } from '../../ui/CodeField';
import { ErrorNote } from '../../ui/ErrorNote';
import { PasskeyButton } from '../../ui/PasskeyButton';
import { useConsole } from '../../app/context';
import { EntryFrame } from './EntryFrame';

export function FactorStep({ passkeys, onDone, onBack }: { passkeys: boolean; onDone: () => void; onBack: () => void }) {
  const { t } = useConsole();
  const [code, setCode] = useState('');
  const send = useMutation({ mutationFn: () => sendFactor(code), meta: { signsIn: true }, onSuccess: onDone, onError: () => setCode('') });
  const back = useMutation({ mutationFn: signOut, meta: { signsIn: true }, onSettled: onBack });
  return (
    <EntryFrame title={t('factor.title')}>
      <p>{t('factor.text')}</p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send.mutate();
        }}
      >
        <CodeField id="code" label={t('factor.code')} hint={t('factor.hint')} value={code} onChange={setCode} />
        {send.error && <ErrorNote error={send.error} />}
        <Button type="submit" busy={send.isPending}>
          {t('signin.go')}
        </Button>
        {passkeys && <PasskeyButton label={t('factor.passkey')} show={signInWithPasskey} onDone={onDone} />}
        <Button kind="quiet" onClick={() => back.mutate()}>
          {t('factor.back')}
        </Button>
      </form>
    </EntryFrame>
  );
}

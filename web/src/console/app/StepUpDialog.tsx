// Asks who the user is when an operation needs a fresh confirmation: by a passkey, by a code, by the provider that they sign in
// with, or by the password of a user who has nothing else.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import type { ConsoleState } from '../api/models';
import { stepUpWithPasskey } from '../api/passkeys';
import { stepUp } from '../api/session';
import { confirmWithProvider } from '../api/signInProviders';
import { setIdentityAsker } from '../api/stepUp';
import { Button } from '../../shared/ui/parts';
import { CodeField } from '../ui/CodeField';
import { Dialog } from '../ui/Dialog';
import { ErrorNote } from '../ui/ErrorNote';
import { PasskeyButton } from '../ui/PasskeyButton';
import { TextField } from '../ui/fields';
import { useConsole, useMe } from './context';

export function StepUpDialog() {
  const { t } = useConsole();
  const [isOpen, setOpen] = useState(false);
  const answer = useRef<(isConfirmed: boolean) => void>(() => undefined);
  useEffect(
    () =>
      setIdentityAsker(() => {
        setOpen(true);
        return new Promise((resolve) => {
          answer.current = resolve;
        });
      }),
    [],
  );
  const finish = (isConfirmed: boolean): void => {
    setOpen(false);
    answer.current(isConfirmed);
  };
  return (
    <Dialog isOpen={isOpen} onClose={() => finish(false)} title={t('step_up.title')}>
      <ConfirmIdentity onFinish={finish} />
    </Dialog>
  );
}

function ConfirmIdentity({ onFinish }: { onFinish: (isConfirmed: boolean) => void }) {
  const { t } = useConsole();
  const { factors } = useMe();
  const hasPasskeys = factors.passkeys.length > 0;
  const arePasskeysOn = useQueryClient().getQueryData<ConsoleState>(['state'])?.passkeys === true;
  const [proof, setProof] = useState('');
  const { provider } = factors;
  const hasFactor = factors.totp || hasPasskeys;
  const asksPassword = !hasFactor && !provider;
  const confirm = useMutation({
    mutationFn: () => stepUp(asksPassword ? { password: proof } : { code: proof }),
    meta: { signsIn: true },
    onSuccess: () => onFinish(true),
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        confirm.mutate();
      }}
    >
      {(hasFactor || asksPassword) && <p>{t(asksPassword ? 'step_up.text_password' : 'step_up.text')}</p>}
      {hasPasskeys && arePasskeysOn && <PasskeyButton label={t('step_up.passkey')} show={stepUpWithPasskey} onDone={() => onFinish(true)} />}
      {asksPassword && (
        <TextField id="step-up-password" type="password" label={t('field.password')} autoComplete="current-password" value={proof} onChange={setProof} required />
      )}
      {hasFactor && <CodeField id="step-up-code" label={t('factor.code')} value={proof} onChange={setProof} />}
      {confirm.error && <ErrorNote error={confirm.error} />}
      {provider && <ConfirmWithProvider name={provider.name} isOnly={!hasFactor} />}
      <div className="actions">
        <Button kind="secondary" onClick={() => onFinish(false)}>
          {t('common.cancel')}
        </Button>
        {(hasFactor || asksPassword) && (
          <Button type="submit" busy={confirm.isPending}>
            {t('step_up.confirm')}
          </Button>
        )}
      </div>
    </form>
  );
}

function ConfirmWithProvider({ name, isOnly }: { name: string; isOnly: boolean }) {
  const { t } = useConsole();
  const leave = useMutation({ mutationFn: confirmWithProvider });
  return (
    <>
      <p>{t('step_up.provider_text', { name })}</p>
      {leave.error && <ErrorNote error={leave.error} />}
      <Button kind={isOnly ? 'primary' : 'secondary'} busy={leave.isPending} onClick={() => leave.mutate()}>
        {t('step_up.with', { name })}
      </Button>
    </>
  );
}

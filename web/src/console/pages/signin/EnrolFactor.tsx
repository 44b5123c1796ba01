// Enrols the second factor: a QR code for an authenticator app, the first code, then the recovery codes, which are shown once.
import { useMutation } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { confirmTotp, startTotp } from '../../api/session';
import { Button, Spinner } from '../../../shared/ui/parts';
import { CodeField } from '../../ui/CodeField';
import { ErrorNote } from '../../ui/ErrorNote';
import { QrCode } from '../../ui/QrCode';
import { RecoveryCodes } from '../../ui/RecoveryCodes';
import { useConsole } from '../../app/context';
import { EntryFrame } from './EntryFrame';

export function EnrolFactor({ codes, onCodes, onDone }: { codes: string[] | null; onCodes: (codes: string[]) => void; onDone: () => void }) {
  const { t } = useConsole();
  if (codes) {
    return (
      <EntryFrame title={t('recovery.title')}>
        <RecoveryCodes codes={codes} onDone={onDone} />
      </EntryFrame>
    );
  }
  return (
    <EntryFrame title={t('enrol.title')}>
      <EnrolTotp onCodes={onCodes} />
    </EntryFrame>
  );
}

export function EnrolTotp({ onCodes }: { onCodes: (codes: string[]) => void }) {
  const { t } = useConsole();
  const [code, setCode] = useState('');
  const start = useMutation({ mutationFn: startTotp });
  const confirm = useMutation({
    mutationFn: () => confirmTotp(code),
    meta: { signsIn: true },
    onSuccess: (answer) => onCodes(answer.recovery_codes),
    onError: () => setCode(''),
  });
  const { mutate } = start;
  useEffect(() => mutate(), [mutate]);
  if (start.error) return <ErrorNote error={start.error} onRetry={() => start.mutate()} />;
  if (!start.data) return <Spinner large />;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        confirm.mutate();
      }}
    >
      <p>{t('enrol.text')}</p>
      <QrCode text={start.data.uri} label={t('enrol.qr')} />
      <details>
        <summary>{t('enrol.by_hand')}</summary>
        <p className="secret">
          <code>{groupLetters(start.data.secret)}</code>
        </p>
      </details>
      <CodeField id="code" label={t('enrol.code')} value={code} onChange={setCode} />
      {confirm.error && <ErrorNote error={confirm.error} />}
      <Button type="submit" busy={confirm.isPending}>
        {t('enrol.confirm')}
      </Button>
    </form>
  );
}

/** Groups of four letters, which are easier to type from a screen. */
export const groupLetters = (secret: string): string => secret.replace(/(.{4})(?=.)/g, '$1 ');

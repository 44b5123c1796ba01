// Enrols the second factor: a passkey, or an authenticator app by a QR code. Then the recovery codes, which are shown once.
import { useMutation } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { confirmTotp, startTotp } from '../../api/session';
import { Button, Spinner } from '../../../shared/ui/parts';
import { CodeField } from '../../ui/CodeField';
import { ErrorNote } from '../../ui/ErrorNote';
import { QrCode } from '../../ui/QrCode';
import { RecoveryCodes } from '../../ui/RecoveryCodes';
import { useConsole } from '../../app/context';
import { EnrolPasskey } from './EnrolPasskey';
import { EntryFrame } from './EntryFrame';

interface EnrolFactorProps {
  /** Whether browsers have passkeys for this server. */
  passkeys: boolean;
  codes: string[] | null;
  onCodes: (codes: string[]) => void;
  onDone: () => void;
}

export function EnrolFactor({ passkeys, codes, onCodes, onDone }: EnrolFactorProps) {
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
      {passkeys ? (
        <ChooseFactor onCodes={onCodes} />
      ) : (
        <>
          <EnrolTotp onCodes={onCodes} />
          <p className="fine">{t('passkey.off')}</p>
        </>
      )}
    </EntryFrame>
  );
}

function ChooseFactor({ onCodes }: { onCodes: (codes: string[]) => void }) {
  const { t } = useConsole();
  const [kind, setKind] = useState<'passkey' | 'totp' | null>(null);
  if (kind === null) {
    return (
      <>
        <p>{t('enrol.choose')}</p>
        <Button onClick={() => setKind('passkey')}>{t('enrol.with_passkey')}</Button>
        <Button kind="secondary" onClick={() => setKind('totp')}>
          {t('enrol.with_totp')}
        </Button>
      </>
    );
  }
  return (
    <>
      {kind === 'passkey' ? <EnrolPasskey onCodes={onCodes} /> : <EnrolTotp onCodes={onCodes} />}
      <Button kind="quiet" onClick={() => setKind(null)}>
        {t('enrol.other')}
      </Button>
    </>
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

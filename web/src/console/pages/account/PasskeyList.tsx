// The passkeys of the own account: which there are, another one, another name, and one less.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { ConsoleState, Passkey } from '../../api/models';
import { removePasskey } from '../../api/passkeys';
import { Button } from '../../../shared/ui/parts';
import { useConsole, useMe } from '../../app/context';
import { ConfirmDialog } from '../../ui/ConfirmDialog';
import { Dialog } from '../../ui/Dialog';
import { RecoveryCodes } from '../../ui/RecoveryCodes';
import { TimeText } from '../../ui/TimeText';
import { EnrolPasskey } from '../signin/EnrolPasskey';
import { RenamePasskey } from './RenamePasskey';

export function PasskeyList() {
  const { t } = useConsole();
  const { passkeys } = useMe().factors;
  const client = useQueryClient();
  const areOn = client.getQueryData<ConsoleState>(['state'])?.passkeys === true;
  const [isAdding, setAdding] = useState(false);
  const [codes, setCodes] = useState<string[]>([]);
  const [removed, setRemoved] = useState<Passkey | null>(null);
  const [renamed, setRenamed] = useState<Passkey | null>(null);
  const readAgain = (): void => void client.invalidateQueries({ queryKey: ['me'] });
  const closeAdding = (): void => {
    setAdding(false);
    setCodes([]);
    readAgain();
  };
  const added = (drawn: string[]): void => (drawn.length > 0 ? setCodes(drawn) : closeAdding());
  const remove = useMutation({
    mutationFn: (passkey: Passkey) => removePasskey(passkey.id),
    onSuccess: () => {
      setRemoved(null);
      readAgain();
    },
  });
  const { reset } = remove;
  return (
    <>
      <h3>{t('passkey.title')}</h3>
      {passkeys.length === 0 ? (
        <p className="fine">{t(areOn ? 'passkey.none' : 'passkey.off')}</p>
      ) : (
        <ul className="plain-list passkeys">
          {passkeys.map((passkey) => (
            <li key={passkey.id}>
              <div>
                <strong>{passkey.name}</strong>
                <p className="fine">
                  {t('passkey.added')} <TimeText value={passkey.created} /> · {t('passkey.used')} {passkey.last_used ? <TimeText value={passkey.last_used} /> : t('passkey.never')}
                </p>
              </div>
              <Button kind="quiet" aria-label={t('passkey.rename_named', { name: passkey.name })} onClick={() => setRenamed(passkey)}>
                {t('passkey.rename')}
              </Button>
              <Button
                kind="quiet"
                aria-label={t('passkey.remove_named', { name: passkey.name })}
                onClick={() => {
                  reset();
                  setRemoved(passkey);
                }}
              >
                {t('passkey.remove')}
              </Button>
            </li>
          ))}
        </ul>
      )}
      {areOn && (
        <div className="actions start">
          <Button kind="secondary" onClick={() => setAdding(true)}>
            {t('passkey.add')}
          </Button>
        </div>
      )}
      <Dialog isOpen={isAdding} onClose={closeAdding} title={t(codes.length > 0 ? 'recovery.title' : 'passkey.add')}>
        {codes.length > 0 ? <RecoveryCodes codes={codes} onDone={closeAdding} /> : <EnrolPasskey onCodes={added} />}
      </Dialog>
      {renamed && <RenamePasskey passkey={renamed} onDone={() => { setRenamed(null); readAgain(); }} onClose={() => setRenamed(null)} />}
      {removed && (
        <ConfirmDialog title={t('passkey.remove')} text={t('passkey.remove_text', { name: removed.name })} error={remove.error} isSending={remove.isPending} onConfirm={() => remove.mutate(removed)} onClose={() => setRemoved(null)} />
      )}
    </>
  );
}

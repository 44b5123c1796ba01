// The second look of another person: agree with the first decision or not.
import { useState } from 'react';
import { useConsole } from '../../app/context';
import { useShortcuts } from '../../keys/ShortcutProvider';
import { Button } from '../../../shared/ui/parts';
import { Dialog } from '../../ui/Dialog';
import { TextAreaField } from '../../ui/fields';
import type { Reason } from '../../api/models';
import { reasonText, toggle } from './decisionForm';
import { CheckField } from '../../ui/fields';

interface SecondLookDialogProps {
  agree: boolean;
  reasons: readonly Reason[];
  isSending: boolean;
  onSend: (look: { agree: boolean; reasons: string[]; note: string }) => void;
  onClose: () => void;
}

export function SecondLookDialog({ agree, reasons, isSending, onSend, onClose }: SecondLookDialogProps) {
  const { t, language } = useConsole();
  const [note, setNote] = useState('');
  const [chosen, setChosen] = useState<string[]>([]);
  const send = (): void => {
    if (!isSending) onSend({ agree, reasons: chosen, note: note.trim() });
  };
  useShortcuts({ confirm: send });
  const word = agree ? 'agree' : 'disagree';
  return (
    <Dialog isOpen onClose={onClose} title={t(`second.${word}`)} wide={!agree}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
      >
        <p>{t(`second.${word}_text`)}</p>
        {!agree && (
          <fieldset>
            <legend>{t('decide.reasons')}</legend>
            <div className="choices">
              {reasons.map((reason) => (
                <CheckField key={reason.code} id={`second-${reason.code}`} label={reasonText(reason, 'internal', language)} value={chosen.includes(reason.code)} onChange={() => setChosen(toggle(chosen, reason.code))} />
              ))}
            </div>
          </fieldset>
        )}
        <TextAreaField id="second-note" label={t('decide.note')} value={note} onChange={setNote} maxLength={2_000} />
        <div className="actions">
          <Button kind="secondary" onClick={onClose}>
            {t('common.cancel')}
          </Button>
          <Button type="submit" busy={isSending}>
            {t(`second.${word}`)}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

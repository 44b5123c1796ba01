// A dialog that needs a reason in words: taking over a claim, reopening a decision.
import { useState } from 'react';
import { useConsole } from '../../app/context';
import { useShortcuts } from '../../keys/ShortcutProvider';
import { Button } from '../../../shared/ui/parts';
import { Dialog } from '../../ui/Dialog';
import { TextAreaField } from '../../ui/fields';

interface ReasonDialogProps {
  title: string;
  text: string;
  isSending: boolean;
  onSend: (reason: string) => void;
  onClose: () => void;
}

export function ReasonDialog({ title, text, isSending, onSend, onClose }: ReasonDialogProps) {
  const { t } = useConsole();
  const [reason, setReason] = useState('');
  const send = (): void => {
    if (reason.trim() && !isSending) onSend(reason.trim());
  };
  useShortcuts({ confirm: send });
  return (
    <Dialog isOpen onClose={onClose} title={title}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
      >
        <p>{text}</p>
        <TextAreaField id="reason-text" label={t('decide.reason')} value={reason} onChange={setReason} maxLength={500} required />
        <div className="actions">
          <Button kind="secondary" onClick={onClose}>
            {t('common.cancel')}
          </Button>
          <Button type="submit" busy={isSending}>
            {title}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

// Asks before something that cannot be taken back.
import { useShortcuts } from '../keys/ShortcutProvider';
import { Button } from '../../shared/ui/parts';
import { useConsole } from '../app/context';
import { Dialog } from './Dialog';
import { ErrorNote } from './ErrorNote';

interface ConfirmDialogProps {
  title: string;
  text: string;
  error?: unknown;
  isSending: boolean;
  onConfirm: () => void;
  onClose: () => void;
}

export function ConfirmDialog({ title, text, error, isSending, onConfirm, onClose }: ConfirmDialogProps) {
  const { t } = useConsole();
  useShortcuts({ confirm: () => !isSending && onConfirm() });
  return (
    <Dialog isOpen onClose={onClose} title={title} role="alertdialog">
      <p>{text}</p>
      {error ? <ErrorNote error={error} /> : null}
      <div className="actions">
        <Button kind="secondary" onClick={onClose}>
          {t('common.cancel')}
        </Button>
        <Button className="button danger" busy={isSending} onClick={onConfirm}>
          {title}
        </Button>
      </div>
    </Dialog>
  );
}

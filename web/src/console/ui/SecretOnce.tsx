// A secret, mostly one that is shown once: copy it, then close.
import { Button, Notice } from '../../shared/ui/parts';
import { useConsole } from '../app/context';
import { CopyButton } from './CopyButton';
import { Dialog } from './Dialog';

interface Props {
  title: string;
  text: string;
  secret: string;
  /** In place of the note that it is not shown again. */
  note?: string;
  onClose: () => void;
}

export function SecretOnce({ title, text, secret, note, onClose }: Props) {
  const { t } = useConsole();
  return (
    <Dialog isOpen onClose={onClose} title={title}>
      <p>{text}</p>
      <p className="secret">
        <code>{secret}</code>
      </p>
      <Notice kind="note">{note ?? t('common.shown_once')}</Notice>
      <div className="actions">
        <CopyButton text={secret} />
        <Button onClick={onClose}>{t('common.close')}</Button>
      </div>
    </Dialog>
  );
}

// A secret that is shown once: copy it, then close.
import { Button, Notice } from '../../shared/ui/parts';
import { useConsole } from '../app/context';
import { CopyButton } from './CopyButton';
import { Dialog } from './Dialog';

export function SecretOnce({ title, text, secret, onClose }: { title: string; text: string; secret: string; onClose: () => void }) {
  const { t } = useConsole();
  return (
    <Dialog isOpen onClose={onClose} title={title}>
      <p>{text}</p>
      <p className="secret">
        <code>{secret}</code>
      </p>
      <Notice kind="note">{t('common.shown_once')}</Notice>
      <div className="actions">
        <CopyButton text={secret} />
        <Button onClick={onClose}>{t('common.close')}</Button>
      </div>
    </Dialog>
  );
}

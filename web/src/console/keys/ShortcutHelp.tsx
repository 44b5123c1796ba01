// The list of keys.
import { useConsole, useMe } from '../app/context';
import { Button } from '../../shared/ui/parts';
import { Dialog } from '../ui/Dialog';
import { SHORTCUTS, type ShortcutId } from './shortcuts';

export function ShortcutHelp({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  const { t } = useConsole();
  const { shortcuts } = useMe();
  const ids = Object.keys(SHORTCUTS) as ShortcutId[];
  return (
    <Dialog isOpen={isOpen} onClose={onClose} title={t('keys.title')} wide>
      <p>{t(shortcuts ? 'keys.text' : 'keys.off')}</p>
      <dl className="keys">
        {ids.map((id) => (
          <div key={id}>
            <dt>
              {id === 'image' ? (
                <>
                  <kbd>1</kbd> … <kbd>9</kbd>
                </>
              ) : (
                SHORTCUTS[id].map((key) => <kbd key={key}>{key}</kbd>)
              )}
            </dt>
            <dd>{t(`keys.${id}`)}</dd>
          </div>
        ))}
        <div>
          <dt>
            <kbd>Esc</kbd>
          </dt>
          <dd>{t('keys.close')}</dd>
        </div>
      </dl>
      <div className="actions">
        <Button onClick={onClose}>{t('common.close')}</Button>
      </div>
    </Dialog>
  );
}

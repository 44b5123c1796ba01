// Warns two minutes before the session ends without activity, and offers to go on (WCAG 2.2.1).
import { useQueryClient } from '@tanstack/react-query';
import { Button } from '../../shared/ui/parts';
import { Dialog } from '../ui/Dialog';
import { useConsole } from './context';
import { formatDuration } from '../../shared/i18n/format';
import { useSessionEnd } from './useSessionEnd';

export function IdleWarning({ onEnd, onSignOut }: { onEnd: () => void; onSignOut: () => void }) {
  const { t, language } = useConsole();
  const client = useQueryClient();
  const { secondsLeft, canStay } = useSessionEnd(onEnd);
  const stay = (): void => void client.refetchQueries({ queryKey: ['me'] });
  return (
    <Dialog isOpen={secondsLeft !== null} onClose={canStay ? stay : () => undefined} title={t('idle.title')} role="alertdialog">
      <p aria-live="off">{t(canStay ? 'idle.text' : 'idle.last', { time: formatDuration(language, secondsLeft ?? 0) })}</p>
      <div className="actions">
        <Button kind="secondary" onClick={onSignOut}>
          {t('account.sign_out')}
        </Button>
        {canStay && <Button onClick={stay}>{t('idle.stay')}</Button>}
      </div>
    </Dialog>
  );
}

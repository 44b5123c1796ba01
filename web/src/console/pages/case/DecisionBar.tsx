// What can be done with the review now: claim, release, decide, undo, second look, reopen. The server says which (`may`).
import { useState } from 'react';
import type { Reason, ReviewAct, ReviewCase, ReviewOutcome } from '../../api/models';
import { useConsole } from '../../app/context';
import { useShortcuts } from '../../keys/ShortcutProvider';
import { Button, Notice } from '../../../shared/ui/parts';
import { DecisionDialog } from './DecisionDialog';
import { ReasonDialog } from './ReasonDialog';
import { SecondLookDialog } from './SecondLookDialog';
import { useCountdown } from './useCountdown';
import type { ReviewSteps } from './useReview';

type OpenDialog = ReviewOutcome | 'agree' | 'disagree' | 'take_over' | 'reopen' | null;

export function DecisionBar({ review, steps, reasons }: { review: ReviewCase; steps: ReviewSteps; reasons: readonly Reason[] }) {
  const { t } = useConsole();
  const [open, setOpen] = useState<OpenDialog>(null);
  const may = (act: ReviewAct): boolean => review.may.includes(act);
  const close = { onSettled: () => setOpen(null) };
  const undoLeft = useCountdown(review.undo_until, () => void steps.refresh());
  const canUndo = may('undo') && undoLeft !== null;
  const openIf = (act: ReviewOutcome) => () => {
    if (may(act)) setOpen(act);
  };
  useShortcuts({
    ...(may('claim') && { claim: () => steps.claim.mutate({}) }),
    ...(may('release') && { release: () => steps.release.mutate() }),
    ...(canUndo && { undo: () => steps.undo.mutate() }),
    approve: openIf('approve'),
    reject: openIf('reject'),
    resubmission: openIf('request_resubmission'),
  });
  return (
    <div className="decision-bar" role="group" aria-label={t('case.decision')}>
      {review.state === 'deciding' && canUndo && (
        <Notice kind="note">
          <p role="timer">{t('case.undo_left', { seconds: undoLeft ?? 0 })}</p>
          <Button kind="secondary" busy={steps.undo.isPending} onClick={() => steps.undo.mutate()} aria-keyshortcuts="Control+Z">
            {t('case.undo')}
          </Button>
        </Notice>
      )}
      <div className="actions start">
        {may('approve') && <Button onClick={() => setOpen('approve')}>{t('decide.approve')}</Button>}
        {may('reject') && (
          <Button className="button danger" onClick={() => setOpen('reject')}>
            {t('decide.reject')}
          </Button>
        )}
        {may('request_resubmission') && (
          <Button kind="secondary" onClick={() => setOpen('request_resubmission')}>
            {t('decide.request_resubmission')}
          </Button>
        )}
        {may('second') && <Button onClick={() => setOpen('agree')}>{t('second.agree')}</Button>}
        {may('second') && (
          <Button kind="secondary" onClick={() => setOpen('disagree')}>
            {t('second.disagree')}
          </Button>
        )}
        {may('claim') && (
          <Button busy={steps.claim.isPending} onClick={() => steps.claim.mutate({})} aria-keyshortcuts="c">
            {t('case.claim')}
          </Button>
        )}
        {may('take_over') && (
          <Button kind="secondary" onClick={() => setOpen('take_over')}>
            {t('case.take_over')}
          </Button>
        )}
        {may('release') && (
          <Button kind="secondary" busy={steps.release.isPending} onClick={() => steps.release.mutate()} aria-keyshortcuts="u">
            {t('case.release')}
          </Button>
        )}
        {may('reopen') && (
          <Button kind="secondary" onClick={() => setOpen('reopen')}>
            {t('case.reopen')}
          </Button>
        )}
      </div>
      {(open === 'approve' || open === 'reject' || open === 'request_resubmission') && (
        <DecisionDialog
          outcome={open}
          review={review}
          reasons={reasons}
          isSending={steps.decide.isPending}
          onClose={() => setOpen(null)}
          onSend={(draft) => steps.decide.mutate({ outcome: open, draft }, close)}
        />
      )}
      {(open === 'agree' || open === 'disagree') && (
        <SecondLookDialog agree={open === 'agree'} reasons={reasons} isSending={steps.second.isPending} onClose={() => setOpen(null)} onSend={(look) => steps.second.mutate(look, close)} />
      )}
      {open === 'take_over' && (
        <ReasonDialog title={t('case.take_over')} text={t('case.take_over_text', { holder: review.holder?.name ?? '–' })} isSending={steps.claim.isPending} onClose={() => setOpen(null)} onSend={(reason) => steps.claim.mutate({ force: true, reason }, close)} />
      )}
      {open === 'reopen' && (
        <ReasonDialog title={t('case.reopen')} text={t('case.reopen_text')} isSending={steps.reopen.isPending} onClose={() => setOpen(null)} onSend={(reason) => steps.reopen.mutate(reason, close)} />
      )}
    </div>
  );
}

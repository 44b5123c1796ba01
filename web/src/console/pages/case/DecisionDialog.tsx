// The dialog of a decision: reasons, steps to repeat, a message to the person, an internal note. Ctrl+Enter confirms.
import { useState } from 'react';
import type { Reason, ReviewCase, ReviewOutcome } from '../../api/models';
import { useConsole } from '../../app/context';
import { translateWord } from '../../i18n';
import { useShortcuts } from '../../keys/ShortcutProvider';
import { Button, Notice } from '../../../shared/ui/parts';
import { Dialog } from '../../ui/Dialog';
import { CheckField, TextAreaField } from '../../ui/fields';
import { EMPTY_DRAFT, MAX_MESSAGE, RESUBMISSION_STEPS, type DecisionDraft, findDraftProblem, offerReasons, reasonText, suggestReasons, toggle } from './decisionForm';

export interface DecisionDialogProps {
  outcome: ReviewOutcome;
  review: ReviewCase;
  reasons: readonly Reason[];
  isSending: boolean;
  onSend: (draft: DecisionDraft) => void;
  onClose: () => void;
}

export function DecisionDialog({ outcome, review, reasons, isSending, onSend, onClose }: DecisionDialogProps) {
  const { t } = useConsole();
  const offered = offerReasons(outcome, reasons);
  const [draft, setDraft] = useState<DecisionDraft>(() => ({ ...EMPTY_DRAFT, reasons: suggestReasons(outcome, review, offered) }));
  const [isTried, setTried] = useState(false);
  const problem = findDraftProblem(outcome, draft);
  const change = (part: Partial<DecisionDraft>): void => setDraft((before) => ({ ...before, ...part }));
  const send = (): void => {
    setTried(true);
    if (!problem && !isSending) onSend(draft);
  };
  useShortcuts({ confirm: send });
  return (
    <Dialog isOpen onClose={onClose} title={t(`decide.${outcome}`)} wide>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
      >
        <p>{t(`decide.${outcome}_text`)}</p>
        {outcome !== 'approve' && <ReasonChoice offered={offered} chosen={draft.reasons} onToggle={(code) => change({ reasons: toggle(draft.reasons, code) })} />}
        {outcome === 'request_resubmission' && <StepChoice chosen={draft.steps} onToggle={(step) => change({ steps: toggle(draft.steps, step) })} />}
        {outcome !== 'approve' && (
          <TextAreaField id="decision-message" label={t('decide.message')} hint={t('decide.message_hint')} value={draft.message} onChange={(message) => change({ message })} maxLength={MAX_MESSAGE} />
        )}
        <TextAreaField id="decision-note" label={t('decide.note')} hint={t('decide.note_hint')} value={draft.note} onChange={(note) => change({ note })} maxLength={2_000} />
        {isTried && problem && (
          <div role="alert">
            <Notice kind="problem">{t(`decide.missing_${problem}`)}</Notice>
          </div>
        )}
        <div className="actions">
          <Button kind="secondary" onClick={onClose}>
            {t('common.cancel')}
          </Button>
          <Button type="submit" busy={isSending} className={outcome === 'reject' ? 'button danger' : 'button primary'} aria-keyshortcuts="Control+Enter">
            {t(`decide.${outcome}_go`)}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function ReasonChoice({ offered, chosen, onToggle }: { offered: readonly Reason[]; chosen: readonly string[]; onToggle: (code: string) => void }) {
  const { t, language } = useConsole();
  return (
    <fieldset>
      <legend>{t('decide.reasons')}</legend>
      <div className="choices">
        {offered.map((reason) => (
          <CheckField
            key={reason.code}
            id={`reason-${reason.code}`}
            label={reasonText(reason, 'internal', language)}
            hint={reason.private ? t('decide.private_reason') : t('decide.person_reads', { text: reasonText(reason, 'person', language) })}
            value={chosen.includes(reason.code)}
            onChange={() => onToggle(reason.code)}
          />
        ))}
      </div>
    </fieldset>
  );
}

function StepChoice({ chosen, onToggle }: { chosen: readonly string[]; onToggle: (step: string) => void }) {
  const ui = useConsole();
  return (
    <fieldset>
      <legend>{ui.t('decide.steps')}</legend>
      <div className="choices">
        {RESUBMISSION_STEPS.map((step) => (
          <CheckField key={step} id={`step-${step}`} label={translateWord(ui, 'step', step)} value={chosen.includes(step)} onChange={() => onToggle(step)} />
        ))}
      </div>
    </fieldset>
  );
}

// Why another try is needed, and what of: above each screen on which the person does it.
import { Notice } from '../../shared/ui/parts';
import { listNamedSteps, type ScreenName } from '../flow/screens';
import { useFlow } from './context';

const SHOWN_ON: readonly ScreenName[] = ['consent', 'document', 'front', 'back', 'face', 'details'];
const STEP_TEXTS = {
  document_front: 'again.document_front', document_back: 'again.document_back', face: 'again.face', details: 'again.details',
} as const;
type NamedStep = keyof typeof STEP_TEXTS;

const isNamedStep = (word: string): word is NamedStep => word in STEP_TEXTS;

/** The steps to do again, in order. The face check is repeated in any case. */
export function listAskedSteps(named: readonly string[]): NamedStep[] {
  const steps = named.filter(isNamedStep);
  return steps.length === 0 || steps.includes('face') ? steps : [...steps, 'face'];
}

export function ResubmissionNotice() {
  const { t, flow, screen, language } = useFlow();
  const asked = flow.resubmission;
  if (!asked || !SHOWN_ON.includes(screen)) return null;
  const steps = listAskedSteps(listNamedSteps(flow));
  return (
    <div className="above" data-notice="again">
      <Notice kind="problem">
        <b>{t('again.title')}</b>
        {asked.reasons.length > 0 && (
          <ul>
            {asked.reasons.map((reason) => (
              <li key={reason.texts.en}>{reason.texts[language]}</li>
            ))}
          </ul>
        )}
        {asked.message && <p>{asked.message}</p>}
        {steps.length > 0 && (
          <p>
            {t('again.steps')} {steps.map((step) => t(STEP_TEXTS[step])).join(', ')}. {t('again.kept')}
          </p>
        )}
      </Notice>
    </div>
  );
}

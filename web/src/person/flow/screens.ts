// Which screen is shown when. The server names the first open step; these rules choose its screen and where the person may go back to.
// Pure.
import type { FlowState, FlowStep } from '../../shared/api/flow';

/** Every screen of a loaded flow. */
export const SCREENS = ['consent', 'device', 'document', 'front', 'back', 'reading', 'face', 'details', 'sending', 'outcome', 'handoff'] as const;
export type ScreenName = (typeof SCREENS)[number];

const STEP_ORDER: readonly FlowStep[] = ['consent', 'document', 'face', 'details', 'outcome'];
/** The steps in "Step 2 of 4". */
export const COUNTED_STEPS = ['consent', 'document', 'face', 'details'] as const;

export function toFlowStep(screen: ScreenName, flow: FlowState): FlowStep {
  switch (screen) {
    case 'consent':
    case 'face':
    case 'details':
    case 'outcome':
      return screen;
    case 'document':
    case 'front':
    case 'back':
    case 'reading':
      return 'document';
    case 'sending':
      return 'details';
    case 'device':
    case 'handoff':
      return flow.step;
  }
}

/** A passport has no back; the server has the same rule. */
export const hasBackSide = (type: string): boolean => type.toLowerCase() !== 'passport';

/** The steps that a request for another try names; none when there is no request, or when it names none. */
export const listNamedSteps = (flow: FlowState): readonly string[] => flow.resubmission?.steps ?? [];

/** Whether the picture of the back stays, because another try asks for other steps only. */
export function isBackKept(flow: FlowState, type: string): boolean {
  const named = listNamedSteps(flow);
  return named.length > 0 && !named.includes('document_back') && flow.document.back && flow.document.type === type;
}

/** The screen of the first open step. */
export function findOpenScreen(flow: FlowState): ScreenName {
  const { document } = flow;
  // Only the front is asked for again: the document is the one that was chosen before.
  if (flow.step === 'document' && !document.front && document.type && hasBackSide(document.type) && isBackKept(flow, document.type)) return 'front';
  if (flow.step === 'document' && document.front && document.type && hasBackSide(document.type) && !document.back) return 'back';
  return flow.step;
}

const stepIndex = (step: FlowStep): number => STEP_ORDER.indexOf(step);

/** Whether the server's state allows that screen: no step is skipped, and the outcome is final. */
export function canShowScreen(screen: ScreenName, flow: FlowState, hasChosen: boolean): boolean {
  if (flow.step === 'outcome') return screen === 'outcome';
  if (screen === 'outcome') return false;
  if (screen === 'handoff' || screen === 'device') return flow.step !== 'consent';
  if (screen === 'front' || screen === 'back') return flow.step !== 'consent' && hasChosen;
  return stepIndex(toFlowStep(screen, flow)) <= stepIndex(flow.step);
}

/** Keeps the screen if the server's state allows it; otherwise the first open one. */
export const resolveScreen = (screen: ScreenName, flow: FlowState, hasChosen: boolean): ScreenName =>
  canShowScreen(screen, flow, hasChosen) ? screen : findOpenScreen(flow);

/** Screens that have no history entry: going back must not send twice. */
export const isTransientScreen = (screen: ScreenName): boolean => screen === 'reading' || screen === 'sending' || screen === 'outcome';

export function isScreenName(word: unknown): word is ScreenName {
  return SCREENS.includes(word as ScreenName);
}

/** A step's state, for the list on the computer that follows a phone. */
export function compareStep(step: FlowStep, flow: FlowState): 'done' | 'now' | 'todo' {
  const difference = stepIndex(step) - stepIndex(flow.step);
  return difference < 0 ? 'done' : difference === 0 ? 'now' : 'todo';
}

/** The screen for an entry of the tab's history: its own, unless that is transient or no longer allowed. */
export function restoreScreen(noted: unknown, flow: FlowState, hasChosen: boolean): ScreenName {
  const wanted = isScreenName(noted) && !isTransientScreen(noted) ? noted : findOpenScreen(flow);
  return resolveScreen(wanted, flow, hasChosen);
}

const PREVIOUS_SCREENS: Partial<Record<ScreenName, ScreenName>> = {
  device: 'consent', document: 'consent', front: 'document', back: 'front', face: 'document', details: 'document', handoff: 'document',
};

/** The previous screen, for a tab without history: after a reload, or on another device. */
export const findPreviousScreen = (screen: ScreenName): ScreenName => PREVIOUS_SCREENS[screen] ?? 'consent';

/** The back button is shown on every screen but the first and the transient ones. */
export const canGoBack = (screen: ScreenName): boolean => screen !== 'consent' && !isTransientScreen(screen);

const UNCOUNTED_SCREENS: readonly ScreenName[] = ['handoff', 'device', 'sending'];

/** Which of the counted steps a screen belongs to, from 1; null where no progress is shown. */
export function countStep(screen: ScreenName, flow: FlowState): number | null {
  const index = COUNTED_STEPS.findIndex((counted) => counted === toFlowStep(screen, flow));
  return index < 0 || UNCOUNTED_SCREENS.includes(screen) ? null : index + 1;
}

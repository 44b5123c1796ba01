// Where the person is. The server says which step is the first that is not done; this says what that looks like, and where they may
// go back to. Pure.
import type { FlowState, FlowStep } from '../../shared/api/flow';

/** Everything a person can be looking at once the flow is known. */
export const SCREENS = ['consent', 'device', 'document', 'front', 'back', 'reading', 'face', 'details', 'sending', 'outcome', 'handoff'] as const;
export type ScreenName = (typeof SCREENS)[number];

const STEP_ORDER: readonly FlowStep[] = ['consent', 'document', 'face', 'details', 'outcome'];
/** The steps that are counted before a person. */
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

/** A passport has no back: the server's rule too. */
export const hasBackSide = (type: string): boolean => type.toLowerCase() !== 'passport';

/** Where somebody who opens the link goes on. */
export function findOpenScreen(flow: FlowState): ScreenName {
  const { document } = flow;
  if (flow.step === 'document' && document.front && document.type && hasBackSide(document.type) && !document.back) return 'back';
  return flow.step;
}

const stepIndex = (step: FlowStep): number => STEP_ORDER.indexOf(step);

/** Whether that screen makes sense as far as the server knows: nothing is skipped, and nothing changes after the end. */
export function canShowScreen(screen: ScreenName, flow: FlowState, hasChosen: boolean): boolean {
  if (flow.step === 'outcome') return screen === 'outcome';
  if (screen === 'outcome') return false;
  if (screen === 'handoff' || screen === 'device') return flow.step !== 'consent';
  if (screen === 'front' || screen === 'back') return flow.step !== 'consent' && hasChosen;
  return stepIndex(toFlowStep(screen, flow)) <= stepIndex(flow.step);
}

/** The screen after news from the server: the same, unless it no longer makes sense. */
export const resolveScreen = (screen: ScreenName, flow: FlowState, hasChosen: boolean): ScreenName =>
  canShowScreen(screen, flow, hasChosen) ? screen : findOpenScreen(flow);

/** Screens that the back button passes over: nobody wants to send twice. */
export const isTransientScreen = (screen: ScreenName): boolean => screen === 'reading' || screen === 'sending' || screen === 'outcome';

export function isScreenName(word: unknown): word is ScreenName {
  return SCREENS.includes(word as ScreenName);
}

/** How a step stands, for the list that a following computer shows. */
export function compareStep(step: FlowStep, flow: FlowState): 'done' | 'now' | 'todo' {
  const difference = stepIndex(step) - stepIndex(flow.step);
  return difference < 0 ? 'done' : difference === 0 ? 'now' : 'todo';
}

/** The screen to show for an entry of the tab's history: its own, unless it is transient or no longer makes sense. */
export function restoreScreen(noted: unknown, flow: FlowState, hasChosen: boolean): ScreenName {
  const wanted = isScreenName(noted) && !isTransientScreen(noted) ? noted : findOpenScreen(flow);
  return resolveScreen(wanted, flow, hasChosen);
}

const PREVIOUS_SCREENS: Partial<Record<ScreenName, ScreenName>> = {
  device: 'consent', document: 'consent', front: 'document', back: 'front', face: 'document', details: 'document', handoff: 'document',
};

/** The screen before, for a tab whose history does not have it: after a reload, or on another device. */
export const findPreviousScreen = (screen: ScreenName): ScreenName => PREVIOUS_SCREENS[screen] ?? 'consent';

/** The back button is shown on every screen but the first and the transient ones. */
export const canGoBack = (screen: ScreenName): boolean => screen !== 'consent' && !isTransientScreen(screen);

const UNCOUNTED_SCREENS: readonly ScreenName[] = ['handoff', 'device', 'sending'];

/** Which of the counted steps a screen belongs to, from 1; null where no progress is shown. */
export function countStep(screen: ScreenName, flow: FlowState): number | null {
  const index = COUNTED_STEPS.findIndex((counted) => counted === toFlowStep(screen, flow));
  return index < 0 || UNCOUNTED_SCREENS.includes(screen) ? null : index + 1;
}

// Where the person is. The server says which step is the first that is not done; this says what that looks like, and where they may
// go back to. Pure.
import type { Flow, ServerStep } from '../../shared/api/flow';

/** Everything a person can be looking at once the flow is known. */
export const SCREENS = ['consent', 'device', 'document', 'front', 'back', 'reading', 'face', 'details', 'sending', 'outcome', 'handoff'] as const;
export type Screen = (typeof SCREENS)[number];

const STEPS: readonly ServerStep[] = ['consent', 'document', 'face', 'details', 'outcome'];
/** The steps that are counted before a person. */
export const COUNTED = ['consent', 'document', 'face', 'details'] as const;

export function stepOf(screen: Screen, flow: Flow): ServerStep {
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
export const needsBack = (type: string): boolean => type.toLowerCase() !== 'passport';

/** Where somebody who opens the link goes on. */
export function screenFor(flow: Flow): Screen {
  const { document } = flow;
  if (flow.step === 'document' && document.front && document.type && needsBack(document.type) && !document.back) return 'back';
  return flow.step;
}

const place = (step: ServerStep): number => STEPS.indexOf(step);

/** Whether that screen makes sense as far as the server knows: nothing is skipped, and nothing changes after the end. */
export function isOpen(screen: Screen, flow: Flow, hasChosen: boolean): boolean {
  if (flow.step === 'outcome') return screen === 'outcome';
  if (screen === 'outcome') return false;
  if (screen === 'handoff' || screen === 'device') return flow.step !== 'consent';
  if (screen === 'front' || screen === 'back') return flow.step !== 'consent' && hasChosen;
  return place(stepOf(screen, flow)) <= place(flow.step);
}

/** The screen after news from the server: the same, unless it no longer makes sense. */
export const settled = (screen: Screen, flow: Flow, hasChosen: boolean): Screen =>
  isOpen(screen, flow, hasChosen) ? screen : screenFor(flow);

/** Screens that the back button passes over: nobody wants to send twice. */
export const isPassing = (screen: Screen): boolean => screen === 'reading' || screen === 'sending' || screen === 'outcome';

export function isScreen(word: unknown): word is Screen {
  return SCREENS.includes(word as Screen);
}

/** How a step stands, for the list that a following computer shows. */
export function standing(step: ServerStep, flow: Flow): 'done' | 'now' | 'todo' {
  const difference = place(step) - place(flow.step);
  return difference < 0 ? 'done' : difference === 0 ? 'now' : 'todo';
}

import { describe, expect, test } from 'vitest';
import { listAskedSteps } from '../src/person/app/ResubmissionNotice';
import type { FlowState } from '../src/shared/api/flow';
import {
  SCREENS, type ScreenName, canGoBack, canShowScreen, compareStep, countStep, findOpenScreen, findPreviousScreen, hasBackSide, isBackKept, isTransientScreen, resolveScreen, restoreScreen,
  toFlowStep,
} from '../src/person/flow/screens';

function flow(step: FlowState['step'], document: Partial<FlowState['document']> = {}): FlowState {
  return {
    id: 'abc123def456ghi', step, status: 'unverified', verification_status: 'unverified', language: null, expires: '', consent: null, details: null, face: null, outcome: null, redirect_url: null, resubmission: null,
    document: { country: '', type: '', front: false, back: false, ...document }, liveness: { provider: 'local' },
  };
}

test('a passport has no back side, in any spelling', () => {
  expect(['passport', 'Passport'].map(hasBackSide)).toEqual([false, false]);
  expect(['national_id', 'driving_license', ''].map(hasBackSide)).toEqual([true, true, true]);
});

describe('the open screen', () => {
  test.each(['consent', 'document', 'face', 'details', 'outcome'] as const)('is that of the server’s step %s', (step) => {
    expect(findOpenScreen(flow(step))).toBe(step);
  });

  test('is the back side when the server has the front', () => {
    expect(findOpenScreen(flow('document', { type: 'national_id', front: true }))).toBe('back');
    expect(findOpenScreen(flow('document', { type: '', front: true }))).toBe('document');
  });
});

describe('another try', () => {
  const texts = { en: 'The photo has glare.', de: 'Das Foto spiegelt.', es: '', fr: '' };
  const asked = (steps: ('document_front' | 'document_back' | 'face' | 'details')[], document: Partial<FlowState['document']>): FlowState => ({
    ...flow('document', { type: 'national_id', ...document }),
    resubmission: { reasons: [{ code: 'glare_on_photo', text: texts.en, texts }], message: '', steps },
  });

  test('of one side opens that side', () => {
    expect(findOpenScreen(asked(['document_back'], { front: true }))).toBe('back');
    expect(findOpenScreen(asked(['document_front'], { back: true }))).toBe('front');
  });

  test('of both sides begins with the choice of a document, which may be another one', () => {
    expect(findOpenScreen(asked(['document_front', 'document_back'], {}))).toBe('document');
  });

  test('keeps the back of the same document only, and only where steps are named', () => {
    const front = asked(['document_front'], { back: true });
    expect([isBackKept(front, 'national_id'), isBackKept(front, 'driving_license')]).toEqual([true, false]);
    expect(isBackKept(asked([], { back: true }), 'national_id')).toBe(false);
    expect(isBackKept(flow('document', { type: 'national_id', back: true }), 'national_id')).toBe(false);
  });

  test('names the face check in any case', () => {
    expect(listAskedSteps(['document_back'])).toEqual(['document_back', 'face']);
    expect(listAskedSteps(['face', 'later_word'])).toEqual(['face']);
    expect(listAskedSteps([])).toEqual([]);
  });
});

describe('the allowed screens', () => {
  const open = (step: FlowState['step'], hasChosen = true): ScreenName[] => SCREENS.filter((screen) => canShowScreen(screen, flow(step), hasChosen));

  test('before consent: only consent', () => expect(open('consent')).toEqual(['consent']));
  test('no camera before a document is chosen', () => {
    expect(open('document', false)).toEqual(['consent', 'device', 'document', 'reading', 'handoff']);
  });
  test('done steps may be opened again, later ones may not', () => {
    expect(open('face')).toEqual(['consent', 'device', 'document', 'front', 'back', 'reading', 'face', 'handoff']);
    expect(open('details')).not.toContain('outcome');
  });
  test('after submission: only the outcome', () => expect(open('outcome')).toEqual(['outcome']));
});

test('news from the server change the screen only when it is no longer allowed', () => {
  expect(resolveScreen('details', flow('details'), true)).toBe('details');
  expect(resolveScreen('document', flow('details'), true)).toBe('document');
  expect(resolveScreen('details', flow('face'), true)).toBe('face');
  for (const screen of SCREENS) expect(resolveScreen(screen, flow('outcome'), true)).toBe('outcome');
});

test('the back button never returns to sending', () => {
  expect(SCREENS.filter(isTransientScreen)).toEqual(['reading', 'sending', 'outcome']);
});

test('every screen belongs to a step', () => {
  for (const screen of SCREENS) expect(['consent', 'document', 'face', 'details', 'outcome']).toContain(toFlowStep(screen, flow('face')));
});

test('a following computer shows each step as done, current or open', () => {
  const now = flow('face');
  expect((['consent', 'document', 'face', 'details'] as const).map((step) => compareStep(step, now))).toEqual(['done', 'done', 'now', 'todo']);
});

describe('an entry of the tab’s history', () => {
  test('its screen is shown again where it still makes sense', () => {
    expect(restoreScreen('document', flow('face'), false)).toBe('document');
    expect(restoreScreen('details', flow('face'), false)).toBe('face');
  });
  test('a transient screen, and what another page wrote, give way to the open screen', () => {
    for (const noted of ['reading', 'sending', 'elsewhere', undefined, 7]) expect(restoreScreen(noted, flow('face'), true)).toBe('face');
  });
});

test('every screen with a back button has a screen before it that exists and is another', () => {
  for (const screen of SCREENS.filter(canGoBack)) {
    expect(SCREENS).toContain(findPreviousScreen(screen));
    expect(findPreviousScreen(screen)).not.toBe(screen);
  }
  expect(SCREENS.filter((screen) => !canGoBack(screen))).toEqual(['consent', 'reading', 'sending', 'outcome']);
});

test('progress counts the steps, and is hidden on screens outside of them', () => {
  const counts = SCREENS.map((screen) => [screen, countStep(screen, flow('face'))]);
  expect(Object.fromEntries(counts)).toEqual({
    consent: 1, document: 2, front: 2, back: 2, reading: 2, face: 3, details: 4, device: null, handoff: null, sending: null, outcome: null,
  });
});

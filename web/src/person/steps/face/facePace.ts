// When each movement is shown and each frame taken: the person sets the pace. A frame is taken when they have moved and hold still, as
// far as the picture's brightness tells; what it shows is the server's to judge. The server wants 8 to 16 frames in the order of its
// steps, 60 ms to 15 s apart, over 2 to 170 s (docs/local-engines.md). Pure.
import type { ApiSchemas } from '../../../shared/api/client';

export type FaceMovement = ApiSchemas['Step'];

export const FRAMES_PER_STEP = 3;
/** Between two frames of a step, in milliseconds: long enough that a living face has moved a little: of somebody who sits still, 360 ms
 * can be too short for the server to tell two frames from one. */
export const FRAME_SPACING = 600;
/** After a step, in milliseconds: time to read "Done". */
const REST_AFTER_STEP = 650;
/** To read what is asked and begin, in milliseconds. */
const MIN_WAIT = 900;
/** After so long the frames are taken whatever is seen: a hand that shakes never holds still. */
const MAX_WAIT = 6_000;
/** Whoever has not moved by then is asked once more. */
const REMIND_AFTER = 2_800;
/** How much longer it all may take with more time, which is within the server's 15 s between two frames. */
const SLOW_FACTOR = 2;
/** From which mean difference in brightness, 0 to 255, the picture is another than when the step was shown. A head that turns: 8 and
 * more; one that is held still: 1 to 6, most of it light. */
const MOVED_DIFFERENCE = 7;
/** Below which mean difference from a tenth of a second ago the person holds still, and for how long, in milliseconds. */
const STILL_DIFFERENCE = 2.2;
const STILL_DURATION = 350;

/** How a picture differs from the one before and from the one when the step was shown, 0 to 255. */
export interface CameraMotion {
  moving: number;
  moved: number;
}

export interface FacePace {
  step: FaceMovement;
  /** Which of the steps, from 1. */
  turn: number;
  /** How many of its frames have been taken; one more than there are once it is done. */
  shot: number;
  /** When this step was shown, and when what was last done was done, in milliseconds. */
  shownAt: number;
  doneAt: number;
  stillSince: number | null;
  hasMoved: boolean;
  isReminded: boolean;
}

/** What is to be done now: show a step, show it again, take its next frame, say that it is done, or end. */
export type PaceAction = 'show' | 'remind' | 'shoot' | 'done' | 'end';

const startStep = (step: FaceMovement, turn: number, now: number): FacePace => ({
  step, turn, shot: 0, shownAt: now, doneAt: now, stillSince: null, isReminded: false,
  // Who is asked to look straight at the beginning does already.
  hasMoved: turn === 1 && step === 'look_straight',
});

/** Goes on from `before`, or begins; `seen` is what the camera shows now. */
export function advancePace(before: FacePace | null, steps: readonly FaceMovement[], isSlow: boolean, now: number, seen: CameraMotion): { pace: FacePace | null; action: PaceAction | null } {
  if (!before || before.shot > FRAMES_PER_STEP) {
    if (before && now - before.doneAt < REST_AFTER_STEP) return { pace: before, action: null };
    const turn = (before?.turn ?? 0) + 1;
    const step = steps[turn - 1];
    return step ? { pace: startStep(step, turn, now), action: 'show' } : { pace: before, action: 'end' };
  }
  const stillSince = seen.moving < STILL_DIFFERENCE ? (before.stillSince ?? now) : null;
  const pace = { ...before, stillSince, hasMoved: before.hasMoved || seen.moved >= MOVED_DIFFERENCE };
  if (pace.shot > 0) return now - pace.doneAt < FRAME_SPACING ? { pace, action: null } : takeNext(pace, now);
  const slower = isSlow ? SLOW_FACTOR : 1;
  const waited = (now - pace.shownAt) / slower;
  const isHeld = pace.hasMoved && stillSince !== null && now - stillSince >= STILL_DURATION * slower;
  if ((isHeld && waited >= MIN_WAIT) || waited >= MAX_WAIT) return takeNext(pace, now);
  if (!pace.hasMoved && !pace.isReminded && waited >= REMIND_AFTER) return { pace: { ...pace, isReminded: true }, action: 'remind' };
  return { pace, action: null };
}

const takeNext = (pace: FacePace, now: number): { pace: FacePace; action: PaceAction } => ({
  pace: { ...pace, shot: pace.shot + 1, doneAt: now },
  action: pace.shot === FRAMES_PER_STEP ? 'done' : 'shoot',
});

/** The frames that have been taken in all steps. */
export const countFramesTaken = (pace: FacePace | null): number =>
  pace ? (pace.turn - 1) * FRAMES_PER_STEP + Math.min(pace.shot, FRAMES_PER_STEP) : 0;

// The pace of a local face check: when each movement is shown and each frame is taken. A frame is taken when the person has moved and
// holds still, measured by the picture's brightness; the server judges what it shows. The server requires 8 to 16 frames in the order of
// its steps, 60 ms to 15 s apart, over 2 to 170 s (docs/local-engines.md). Pure.
import type { ApiSchemas } from '../../../shared/api/client';

export type FaceMovement = ApiSchemas['LivenessStep'];

export const FRAMES_PER_STEP = 3;
/** Between two frames of a step, in milliseconds: long enough for a living face to move a little. After 360 ms the server can take two
 * frames of a person who sits still for one. */
export const FRAME_SPACING = 600;
/** After a step, in milliseconds: time to read "Done". */
const REST_AFTER_STEP = 650;
/** The shortest time to read the instruction and begin, in milliseconds. */
const MIN_WAIT = 900;
/** After so many milliseconds the frames are taken in any case: a shaking hand never holds still. */
const MAX_WAIT = 6_000;
/** A person who has not moved after so many milliseconds gets the instruction again. */
const REMIND_AFTER = 2_800;
/** The factor of "more time"; stays within the server's 15 s between two frames. */
const SLOW_FACTOR = 2;
/** Mean difference in brightness, 0 to 255, from the picture at the step's start that counts as a movement. A turning head has 8 and
 * more; a still one has 1 to 6, mostly from light. */
const MOVED_DIFFERENCE = 7;
/** Mean difference from a tenth of a second ago below which the person holds still, and for how long, in milliseconds. */
const STILL_DIFFERENCE = 2.2;
const STILL_DURATION = 350;

/** A picture's mean difference, 0 to 255, from the one before (`moving`) and from the step's start (`moved`). */
export interface CameraMotion {
  moving: number;
  moved: number;
}

export interface FacePace {
  step: FaceMovement;
  /** The step's number, from 1. */
  turn: number;
  /** How many of the step's frames have been taken; one more than FRAMES_PER_STEP once the step is done. */
  shot: number;
  /** When this step was shown, and when the last action happened, in milliseconds. */
  shownAt: number;
  doneAt: number;
  stillSince: number | null;
  hasMoved: boolean;
  isReminded: boolean;
}

/** What the caller does now: show a step, show it again, take its next frame, confirm it, or end the check. */
export type PaceAction = 'show' | 'remind' | 'shoot' | 'done' | 'end';

const startStep = (step: FaceMovement, turn: number, now: number): FacePace => ({
  step, turn, shot: 0, shownAt: now, doneAt: now, stillSince: null, isReminded: false,
  // At the beginning the person looks straight already.
  hasMoved: turn === 1 && step === 'look_straight',
});

/** The pace after the camera's next picture, and what to do now. `before` is null at the start. */
export function advancePace(before: FacePace | null, steps: readonly FaceMovement[], isSlow: boolean, now: number, motion: CameraMotion): { pace: FacePace | null; action: PaceAction | null } {
  if (!before || before.shot > FRAMES_PER_STEP) {
    if (before && now - before.doneAt < REST_AFTER_STEP) return { pace: before, action: null };
    const turn = (before?.turn ?? 0) + 1;
    const step = steps[turn - 1];
    return step ? { pace: startStep(step, turn, now), action: 'show' } : { pace: before, action: 'end' };
  }
  const stillSince = motion.moving < STILL_DIFFERENCE ? (before.stillSince ?? now) : null;
  const pace = { ...before, stillSince, hasMoved: before.hasMoved || motion.moved >= MOVED_DIFFERENCE };
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

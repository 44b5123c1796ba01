// When each movement is shown and each frame taken: the person sets the pace. A frame is taken when they have moved and hold still, as
// far as the picture's brightness tells; what it shows is the server's to judge. The server wants 8 to 16 frames in the order of its
// steps, 60 ms to 15 s apart, over 2 to 170 s (docs/local-engines.md). Pure.
import type { Schemas } from '../../../shared/api/client';

export type Step = Schemas['Step'];

export const SHOTS = 3;
/** Between two frames of a step, in milliseconds: long enough that a living face has moved a little: of somebody who sits still, 360 ms
 * can be too short for the server to tell two frames from one. */
export const SPACING = 600;
/** After a step, in milliseconds: time to read "Done". */
const REST = 650;
/** To read what is asked and begin, in milliseconds. */
const LEAST_WAIT = 900;
/** After so long the frames are taken whatever is seen: a hand that shakes never holds still. */
const MOST_WAIT = 6_000;
/** Whoever has not moved by then is asked once more. */
const REMIND_AFTER = 2_800;
/** How much longer it all may take with more time, which is within the server's 15 s between two frames. */
const SLOWER = 2;
/** From which mean difference in brightness, 0 to 255, the picture is another than when the step was shown. A head that turns: 8 and
 * more; one that is held still: 1 to 6, most of it light. */
const MOVED = 7;
/** Below which mean difference from a tenth of a second ago the person holds still, and for how long, in milliseconds. */
const STILL = 2.2;
const STILL_FOR = 350;

/** How a picture differs from the one before and from the one when the step was shown, 0 to 255. */
export interface Seen {
  moving: number;
  moved: number;
}

export interface Pace {
  step: Step;
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
export type Deed = 'show' | 'remind' | 'shoot' | 'done' | 'end';

const shown = (step: Step, turn: number, now: number): Pace => ({
  step, turn, shot: 0, shownAt: now, doneAt: now, stillSince: null, isReminded: false,
  // Who is asked to look straight at the beginning does already.
  hasMoved: turn === 1 && step === 'look_straight',
});

/** Goes on from `before`, or begins; `seen` is what the camera shows now. */
export function paced(before: Pace | null, steps: readonly Step[], isSlow: boolean, now: number, seen: Seen): { pace: Pace | null; deed: Deed | null } {
  if (!before || before.shot > SHOTS) {
    if (before && now - before.doneAt < REST) return { pace: before, deed: null };
    const turn = (before?.turn ?? 0) + 1;
    const step = steps[turn - 1];
    return step ? { pace: shown(step, turn, now), deed: 'show' } : { pace: before, deed: 'end' };
  }
  const stillSince = seen.moving < STILL ? (before.stillSince ?? now) : null;
  const pace = { ...before, stillSince, hasMoved: before.hasMoved || seen.moved >= MOVED };
  if (pace.shot > 0) return now - pace.doneAt < SPACING ? { pace, deed: null } : next(pace, now);
  const slower = isSlow ? SLOWER : 1;
  const waited = (now - pace.shownAt) / slower;
  const isHeld = pace.hasMoved && stillSince !== null && now - stillSince >= STILL_FOR * slower;
  if ((isHeld && waited >= LEAST_WAIT) || waited >= MOST_WAIT) return next(pace, now);
  if (!pace.hasMoved && !pace.isReminded && waited >= REMIND_AFTER) return { pace: { ...pace, isReminded: true }, deed: 'remind' };
  return { pace, deed: null };
}

const next = (pace: Pace, now: number): { pace: Pace; deed: Deed } => ({
  pace: { ...pace, shot: pace.shot + 1, doneAt: now },
  deed: pace.shot === SHOTS ? 'done' : 'shoot',
});

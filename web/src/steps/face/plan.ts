// When each movement is shown and each frame taken. The server wants 8 to 16 frames in the order of its steps, 60 ms to 15 s apart,
// over 2 to 170 s (docs/local-engines.md). Pure.
import type { Schemas } from '../../api/client';

export type Step = Schemas['Step'];

export const SHOTS = 3;
/** Between two frames of a step, in milliseconds: long enough that a living face has moved a little: of somebody who sits still, 360 ms
 * can be too short for the server to tell two frames from one. */
const SPACING = 600;
/** After a step, in milliseconds: time to read "Good!". */
const REST = 500;

export interface Beat {
  /** Milliseconds since the start. */
  at: number;
  step: Step;
  /** Which of the steps, from 1. */
  turn: number;
  /** Which of its frames is taken, from 1; 0 shows the step, and one more than there are shows that it is done. */
  shot: number;
}

/** How long somebody needs to get there, in milliseconds. */
function readiness(step: Step, before: Step | undefined): number {
  if (step === 'look_straight') return before ? 2_000 : 1_500;
  if (step === 'move_closer') return before?.startsWith('turn') ? 3_000 : 2_600;
  return before?.startsWith('turn') ? 3_000 : 2_300;
}

export function plan(steps: readonly Step[], isSlow: boolean): Beat[] {
  const beats: Beat[] = [];
  let at = 0;
  steps.forEach((step, i) => {
    const turn = i + 1;
    beats.push({ at, step, turn, shot: 0 });
    at += readiness(step, steps[i - 1]) * (isSlow ? 2.5 : 1);
    for (let shot = 1; shot <= SHOTS; shot += 1) {
      beats.push({ at, step, turn, shot });
      at += SPACING;
    }
    beats.push({ at: at - SPACING + 150, step, turn, shot: SHOTS + 1 });
    at += REST;
  });
  return beats;
}

// The pace of a local face check.
import { describe, expect, test } from 'vitest';
import { advancePace, type CameraMotion, type FaceMovement, type FacePace, FRAME_SPACING, FRAMES_PER_STEP, type PaceAction } from '../src/person/steps/face/facePace';

describe('the face check’s pace', () => {
  const STEPS = ['turn_left', 'look_straight', 'turn_right', 'move_closer'] as const;
  const LOOKS = 100;
  const HELD = { moving: 0.8, moved: 12 };

  /** Every action and its time, for a camera with the motion `seen` some milliseconds after a step was shown. */
  function run(steps: readonly FaceMovement[], seen: (sinceShown: number) => CameraMotion, isSlow = false): { at: number; action: PaceAction; step: FaceMovement | undefined }[] {
    const actions: { at: number; action: PaceAction; step: FaceMovement | undefined }[] = [];
    let pace: FacePace | null = null;
    for (let at = 0; at < 180_000; at += LOOKS) {
      const next = advancePace(pace, steps, isSlow, at, seen(at - (pace?.shownAt ?? at)));
      pace = next.pace;
      if (next.action) actions.push({ at, action: next.action, step: pace?.step });
      if (next.action === 'end') break;
    }
    return actions;
  }
  const firstShot = (actions: ReturnType<typeof run>) => actions.find(({ action }) => action === 'shoot')?.at ?? Infinity;

  test.each([
    ['a person who follows at once', () => HELD, false],
    ['a person who never moves', () => ({ moving: 0.5, moved: 1 }), false],
    ['a person who never holds still', () => ({ moving: 9, moved: 20 }), false],
    ['a person who never moves, with more time', () => ({ moving: 0.5, moved: 1 }), true],
  ] as const)('stays within the server’s limits: %s', (_, seen, isSlow) => {
    const actions = run(STEPS, seen, isSlow);
    expect(actions.at(-1)?.action).toBe('end');
    const shots = actions.filter(({ action }) => action === 'shoot');
    expect(shots.map(({ step }) => step)).toEqual(STEPS.flatMap((step) => Array<FaceMovement>(FRAMES_PER_STEP).fill(step)));
    const gaps = shots.slice(1).map(({ at }, i) => at - (shots[i]?.at ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(FRAME_SPACING);
    expect(Math.max(...gaps)).toBeLessThan(15_000);
    const all = (shots.at(-1)?.at ?? 0) - (shots[0]?.at ?? 0);
    expect(all).toBeGreaterThan(2_000);
    expect(all).toBeLessThan(90_000);
  });
  test('waits for a slow person, and not for a quick one', () => {
    const movesAt = (begin: number) => (since: number) =>
      since < begin ? { moving: 0.8, moved: 1 } : since < begin + 800 ? { moving: 8, moved: 9 } : { moving: 0.8, moved: 15 };
    const quick = firstShot(run(STEPS, movesAt(300)));
    const late = firstShot(run(STEPS, movesAt(3_000)));
    expect(quick).toBeLessThan(1_800);
    expect(late).toBeGreaterThan(3_800);
    expect(late).toBeLessThan(4_600);
  });
  test('reminds a person who has not moved, and no other', () => {
    const reminders = (seen: (since: number) => CameraMotion) => run(STEPS, seen).filter(({ action }) => action === 'remind').length;
    expect(reminders(() => ({ moving: 0.5, moved: 1 }))).toBe(STEPS.length);
    expect(reminders(() => HELD)).toBe(0);
  });
  test('looking straight first needs no movement', () => {
    const actions = run(['look_straight', 'turn_left'], () => ({ moving: 0.5, moved: 1 }));
    expect(firstShot(actions)).toBeLessThan(1_500);
  });
  test('each step is shown, taken and confirmed before the next', () => {
    const actions = run(STEPS, () => HELD).map(({ action }) => action);
    expect(actions).toEqual([...STEPS.flatMap(() => ['show', 'shoot', 'shoot', 'shoot', 'done']), 'end']);
  });
});

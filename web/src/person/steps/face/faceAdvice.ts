// Chooses advice for another try from a failed face check's feedback. Pure.
import type { TextKey } from '../../../shared/i18n';

export type FaceAdvice = Extract<TextKey, `face.advice_${string}`>;

const ADVICE_BY_CODE: Record<string, FaceAdvice> = {
  STEPS_ORDER: 'face.advice_steps_order',
  TIMING: 'face.advice_timing',
  ONE_FACE: 'face.advice_one_face',
  POSE_LOOK_STRAIGHT: 'face.advice_straight',
  POSE_TURN_LEFT: 'face.advice_turn_left',
  POSE_TURN_RIGHT: 'face.advice_turn_right',
  POSE_MOVE_CLOSER: 'face.advice_closer',
  LOW_LIGHTING_DETECTED: 'face.advice_light',
};

const GENERAL_ADVICE: readonly FaceAdvice[] = ['face.advice_general', 'face.advice_light', 'face.advice_glasses'];

/** At most three sentences: more cannot be remembered before a camera. */
export function chooseFaceAdvice(codes: readonly string[]): FaceAdvice[] {
  const found = new Set(codes.map((code) => ADVICE_BY_CODE[code]).filter((advice) => advice !== undefined));
  const advice = [...found];
  return [...advice, ...GENERAL_ADVICE.filter((each) => !found.has(each))].slice(0, advice.length > 0 ? Math.max(2, Math.min(3, advice.length)) : 3);
}

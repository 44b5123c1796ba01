// The settings of reviews: their keys, bounds and defaults.
import type { SettingValues } from '../../api/models';

export const NUMBER_SETTINGS = [
  { key: 'review_due_hours', min: 1, max: 720, fallback: 24 },
  { key: 'review_undo_seconds', min: 0, max: 300, fallback: 10 },
  { key: 'max_resubmissions', min: 0, max: 9, fallback: 3 },
] as const;
export const SWITCH_SETTINGS = ['four_eyes', 'blind_second_look'] as const;

const SWITCH_DEFAULTS = { four_eyes: false, blind_second_look: true };

type NumberKey = (typeof NUMBER_SETTINGS)[number]['key'];
type SwitchKey = (typeof SWITCH_SETTINGS)[number];

/** Numbers are texts while they are typed. */
export type ReviewSettings = Record<NumberKey, string> & Record<SwitchKey, boolean>;

export function readReviewSettings(values: SettingValues): ReviewSettings {
  const numbers = NUMBER_SETTINGS.map(({ key, fallback }) => [key, String(typeof values[key] === 'number' ? values[key] : fallback)]);
  const switches = SWITCH_SETTINGS.map((key) => [key, typeof values[key] === 'boolean' ? values[key] : SWITCH_DEFAULTS[key]]);
  return Object.fromEntries([...numbers, ...switches]) as ReviewSettings;
}

export function changedSettings(stored: ReviewSettings, draft: ReviewSettings): { key: string; value: number | boolean; isPublic: boolean }[] {
  const keys = [...NUMBER_SETTINGS.map((each) => each.key), ...SWITCH_SETTINGS];
  return keys
    .filter((key) => draft[key] !== stored[key])
    .map((key) => ({ key, value: typeof draft[key] === 'boolean' ? draft[key] : Number(draft[key]), isPublic: false }));
}

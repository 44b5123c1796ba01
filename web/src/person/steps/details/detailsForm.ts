// The rules of the details form: which fields there are, what is wrong with them, and what is sent. Pure.
import type { PersonDetails } from '../../../shared/api/flow';
import type { TextKey } from '../../../shared/i18n';
import { type DateParts, toIsoDate } from '../../flow/date';

export type DetailName = keyof PersonDetails;
export type DetailErrorKey = Extract<TextKey, 'details.required' | 'details.too_long' | 'details.bad_date' | 'details.future_date'>;
export type DetailErrors<Message = DetailErrorKey> = Partial<Record<DetailName, Message>>;

export const DETAIL_NAMES = ['name', 'document_number', 'date_of_birth', 'country', 'gender', 'address'] as const satisfies DetailName[];
export const GENDERS = ['female', 'male', 'unknown'] as const;
const REQUIRED_DETAILS: readonly DetailName[] = ['name', 'document_number', 'date_of_birth', 'country'];
/** In characters: the API's limits. */
const MAX_LENGTHS: Partial<Record<DetailName, number>> = { address: 2_000 };
const DEFAULT_MAX_LENGTH = 255;

const DATE_ERRORS = { missing: 'details.required', bad: 'details.bad_date', future: 'details.future_date' } as const;

export function findDetailErrors(fields: PersonDetails, date: DateParts, today: Date): DetailErrors {
  const errors: DetailErrors = {};
  for (const name of DETAIL_NAMES) {
    if (name === 'date_of_birth') continue;
    const value = fields[name]?.trim() ?? '';
    if (!value && REQUIRED_DETAILS.includes(name)) errors[name] = 'details.required';
    if (value.length > (MAX_LENGTHS[name] ?? DEFAULT_MAX_LENGTH)) errors[name] = 'details.too_long';
  }
  const birthDate = toIsoDate(date, today);
  if ('wrong' in birthDate) errors.date_of_birth = DATE_ERRORS[birthDate.wrong];
  return errors;
}

/** The server's refusals as the form's errors: its field names are the form's, its words are for programs. */
export function toDetailErrors(refused: Record<string, string> | null): DetailErrors {
  const errors: DetailErrors = {};
  for (const name of DETAIL_NAMES) {
    const words = refused?.[name];
    if (words) errors[name] = /long|at most/i.test(words) ? 'details.too_long' : 'details.required';
  }
  return errors;
}

/** Fills in what was read, or typed on another device; fields that the person has touched here stay. The same object when nothing is new. */
export function mergeDetails(before: PersonDetails, news: PersonDetails, touched: ReadonlySet<DetailName>): PersonDetails {
  const untouched = DETAIL_NAMES.filter((name) => !touched.has(name) && news[name]);
  return untouched.length > 0 ? { ...before, ...Object.fromEntries(untouched.map((name) => [name, news[name]])) } : before;
}

/** What is sent: every field, trimmed. */
export function buildSubmission(fields: PersonDetails, date: DateParts, today: Date): PersonDetails {
  const birthDate = toIsoDate(date, today);
  const entries = Object.entries({ ...fields, date_of_birth: 'iso' in birthDate ? birthDate.iso : '' });
  return Object.fromEntries(entries.map(([name, value]) => [name, (value ?? '').trim()])) as PersonDetails;
}

/** The element that gets the focus for a field with an error. */
export const findFocusId = (name: DetailName): string => (name === 'date_of_birth' ? 'birth-day' : name);

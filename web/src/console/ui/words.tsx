// Words of the API as a person reads them: states, documents, countries, findings, verdicts.
import { formatCountry } from '../../shared/i18n/format';
import type { ConsoleUi } from '../app/context';
import type { BreakdownResult, ReviewOutcome, ReviewState } from '../api/models';
import { translateWord } from '../i18n';
import type { Tone } from './Badge';

type Words = Pick<ConsoleUi, 't' | 'language'>;

export const documentWord = (ui: Words, type: string | null | undefined): string => translateWord(ui, 'document', type);
export const findingWord = (ui: Words, code: string): string => translateWord(ui, 'finding', code);
export const countryWord = (ui: Words, code: string | null | undefined): string => (code ? formatCountry(ui.language, code) : '–');

export const STATE_TONES: Record<ReviewState, Tone> = {
  open: 'brand',
  claimed: 'note',
  deciding: 'note',
  second_look: 'note',
  escalated: 'bad',
  waiting: 'plain',
  decided: 'good',
  withdrawn: 'plain',
};

export const OUTCOME_TONES: Record<ReviewOutcome, Tone> = { approve: 'good', reject: 'bad', request_resubmission: 'note' };

export const RESULT_TONES: Record<BreakdownResult, Tone> = { pass: 'good', warn: 'note', fail: 'bad', not_applicable: 'plain', unknown: 'plain' };

export const statusTone = (status: string): Tone => {
  if (/^(verified|approved)$/.test(status)) return 'good';
  if (/^(rejected|failed|expired)$/.test(status)) return 'bad';
  return /resubmission|review|pending/.test(status) ? 'note' : 'plain';
};

// Explains an error of a call in the user's language; codes that the console knows get a text of their own.
import { ApiError, ConnectionError, errorDetails } from '../api/call';
import { formatDuration } from '../../shared/i18n/format';
import type { Language } from '../../shared/i18n/language';
import type { ConsoleTranslate } from '../i18n';
import { parseTime } from './idle';
import { PasskeyError } from './passkeyBrowser';

export interface ExplainedError {
  title: string;
  help: string;
  fields: [name: string, problem: string][];
  /** Shown where only the operator's log can say more. */
  requestId: string | null;
}

export function explainError(error: unknown, { t, language }: { t: ConsoleTranslate; language: Language }): ExplainedError {
  if (error instanceof ConnectionError) return plain(t('error.connection'), t('error.connection_help'));
  if (error instanceof PasskeyError) return plain(t(`passkey.error_${error.problem}`), t(`passkey.error_${error.problem}_help`));
  if (!(error instanceof ApiError)) return plain(t('error.unexpected'), t('error.unexpected_help'));
  const details = errorDetails(error);
  const fields = Object.entries(details.fields ?? {});
  const required = (details.required ?? []).map((name): [string, string] => [name, t('error.required')]);
  const all = [...fields, ...required.filter(([name]) => !details.fields?.[name])];
  const requestId = error.status >= 500 ? error.requestId : null;
  switch (details.code) {
    case 'review_claimed':
      return plain(t('error.review_claimed', { holder: details.holder ?? '–' }), t('error.review_claimed_help', { time: formatTime(language, details.until) }));
    case 'review_changed':
      return plain(t('error.review_changed'), t('error.review_changed_help'));
    case 'same_reviewer':
      return plain(t('error.same_reviewer'), t('error.same_reviewer_help'));
    case 'claim_ended':
      return plain(t('error.claim_ended'), t('error.claim_ended_help'));
    case 'step_up_required':
      return plain(t('error.step_up'), t('error.step_up_help'));
  }
  if (error.status === 429) return plain(t('error.too_many'), t('error.too_many_help', { time: formatDuration(language, error.retryAfter ?? 60) }));
  if (error.status === 403 && !details.message) return plain(t('error.forbidden'), details.error ?? '');
  return { title: details.error ?? t('error.unexpected'), help: details.message ?? '', fields: all, requestId };
}

/** The problems of a form's fields, by name. */
export function fieldProblems(error: unknown): Record<string, string> {
  return errorDetails(error).fields ?? {};
}

const plain = (title: string, help: string): ExplainedError => ({ title, help, fields: [], requestId: null });

function formatTime(language: Language, time: string | undefined): string {
  if (!time) return '–';
  return new Intl.DateTimeFormat(language, { timeStyle: 'short' }).format(parseTime(time));
}

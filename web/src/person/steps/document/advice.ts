// What the reader's findings mean for somebody who can take another picture. Pure.
import type { Schemas } from '../../../shared/api/client';
import type { Details } from '../../../shared/api/flow';
import type { Key } from '../../../shared/i18n';

export type Advice = Extract<Key, `document.advice_${string}`>;

type Finding = Pick<Schemas['Finding'], 'code' | 'outcome'> & { evidence?: unknown };

const OF_CODE: Record<string, Advice> = {
  picture_size: 'document.advice_size',
  picture_sharp: 'document.advice_sharp',
  light: 'document.advice_light',
  glare: 'document.advice_glare',
  framing: 'document.advice_framing',
  screen: 'document.advice_screen',
  expired: 'document.advice_expired',
};

/** Findings that another picture does not change are a reviewer's business, and stay theirs. */
export function adviceOf(findings: readonly Finding[], details: Details): Advice[] {
  const advice: Advice[] = [];
  const isRead = Boolean(details.document_number && details.name);
  for (const { code, outcome } of findings) {
    const sentence = OF_CODE[code];
    if (!sentence || (outcome !== 'fail' && outcome !== 'warn')) continue;
    // What was read through a doubt about the picture needs no second one.
    if (isRead && outcome === 'warn') continue;
    if (!advice.includes(sentence)) advice.push(sentence);
  }
  if (!isRead && findings.length > 0 && advice.length === 0) advice.push('document.advice_unread');
  return advice;
}

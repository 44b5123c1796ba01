// Chooses advice for a better document picture from the reader's findings. Pure.
import type { ApiSchemas } from '../../shared/api/client';
import type { PersonDetails } from '../../shared/api/flow';
import type { TextKey } from '../../shared/i18n';

export type PictureAdvice = Extract<TextKey, `document.advice_${string}`>;

type AdviceFinding = Pick<ApiSchemas['Finding'], 'code' | 'outcome'> & { evidence?: unknown };

const ADVICE_BY_CODE: Record<string, PictureAdvice> = {
  picture_size: 'document.advice_size',
  picture_sharp: 'document.advice_sharp',
  light: 'document.advice_light',
  glare: 'document.advice_glare',
  framing: 'document.advice_framing',
  screen: 'document.advice_screen',
  expired: 'document.advice_expired',
  unread: 'document.advice_unread',
};

/** The server sends a link only findings that another picture can change. */
export function choosePictureAdvice(findings: readonly AdviceFinding[], details: PersonDetails): PictureAdvice[] {
  const advice: PictureAdvice[] = [];
  const isRead = Boolean(details.document_number && details.name);
  for (const { code, outcome } of findings) {
    const sentence = ADVICE_BY_CODE[code];
    if (!sentence || (outcome !== 'fail' && outcome !== 'warn')) continue;
    // If everything was read, a warning about the picture needs no second one.
    if (isRead && outcome === 'warn') continue;
    if (!advice.includes(sentence)) advice.push(sentence);
  }
  // A reason that is known says more than that nothing was read.
  return advice.length > 1 ? advice.filter((each) => each !== 'document.advice_unread') : advice;
}

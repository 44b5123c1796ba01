// The texts for a failed AWS check. They are in AWS's chunk, which is loaded by then.
import type { ReactNode } from 'react';
import type { Language } from '../../../../shared/i18n/language';
import type { AwsTrouble } from './props';
import { texts } from './texts';

interface TroubleWordsProps {
  language: Language;
  trouble: AwsTrouble;
  children(words: { title: string; advice: string }): ReactNode;
}

export default function TroubleWords({ language, trouble, children }: TroubleWordsProps) {
  return children(texts[language].trouble[trouble]);
}

// The context of every screen in every application: texts, language, and announcements for screen readers.
import { createContext, useContext } from 'react';
import type { Language, Translate } from '../i18n';

export interface Ui {
  t: Translate;
  language: Language;
  setLanguage: (language: Language) => void;
  /** Has screen readers read a text; `now` interrupts what they are reading. */
  announce: (text: string, when?: 'next' | 'now') => void;
  /** False until the first screen has been left: a page that opens does not grab the focus. */
  hasMoved: { current: boolean };
}

export const UiContext = createContext<Ui | null>(null);

export function useUi(): Ui {
  const ui = useContext(UiContext);
  if (!ui) throw new Error('useUi needs a UiContext above it');
  return ui;
}

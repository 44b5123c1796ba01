// What every part of the console needs: texts, language, announcements, and who is signed in.
import { createContext, useContext } from 'react';
import type { Me } from '../api/models';
import type { ConsoleTranslate } from '../i18n';
import type { Language } from '../../shared/i18n/language';

export interface ConsoleUi {
  t: ConsoleTranslate;
  language: Language;
  setLanguage: (language: Language) => void;
  /** Has screen readers read a text when they have finished the present one. */
  announce: (text: string) => void;
  /** Shows a short message for some seconds, and announces it. */
  toast: (text: string, tone?: 'good' | 'bad') => void;
}

export const UiContext = createContext<ConsoleUi | null>(null);

export function useConsole(): ConsoleUi {
  const ui = useContext(UiContext);
  if (!ui) throw new Error('outside of the console');
  return ui;
}

export const MeContext = createContext<Me | null>(null);

export function useMe(): Me {
  const me = useContext(MeContext);
  if (!me) throw new Error('nobody is signed in');
  return me;
}

export const useCan = (permission: string): boolean => useMe().permissions.includes(permission);

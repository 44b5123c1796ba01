// The console's texts. English is in the first load; the other languages are chunks of their own.
import type { Language } from '../../shared/i18n/language';
import { type TextsOf, type TranslateOf, createTranslatorOf } from '../../shared/i18n/translate';
import { en } from './en';

export type ConsoleTexts = TextsOf<typeof en>;
export type ConsoleTextKey = keyof typeof en;
export type ConsoleTranslate = TranslateOf<typeof en>;

const TEXT_LOADERS: Record<Language, () => Promise<ConsoleTexts>> = {
  en: () => Promise.resolve(en),
  es: () => import('./es').then((file) => file.es),
  fr: () => import('./fr').then((file) => file.fr),
  de: () => import('./de').then((file) => file.de),
};

export const loadConsoleTexts = (language: Language): Promise<ConsoleTexts> => TEXT_LOADERS[language]();
export const createConsoleTranslator = (texts: ConsoleTexts): ConsoleTranslate => createTranslatorOf<typeof en>(texts);

/** A word of the API (`mrz_check_digits`) as a person reads it, in the language where there is a text for it. */
export function translateWord(texts: { t: ConsoleTranslate }, prefix: string, word: string | null | undefined): string {
  if (!word) return '–';
  const key = `${prefix}.${word}`;
  return key in en ? texts.t(key as never) : spellWord(word);
}

const ABBREVIATIONS: Record<string, string> = { mrz: 'MRZ', id: 'ID', ip: 'IP', api: 'API', totp: 'TOTP', url: 'URL', pii: 'PII' };

export function spellWord(word: string): string {
  const words = word.split(/[_.\s]+/).map((part) => ABBREVIATIONS[part.toLowerCase()] ?? part);
  const text = words.join(' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

// The texts of the person's page: loading a language's table, translating. English is in the first load; the others are chunks of their own.
import { en } from './en';
import type { Language } from './language';
import { type TextsOf, type TranslateOf, createTranslatorOf } from './translate';

export type { TextKey } from './en';
export { LANGUAGES, LANGUAGE_NAMES, type Language, findTextDirection, matchLanguage } from './language';
export type PageTexts = TextsOf<typeof en>;
export type Translate = TranslateOf<typeof en>;

const TEXT_LOADERS: Record<Language, () => Promise<PageTexts>> = {
  en: () => Promise.resolve(en),
  es: () => import('./es').then((file) => file.es),
  fr: () => import('./fr').then((file) => file.fr),
  de: () => import('./de').then((file) => file.de),
};

export const loadTexts = (language: Language): Promise<PageTexts> => TEXT_LOADERS[language]();

export const createTranslator = (texts: PageTexts): Translate => createTranslatorOf<typeof en>(texts);

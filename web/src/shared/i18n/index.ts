// Languages and their texts: choosing one, loading it, translating. English is in the first load; the others are chunks of their own.
import { type TextKey, en } from './en';
import { LANGUAGES, type Language } from './language';

export type { TextKey } from './en';
export { LANGUAGES, type Language } from './language';
export type PageTexts = { readonly [K in TextKey]: string };

/** The names of the {placeholders} in a text. */
type PlaceholderNames<S extends string> = S extends `${string}{${infer P}}${infer Rest}` ? P | PlaceholderNames<Rest> : never;
type TextValues<K extends TextKey> = PlaceholderNames<(typeof en)[K]>;
type TextArguments<K extends TextKey> = [TextValues<K>] extends [never] ? [] : [values: Record<TextValues<K>, string | number>];

export type Translate = <K extends TextKey>(key: K, ...rest: TextArguments<K>) => string;

/** Each language's name in itself, for the language switch. */
export const LANGUAGE_NAMES: Record<Language, string> = { en: 'English', es: 'Español', fr: 'Français', de: 'Deutsch' };

const RIGHT_TO_LEFT: readonly string[] = ['ar', 'fa', 'he', 'ur'];

export function findTextDirection(language: string): 'ltr' | 'rtl' {
  return RIGHT_TO_LEFT.includes(language.split('-')[0] ?? '') ? 'rtl' : 'ltr';
}

const TEXT_LOADERS: Record<Language, () => Promise<PageTexts>> = {
  en: () => Promise.resolve(en),
  es: () => import('./es').then((file) => file.es),
  fr: () => import('./fr').then((file) => file.fr),
  de: () => import('./de').then((file) => file.de),
};

export const loadTexts = (language: Language): Promise<PageTexts> => TEXT_LOADERS[language]();

/** The first wanted language that the page has: `es-MX` and `Spanish` are `es`. */
export function matchLanguage(wanted: readonly (string | null | undefined)[]): Language {
  for (const word of wanted) {
    const found = parseLanguage(word);
    if (found) return found;
  }
  return 'en';
}

const SPELLED_NAMES: Record<string, Language> = {
  english: 'en', inglés: 'en', anglais: 'en', englisch: 'en',
  spanish: 'es', español: 'es', espagnol: 'es', spanisch: 'es',
  french: 'fr', français: 'fr', francés: 'fr', französisch: 'fr',
  german: 'de', deutsch: 'de', alemán: 'de', allemand: 'de',
};

function parseLanguage(word: string | null | undefined): Language | null {
  const lower = word?.trim().toLowerCase();
  if (!lower) return null;
  const primary = lower.split(/[-_]/)[0] ?? '';
  return LANGUAGES.find((language) => language === primary) ?? SPELLED_NAMES[lower] ?? null;
}

export function createTranslator(texts: PageTexts): Translate {
  return (key, ...rest) => {
    const values = (rest[0] ?? {}) as Record<string, string | number>;
    return texts[key].replace(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place));
  };
}

// Which language, and its texts. English is in the first load; the others are chunks of their own.
import { type Key, en } from './en';
import { LANGUAGES, type Language } from './language';

export type { Key } from './en';
export { LANGUAGES, type Language } from './language';
export type Texts = { readonly [K in Key]: string };

/** The {places} in a text, as names. */
type Places<S extends string> = S extends `${string}{${infer P}}${infer Rest}` ? P | Places<Rest> : never;
type Values<K extends Key> = Places<(typeof en)[K]>;
type Arguments<K extends Key> = [Values<K>] extends [never] ? [] : [values: Record<Values<K>, string | number>];

export type Translate = <K extends Key>(key: K, ...rest: Arguments<K>) => string;

/** Each language in its own words, for the switch. */
export const OWN_NAMES: Record<Language, string> = { en: 'English', es: 'Español', fr: 'Français', de: 'Deutsch' };

const RIGHT_TO_LEFT: readonly string[] = ['ar', 'fa', 'he', 'ur'];

export function direction(language: string): 'ltr' | 'rtl' {
  return RIGHT_TO_LEFT.includes(language.split('-')[0] ?? '') ? 'rtl' : 'ltr';
}

const LOADERS: Record<Language, () => Promise<Texts>> = {
  en: () => Promise.resolve(en),
  es: () => import('./es').then((file) => file.es),
  fr: () => import('./fr').then((file) => file.fr),
  de: () => import('./de').then((file) => file.de),
};

export const load = (language: Language): Promise<Texts> => LOADERS[language]();

/** The first of the wanted languages that there is: `es-MX` and `Spanish` are `es`. */
export function match(wanted: readonly (string | null | undefined)[]): Language {
  for (const word of wanted) {
    const found = one(word);
    if (found) return found;
  }
  return 'en';
}

const NAMES: Record<string, Language> = {
  english: 'en', inglés: 'en', anglais: 'en', englisch: 'en',
  spanish: 'es', español: 'es', espagnol: 'es', spanisch: 'es',
  french: 'fr', français: 'fr', francés: 'fr', französisch: 'fr',
  german: 'de', deutsch: 'de', alemán: 'de', allemand: 'de',
};

function one(word: string | null | undefined): Language | null {
  const lower = word?.trim().toLowerCase();
  if (!lower) return null;
  const primary = lower.split(/[-_]/)[0] ?? '';
  return LANGUAGES.find((language) => language === primary) ?? NAMES[lower] ?? null;
}

export function translator(texts: Texts): Translate {
  return (key, ...rest) => {
    const values = (rest[0] ?? {}) as Record<string, string | number>;
    return texts[key].replace(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place));
  };
}

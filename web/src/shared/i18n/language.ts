// The languages of the pages: their names, their direction, and choosing one.
export const LANGUAGES = ['en', 'es', 'fr', 'de'] as const;
export type Language = (typeof LANGUAGES)[number];

/** Each language's name in itself, for the language switch. */
export const LANGUAGE_NAMES: Record<Language, string> = { en: 'English', es: 'Español', fr: 'Français', de: 'Deutsch' };

const RIGHT_TO_LEFT: readonly string[] = ['ar', 'fa', 'he', 'ur'];

export function findTextDirection(language: string): 'ltr' | 'rtl' {
  return RIGHT_TO_LEFT.includes(language.split('-')[0] ?? '') ? 'rtl' : 'ltr';
}

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

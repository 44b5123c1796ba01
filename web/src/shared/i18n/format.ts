// Formats dates, times, names and countries for a language.

/** The language with the region of the person's browser: an English page in London writes British dates. */
export function regionalLocale(language: string): string {
  return navigator.languages.find((each) => each.startsWith(`${language}-`)) ?? language;
}

export function formatRelativeTime(language: string, seconds: number): string {
  const format = new Intl.RelativeTimeFormat(language, { numeric: 'always' });
  return seconds >= 90 ? format.format(Math.ceil(seconds / 60), 'minute') : format.format(Math.max(1, Math.ceil(seconds)), 'second');
}

export function formatDuration(language: string, seconds: number): string {
  const [amount, unit] = seconds >= 90 ? [Math.ceil(seconds / 60), 'minute'] : [Math.max(0, Math.ceil(seconds)), 'second'];
  return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'long' }).format(amount);
}

export function formatDateTime(language: string, date: Date): string {
  return new Intl.DateTimeFormat(language, { dateStyle: 'long', timeStyle: 'short' }).format(date);
}

/** Joins names as a sentence does: "A, B and C". */
export function joinNames(language: string, names: readonly string[]): string {
  return new Intl.ListFormat(language, { type: 'conjunction' }).format(names);
}

export function listMonthNames(language: string): string[] {
  const format = new Intl.DateTimeFormat(language, { month: 'long', timeZone: 'UTC' });
  return Array.from({ length: 12 }, (_, month) => format.format(Date.UTC(2000, month, 1)));
}

/** The order in which a language writes day, month and year. */
export function findDateOrder(language: string): ('day' | 'month' | 'year')[] {
  const parts = new Intl.DateTimeFormat(language, { dateStyle: 'short' }).formatToParts(0);
  const order = parts.map((part) => part.type).filter((type) => type === 'day' || type === 'month' || type === 'year');
  return order.length === 3 ? order : ['day', 'month', 'year'];
}

export function formatCountry(language: string, code: string): string {
  if (code === 'UTO') return 'Utopia'; // The state of ICAO's specimens.
  const region = code === 'RKS' ? 'XK' : code;
  try {
    return new Intl.DisplayNames(language, { type: 'region' }).of(region) ?? code;
  } catch {
    return code;
  }
}

export interface CountryOption {
  code: string;
  name: string;
}

export function sortCountries(language: string, codes: readonly string[]): CountryOption[] {
  const collator = new Intl.Collator(language);
  return codes.map((code) => ({ code, name: formatCountry(language, code) })).sort((a, b) => collator.compare(a.name, b.name));
}

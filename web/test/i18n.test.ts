import { describe, expect, test } from 'vitest';
import { LANGUAGES, findTextDirection, loadTexts, matchLanguage, createTranslator } from '../src/shared/i18n';
import { COUNTRIES } from '../src/shared/i18n/countries';
import { en } from '../src/shared/i18n/en';
import { sortCountries, formatCountry, findDateOrder, formatDuration, formatRelativeTime, listMonthNames } from '../src/shared/i18n/format';

const places = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1] ?? '').sort();

describe.each(LANGUAGES)('%s', (language) => {
  test('has every text, none empty, with the placeholders of the English one', async () => {
    const texts = await loadTexts(language);
    expect(Object.keys(texts)).toEqual(Object.keys(en));
    for (const [key, text] of Object.entries(texts)) {
      expect(text.trim(), key).not.toBe('');
      expect(places(text), key).toEqual(places(en[key as keyof typeof en]));
    }
  });

  test('has as many steps for each browser as the English one', async () => {
    const texts = await loadTexts(language);
    for (const key of Object.keys(en).filter((key) => key.startsWith('camera.steps_')) as (keyof typeof en)[]) {
      expect(texts[key].split('|').length, key).toBe(en[key].split('|').length);
    }
  });

  test('differs from English', async () => {
    if (language === 'en') return;
    const texts = await loadTexts(language);
    const same = Object.entries(texts).filter(([key, text]) => text === en[key as keyof typeof en]);
    expect(same.map(([key]) => key).filter((key) => !['handoff.code', 'welcome.version'].includes(key))).toEqual([]);
  });

  test('names countries, months and times', () => {
    expect(listMonthNames(language)).toHaveLength(12);
    const list = sortCountries(language, COUNTRIES);
    expect(list).toHaveLength(COUNTRIES.length);
    for (const { code, name } of list) expect(name, code).not.toBe(code);
    expect([...findDateOrder(language)].sort()).toEqual(['day', 'month', 'year']);
    expect(formatRelativeTime(language, 1_700)).toMatch(/29/);
    expect(formatDuration(language, 45)).toMatch(/45/);
  });
});

test('every text is used', async () => {
  const files = import.meta.glob<string>(['../src/**/*.ts', '../src/**/*.tsx', '!../src/shared/i18n/*'], { query: '?raw', import: 'default', eager: true });
  const code = Object.values(files).join('\n');
  // A key is written out, or its start is followed by a value.
  const unused = Object.keys(en).filter((key) => {
    const stems = [...key.matchAll(/[._]/g)].map((found) => `\`${key.slice(0, (found.index ?? 0) + 1)}\${`);
    return !code.includes(`'${key}'`) && !stems.some((stem) => code.includes(stem));
  });
  expect(unused).toEqual([]);
});

test('a language is matched by its code and by its names', () => {
  expect(matchLanguage(['es-MX'])).toBe('es');
  expect(matchLanguage([null, '', 'pt-BR', 'fr_CA'])).toBe('fr');
  expect(matchLanguage(['German', 'es'])).toBe('de');
  expect(matchLanguage(['Español'])).toBe('es');
  expect(matchLanguage(['ja'])).toBe('en');
});

test('placeholders are filled, and values cannot add new ones', () => {
  const t = createTranslator(en);
  expect(t('app.progress', { step: 2, steps: 4 })).toBe('Step 2 of 4');
  expect(t('outcome.return', { brand: '{step} $& <b>' })).toBe('Back to {step} $& <b>');
});

test('right-to-left languages are recognised', () => {
  expect(['en', 'ar', 'he', 'fa-IR'].map(findTextDirection)).toEqual(['ltr', 'rtl', 'rtl', 'rtl']);
});

test('Kosovo and Utopia have names', () => {
  expect(formatCountry('de', 'RKS')).toBe('Kosovo');
  expect(formatCountry('en', 'UTO')).toBe('Utopia');
  expect(formatCountry('en', 'not a code')).toBe('not a code');
});

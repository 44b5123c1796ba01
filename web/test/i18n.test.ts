import { describe, expect, test } from 'vitest';
import { LANGUAGES, direction, load, match, translator } from '../src/shared/i18n';
import { COUNTRIES } from '../src/shared/i18n/countries';
import { en } from '../src/shared/i18n/en';
import { countries, countryName, dateOrder, duration, inTime, monthNames } from '../src/shared/i18n/format';

const places = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1] ?? '').sort();

describe.each(LANGUAGES)('%s', (language) => {
  test('has every text, none empty, with the places of the English one', async () => {
    const texts = await load(language);
    expect(Object.keys(texts)).toEqual(Object.keys(en));
    for (const [key, text] of Object.entries(texts)) {
      expect(text.trim(), key).not.toBe('');
      expect(places(text), key).toEqual(places(en[key as keyof typeof en]));
    }
  });

  test('has as many steps for each browser as the English one', async () => {
    const texts = await load(language);
    for (const key of Object.keys(en).filter((key) => key.startsWith('camera.steps_')) as (keyof typeof en)[]) {
      expect(texts[key].split('|').length, key).toBe(en[key].split('|').length);
    }
  });

  test('is not English with another name', async () => {
    if (language === 'en') return;
    const texts = await load(language);
    const same = Object.entries(texts).filter(([key, text]) => text === en[key as keyof typeof en]);
    expect(same.map(([key]) => key).filter((key) => !['handoff.code', 'welcome.version'].includes(key))).toEqual([]);
  });

  test('names countries, months and times', () => {
    expect(monthNames(language)).toHaveLength(12);
    const list = countries(language, COUNTRIES);
    expect(list).toHaveLength(COUNTRIES.length);
    for (const { code, name } of list) expect(name, code).not.toBe(code);
    expect([...dateOrder(language)].sort()).toEqual(['day', 'month', 'year']);
    expect(inTime(language, 1_700)).toMatch(/29/);
    expect(duration(language, 45)).toMatch(/45/);
  });
});

test('the texts that are used are the texts that there are', async () => {
  const files = import.meta.glob<string>(['../src/**/*.ts', '../src/**/*.tsx', '!../src/shared/i18n/*'], { query: '?raw', import: 'default', eager: true });
  const code = Object.values(files).join('\n');
  // A key is written out, or its start is followed by a value.
  const unused = Object.keys(en).filter((key) => {
    const stems = [...key.matchAll(/[._]/g)].map((found) => `\`${key.slice(0, (found.index ?? 0) + 1)}\${`);
    return !code.includes(`'${key}'`) && !stems.some((stem) => code.includes(stem));
  });
  expect(unused).toEqual([]);
});

test('the wanted language is found in every form in which people write it', () => {
  expect(match(['es-MX'])).toBe('es');
  expect(match([null, '', 'pt-BR', 'fr_CA'])).toBe('fr');
  expect(match(['German', 'es'])).toBe('de');
  expect(match(['Español'])).toBe('es');
  expect(match(['ja'])).toBe('en');
});

test('places are filled, and values cannot open new ones', () => {
  const t = translator(en);
  expect(t('app.progress', { step: 2, steps: 4 })).toBe('Step 2 of 4');
  expect(t('outcome.return', { brand: '{step} $& <b>' })).toBe('Back to {step} $& <b>');
});

test('languages from right to left are told', () => {
  expect(['en', 'ar', 'he', 'fa-IR'].map(direction)).toEqual(['ltr', 'rtl', 'rtl', 'rtl']);
});

test('Kosovo and Utopia have names', () => {
  expect(countryName('de', 'RKS')).toBe('Kosovo');
  expect(countryName('en', 'UTO')).toBe('Utopia');
  expect(countryName('en', 'not a code')).toBe('not a code');
});

import { describe, expect, test } from 'vitest';
import { LANGUAGES } from '../../src/shared/i18n';
import { loadConsoleTexts, spellWord, translateWord, createConsoleTranslator } from '../../src/console/i18n';
import { en } from '../../src/console/i18n/en';

const places = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1] ?? '').sort();
/** Words that are the same in another language. */
const SAME = /^(setting|field|audit|tree|finding|review|nav|keys|chart|country|webhook|client|provider|state|reason|image|verdict|scope)\./;

describe.each(LANGUAGES)('the console in %s', (language) => {
  test('has every text, none empty, with the placeholders of the English one', async () => {
    const texts = await loadConsoleTexts(language);
    expect(Object.keys(texts)).toEqual(Object.keys(en));
    for (const [key, text] of Object.entries(texts)) {
      expect(text.trim(), key).not.toBe('');
      expect(places(text), key).toEqual(places(en[key as keyof typeof en]));
    }
  });
  test('differs from English', async () => {
    if (language === 'en') return;
    const texts = await loadConsoleTexts(language);
    const same = Object.entries(texts).filter(([key, text]) => text.length > 12 && text === en[key as keyof typeof en]);
    expect(same.map(([key]) => key).filter((key) => !SAME.test(key))).toEqual([]);
  });
});

test('words of the API without a text are spelled', () => {
  expect(spellWord('mrz_check_digits')).toBe('MRZ check digits');
  const t = createConsoleTranslator(en);
  expect(translateWord({ t }, 'role', 'admin')).toBe('Admin');
  expect(translateWord({ t }, 'role', 'night_watch')).toBe('Night watch');
  expect(translateWord({ t }, 'role', '')).toBe('–');
});

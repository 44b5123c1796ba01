// Texts of e-mails: which one holds, what is stored, and how the preview fills them.
import { expect, test } from 'vitest';
import { ownText, presentText, previewText, readTemplates, withText } from '../../src/console/pages/settings/mailTemplates';

const KIND = {
  kind: 'reviews_overdue',
  placeholders: [{ name: 'count', example: '3' }, { name: 'link', example: 'https://c.example/{count}' }],
  texts: [{ language: 'en', subject: 'Overdue', text: '{count}: {link}' }, { language: 'de', subject: 'Spät', text: '{link}' }],
};

test('an own text replaces ours, and ours is not stored', () => {
  const own = { subject: 'S', text: 'T {link}' };
  const stored = withText({ invitation: { en: own } }, KIND, 'de', own);
  expect(stored).toEqual({ invitation: { en: own }, reviews_overdue: { de: own } });
  expect(presentText(stored, KIND, 'de')).toEqual(own);
  expect(presentText(stored, KIND, 'en')).toEqual({ subject: 'Overdue', text: '{count}: {link}' });
  expect(withText(stored, KIND, 'de', ownText(KIND, 'de'))).toEqual({ invitation: { en: own } });
});

test('a setting of another form counts as not set', () => {
  for (const value of [null, undefined, [], 'x', { invitation: [] }, { invitation: { en: { subject: 1, text: '' } } }]) expect(readTemplates(value)).toEqual({});
});

test('the preview fills placeholders once, and leaves unknown ones', () => expect(previewText(KIND, '{count} {link} {name} {')).toBe('3 https://c.example/{count} {name} {'));

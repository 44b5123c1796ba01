// Passkeys: bytes as text and back, and each error of the browser in our words.
import { expect, test } from 'vitest';
import { explainError } from '../../src/console/app/explainError';
import { PASSKEY_PROBLEMS, PasskeyError, decode, encode, nameProblem } from '../../src/console/app/passkeyBrowser';
import { createConsoleTranslator } from '../../src/console/i18n';
import { en } from '../../src/console/i18n/en';

test('bytes are base64url without padding', () => {
  for (const [bytes, text] of [[[], ''], [[0], 'AA'], [[251, 255], '-_8'], [[1, 2, 3, 4], 'AQIDBA']] as const) {
    expect(encode(Uint8Array.from(bytes).buffer)).toBe(text);
    expect([...decode(text)]).toEqual([...bytes]);
  }
});

test('errors of the browser are told apart by their name, and explained', () => {
  const problems = ['NotAllowedError', 'InvalidStateError', 'SecurityError', 'ConstraintError', 'UnknownError'].map((name) => nameProblem({ name }));
  expect(problems).toEqual(['cancelled', 'registered', 'insecure', 'no_authenticator', 'failed']);
  expect(nameProblem(null)).toBe('failed');
  const ui = { t: createConsoleTranslator(en), language: 'en' as const };
  const titles = PASSKEY_PROBLEMS.map((problem) => explainError(new PasskeyError(problem), ui).title);
  expect(new Set(titles).size).toBe(PASSKEY_PROBLEMS.length);
});

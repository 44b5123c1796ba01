import { beforeEach, describe, expect, test } from 'vitest';
import { canExtend, isUserPresent, noteAnswer, noteInput, sessionTimeLeft, startSessionClock, stopSessionClock } from '../../src/console/app/idle';

const START = Date.parse('2026-03-21T00:00:00Z');
const SESSION = { idle_until: '2026-03-21 00:30:00.000Z', ends_at: '2026-03-21 12:00:00.000Z' };
const MINUTE = 60_000;

describe('the session clock', () => {
  beforeEach(() => {
    stopSessionClock();
    noteAnswer(new Date(START).toUTCString(), START);
  });
  test('counts down without calls, and each answer starts it again', () => {
    startSessionClock(SESSION, START);
    expect(sessionTimeLeft(START + 10 * MINUTE)).toBe(20 * MINUTE);
    noteAnswer(null, START + 25 * MINUTE);
    expect(sessionTimeLeft(START + 25 * MINUTE)).toBe(30 * MINUTE);
  });
  test('does not pass the last moment of the session', () => {
    startSessionClock(SESSION, START);
    const late = START + 719 * MINUTE;
    noteAnswer(null, late);
    expect(sessionTimeLeft(late)).toBe(MINUTE);
    expect(canExtend(late)).toBe(false);
    expect(canExtend(START)).toBe(true);
  });
  test('works on a computer whose clock is an hour ahead', () => {
    const here = START + 60 * MINUTE;
    noteAnswer(new Date(START).toUTCString(), here);
    startSessionClock(SESSION, here);
    expect(sessionTimeLeft(here)).toBe(30 * MINUTE);
  });
  test('is silent while nobody is signed in', () => expect(sessionTimeLeft(START)).toBeNull());
});

test('a user without input for ten minutes is away', () => {
  noteInput(START);
  expect(isUserPresent(START + 9 * MINUTE)).toBe(true);
  expect(isUserPresent(START + 11 * MINUTE)).toBe(false);
});

// When the session ends without activity: every answer of the server moves the end on, up to the session's last moment.

/** How long before the end the user is warned, in milliseconds (WCAG 2.2.1 asks for at least 20 seconds). */
export const WARNING_TIME = 120_000;
/** Without input for this long the page asks the server nothing by itself, so that an empty chair keeps no session alive. */
export const PAUSE_AFTER = 600_000;

export interface SessionClock {
  /** Milliseconds that the session lasts without a call. */
  idleSpan: number;
  /** When it ends whatever happens. */
  endsAt: number;
  lastAnswer: number;
}

let clock: SessionClock | null = null;
let lastInput = 0;
/** How far this computer's clock is ahead of the server's. */
let skew = 0;

/** Takes over what the server said of the session just now. */
export function startSessionClock(session: { idle_until: string; ends_at: string }, now = Date.now()): void {
  const idleSpan = Math.max(0, parseTime(session.idle_until) + skew - now);
  clock = { idleSpan, endsAt: parseTime(session.ends_at) + skew, lastAnswer: now };
  lastInput = Math.max(lastInput, now);
}

export function stopSessionClock(): void {
  clock = null;
}

/** An answer has arrived; its `Date` header says what time the server has. */
export function noteAnswer(date: string | null = null, now = Date.now()): void {
  const serverNow = date === null ? Number.NaN : Date.parse(date);
  // The header has whole seconds, so a small difference says nothing.
  if (!Number.isNaN(serverNow)) skew = Math.abs(now - serverNow) > 2_000 ? now - serverNow : 0;
  if (clock) clock.lastAnswer = now;
}

export function noteInput(now = Date.now()): void {
  lastInput = now;
}

/** Whether the user is there: background calls wait for that. */
export const isUserPresent = (now = Date.now()): boolean => now - lastInput < PAUSE_AFTER;

/** Milliseconds until the session ends; null while nobody is signed in. */
export function sessionTimeLeft(now = Date.now()): number | null {
  if (!clock) return null;
  return Math.min(clock.lastAnswer + clock.idleSpan, clock.endsAt) - now;
}

/** Whether more activity can move the end on. */
export const canExtend = (now = Date.now()): boolean => clock !== null && clock.endsAt - now > WARNING_TIME;

export const parseTime = (time: string): number => Date.parse(time.replace(' ', 'T'));

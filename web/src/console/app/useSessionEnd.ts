// Watches the session's end: seconds left once it is near, and what happens when it has come or the page was hidden for long.
import { useEffect, useRef, useState } from 'react';
import { WARNING_TIME, canExtend, noteInput, sessionTimeLeft } from './idle';

/** A page that was hidden for longer forgets what it has read. */
const HIDDEN_LIMIT = 30 * 60_000;

export function useSessionEnd(onEnd: () => void): { secondsLeft: number | null; canStay: boolean } {
  const [secondsLeft, setSecondsLeft] = useState<number | null>(null);
  const end = useRef(onEnd);
  end.current = onEnd;
  useEffect(() => {
    let hiddenSince: number | null = null;
    let hasEnded = false;
    const finish = (): void => {
      if (hasEnded) return;
      hasEnded = true;
      end.current();
    };
    const check = (): void => {
      const left = sessionTimeLeft();
      if (left === null) return;
      if (left <= 0) finish();
      else setSecondsLeft(left <= WARNING_TIME ? Math.ceil(left / 1_000) : null);
    };
    const onVisibility = (): void => {
      if (document.hidden) hiddenSince = Date.now();
      else if (hiddenSince !== null && Date.now() - hiddenSince > HIDDEN_LIMIT) finish();
      else check();
    };
    const onInput = (): void => noteInput();
    const timer = setInterval(check, 1_000);
    document.addEventListener('visibilitychange', onVisibility);
    for (const name of ['pointerdown', 'keydown', 'wheel'] as const) window.addEventListener(name, onInput, { passive: true });
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', onVisibility);
      for (const name of ['pointerdown', 'keydown', 'wheel'] as const) window.removeEventListener(name, onInput);
    };
  }, []);
  return { secondsLeft, canStay: canExtend() };
}

// Whole seconds until a time; null when it has passed or there is none.
import { useEffect, useRef, useState } from 'react';
import { parseTime } from '../../app/idle';

export const secondsUntil = (time: string | null, now: number): number | null => {
  if (!time) return null;
  const left = Math.ceil((parseTime(time) - now) / 1_000);
  return left > 0 ? left : null;
};

export function useCountdown(until: string | null, onEnd?: () => void): number | null {
  const [left, setLeft] = useState(() => secondsUntil(until, Date.now()));
  const end = useRef(onEnd);
  end.current = onEnd;
  useEffect(() => {
    setLeft(secondsUntil(until, Date.now()));
    if (!until) return undefined;
    const timer = setInterval(() => {
      const next = secondsUntil(until, Date.now());
      setLeft(next);
      if (next === null) {
        clearInterval(timer);
        end.current?.();
      }
    }, 500);
    return () => clearInterval(timer);
  }, [until]);
  return left;
}

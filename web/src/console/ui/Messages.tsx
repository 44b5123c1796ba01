// Short messages for some seconds, and a live region that screen readers read out politely.
import { useCallback, useEffect, useRef, useState } from 'react';

export interface Toast {
  id: number;
  text: string;
  tone: 'good' | 'bad';
}

const TOAST_TIME = 6_000;

export interface MessageBoard {
  announced: string;
  toasts: readonly Toast[];
  announce: (text: string) => void;
  toast: (text: string, tone?: Toast['tone']) => void;
}

export function useMessages(): MessageBoard {
  const [announced, setAnnounced] = useState('');
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const next = useRef(0);
  const timers = useRef(new Set<ReturnType<typeof setTimeout>>());
  useEffect(() => {
    const all = timers.current;
    return () => all.forEach(clearTimeout);
  }, []);
  // A text that is the same as the last one is read out only if it differs: a space at its end makes it differ.
  const announce = useCallback((text: string) => setAnnounced((before) => (before === text ? `${text}\u00a0` : text)), []);
  const toast = useCallback((text: string, tone: Toast['tone'] = 'good') => {
    const id = (next.current += 1);
    setToasts((before) => [...before.slice(-2), { id, text, tone }]);
    const timer = setTimeout(() => {
      timers.current.delete(timer);
      setToasts((before) => before.filter((each) => each.id !== id));
    }, TOAST_TIME);
    timers.current.add(timer);
  }, []);
  return { announced, toasts, announce, toast };
}

export function Messages({ announced, toasts }: MessageBoard) {
  return (
    <>
      <div className="hidden" role="status" aria-live="polite">
        {announced}
      </div>
      <div className="toasts" role="status" aria-live="polite">
        {toasts.map(({ id, text, tone }) => (
          <p key={id} className={`toast ${tone}`}>
            {text}
          </p>
        ))}
      </div>
    </>
  );
}

// Bars beside their numbers: SVG, so that no style is needed. The table below has the same numbers.
import type { ReactNode } from 'react';

export interface Bar {
  id: string;
  label: ReactNode;
  /** 0 to 1. */
  share: number;
  text: string;
}

export function BarList({ bars, label }: { bars: readonly Bar[]; label: string }) {
  return (
    <ul className="bars" aria-label={label}>
      {bars.map((bar) => (
        <li key={bar.id}>
          <span>{bar.label}</span>
          <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
            <rect className="bar-ground" width="100" height="8" />
            <rect className="bar-value" width={Math.max(0, Math.min(1, bar.share)) * 100} height="8" />
          </svg>
          <strong>{bar.text}</strong>
        </li>
      ))}
    </ul>
  );
}

// A short word about a state. The word says it; the colour only helps.
import type { ReactNode } from 'react';

export type Tone = 'plain' | 'good' | 'bad' | 'note' | 'brand';

export const Badge = ({ tone = 'plain', children }: { tone?: Tone; children: ReactNode }) => <span className={`badge ${tone}`}>{children}</span>;

// The tab's history: one entry per screen, so that the browser's back button works. Entries hold nothing about the person.
import type { ScreenName } from '../flow/screens';

interface HistoryEntry {
  screen: ScreenName;
  /** How many entries of this page lie before it. */
  depth: number;
}

const readEntry = (): Partial<HistoryEntry> | null => history.state as Partial<HistoryEntry> | null;

export const readHistoryDepth = (): number => readEntry()?.depth ?? 0;

/** The screen of the current entry, unchecked: another page may have written it. */
export const readNotedScreen = (): unknown => readEntry()?.screen;

export function replaceHistoryEntry(screen: ScreenName): void {
  history.replaceState({ screen, depth: readHistoryDepth() } satisfies HistoryEntry, '');
}

export function pushHistoryEntry(screen: ScreenName): void {
  history.pushState({ screen, depth: readHistoryDepth() + 1 } satisfies HistoryEntry, '');
}

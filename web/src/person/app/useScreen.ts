// The current screen: kept in step with the server's state and with the tab's history.
import { useCallback, useEffect, useState } from 'react';
import type { FlowState } from '../../shared/api/flow';
import { type ScreenName, findPreviousScreen, isTransientScreen, resolveScreen, restoreScreen } from '../flow/screens';
import { pushHistoryEntry, readHistoryDepth, readNotedScreen, replaceHistoryEntry } from './screenHistory';

export type ShowScreen = (screen: ScreenName, how?: 'push' | 'replace') => void;

/** Null until the flow is known. */
export function useScreen(flow: FlowState | null, hasChosen: boolean): [ScreenName | null, ShowScreen] {
  const [screen, setScreen] = useState<ScreenName | null>(null);

  const go: ShowScreen = useCallback((next, how = 'push') => {
    setScreen((current) => {
      if (current === next) return current;
      const replaces = how === 'replace' || current === null || isTransientScreen(current);
      if (replaces) replaceHistoryEntry(next);
      else pushHistoryEntry(next);
      return next;
    });
  }, []);

  // The first screen: where this tab was before a reload, when that still makes sense, else where the server says.
  useEffect(() => {
    if (!flow) return;
    setScreen((current) => {
      const next = current === null ? restoreScreen(readNotedScreen(), flow, hasChosen) : resolveScreen(current, flow, hasChosen);
      if (next !== current) replaceHistoryEntry(next);
      return next;
    });
  }, [flow, hasChosen]);

  useEffect(() => {
    const onBack = (event: PopStateEvent): void => {
      if (!flow) return;
      const next = restoreScreen((event.state as { screen?: unknown } | null)?.screen, flow, hasChosen);
      replaceHistoryEntry(next);
      setScreen(next);
    };
    window.addEventListener('popstate', onBack);
    return () => window.removeEventListener('popstate', onBack);
  }, [flow, hasChosen]);

  return [screen, go];
}

export function goBack(go: ShowScreen, screen: ScreenName): void {
  if (readHistoryDepth() > 0) history.back();
  else go(findPreviousScreen(screen), 'replace');
}

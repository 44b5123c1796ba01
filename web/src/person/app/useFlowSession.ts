// Hooks that keep a person's flow current: loading, the tab that works, language, polling, the link's end, unsent work.
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from 'react';
import type { FlowState } from '../../shared/api/flow';
import { type Language, matchLanguage } from '../../shared/i18n';
import type { ScreenName } from '../flow/screens';
import { FlowSession, type FlowSnapshot } from '../flow/session';
import { type TabWatch, watchTabs } from '../flow/tabs';
import type { FlowAccess } from '../flow/token';

/** How often the server is polled, in milliseconds: another device may be ahead. Often on the screen that follows it. */
const FOLLOW_INTERVAL = 2_500;
const POLL_INTERVAL = 20_000;
/** The longest that a timer can run, in milliseconds; no link lives so long. */
const MAX_TIMER = 2 ** 31;

export interface LoadedSession {
  session: FlowSession;
  snapshot: FlowSnapshot;
  /** The person went on in another tab. */
  isElsewhere: boolean;
  /** Makes this tab the one that works. */
  claimTab: () => void;
}

export function useFlowSession(access: FlowAccess): LoadedSession {
  const [session] = useState(() => new FlowSession(access));
  const snapshot = useSyncExternalStore(session.subscribe, session.snapshot);
  const [isElsewhere, setElsewhere] = useState(false);
  const tabs = useRef<TabWatch | null>(null);

  useEffect(() => {
    tabs.current = watchTabs(access.profile, () => setElsewhere(true));
    tabs.current.claim();
    void session.loadFlow();
    return () => tabs.current?.close();
  }, [session, access]);

  const claimTab = useCallback(() => {
    tabs.current?.claim();
    setElsewhere(false);
    void session.loadFlow();
  }, [session]);

  return { session, snapshot, isElsewhere, claimTab };
}

/** The profile's own language comes first; after that, what the person chooses. */
export function useFlowLanguage(flow: FlowState | null, setLanguage: (language: Language) => void): void {
  const hasLanguage = useRef(false);
  useEffect(() => {
    if (!flow || hasLanguage.current) return;
    hasLanguage.current = true;
    if (flow.language) setLanguage(matchLanguage([flow.language, ...navigator.languages]));
  }, [flow, setLanguage]);
}

/** Polls whether another device has gone on. */
export function usePolling(session: FlowSession, screen: ScreenName | null, isOn: boolean): void {
  useEffect(() => {
    if (!isOn || screen === null || screen === 'sending' || screen === 'outcome') return;
    const poll = (): void => {
      if (document.visibilityState === 'visible' && navigator.onLine) void session.loadFlow('once');
    };
    const timer = setInterval(poll, screen === 'handoff' ? FOLLOW_INTERVAL : POLL_INTERVAL);
    document.addEventListener('visibilitychange', poll);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', poll);
    };
  }, [session, screen, isOn]);
}

/** Says that the link has expired when it does, and not when the next call fails. */
export function useLinkExpiry(session: FlowSession, flow: FlowState | null): void {
  const expires = flow?.step === 'outcome' ? null : (flow?.expires ?? null);
  useEffect(() => {
    if (!expires) return;
    const left = Date.parse(expires) - Date.now();
    if (!(left < MAX_TIMER)) return;
    const timer = setTimeout(() => session.showExpired(), Math.max(0, left));
    return () => clearTimeout(timer);
  }, [session, expires]);
}

/** Asks before a page is closed that has something the server does not. */
export function useUnsentWarning(hasUnsent: boolean): void {
  useEffect(() => {
    if (!hasUnsent) return;
    const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
    window.addEventListener('beforeunload', ask);
    return () => window.removeEventListener('beforeunload', ask);
  }, [hasUnsent]);
}

// One person's flow: which screen is shown, what back and reload do, and who works where there are several tabs or devices.
import { Suspense, lazy, useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import type { FlowState } from '../../shared/api/flow';
import { COUNTED_STEPS, type ScreenName, isTransientScreen, isScreenName, findOpenScreen, resolveScreen, toFlowStep } from '../flow/screens';
import { FlowSession } from '../flow/session';
import { watchTabs } from '../flow/tabs';
import type { FlowAccess } from '../flow/token';
import { matchLanguage } from '../../shared/i18n';
import { Consent } from '../steps/consent/Consent';
import { Device } from '../steps/device/Device';
import { LoadingScreen, LoadingIndicator } from './LoadingScreen';
import { PageFrame } from './PageFrame';
import { OtherTabScreen, TroubleScreen } from './TroubleScreen';
import { FlowContext, usePage } from './context';

const loadDocumentStep = () => import('../steps/document/DocumentStep');
const loadFaceStep = () => import('../steps/face/FaceStep');
const loadDetailsStep = () => import('../steps/details/DetailsStep');
const DocumentStep = lazy(loadDocumentStep);
const FaceStep = lazy(loadFaceStep);
const Details = lazy(loadDetailsStep);
const Sending = lazy(() => import('../steps/sending/Sending'));
const Outcome = lazy(() => import('../steps/outcome/Outcome'));
const Handoff = lazy(() => import('../steps/handoff/Handoff'));

/** How often the server is asked where the person is, in milliseconds: another device may be faster. */
const FOLLOW_INTERVAL = 2_500;
const POLL_INTERVAL = 20_000;

export function FlowRoot({ access }: { access: FlowAccess }) {
  const page = usePage();
  const { t, setLanguage } = page;
  const [session] = useState(() => new FlowSession(access));
  const snapshot = useSyncExternalStore(session.subscribe, session.snapshot);
  const { flow, trouble, waiting } = snapshot;
  const [screen, setScreen] = useState<ScreenName | null>(null);
  const [isElsewhere, setElsewhere] = useState(false);
  const tabs = useRef<ReturnType<typeof watchTabs> | null>(null);
  const hasChosen = snapshot.choice !== null;

  useEffect(() => {
    tabs.current = watchTabs(access.profile, () => setElsewhere(true));
    tabs.current.claim();
    void session.loadFlow();
    return () => tabs.current?.close();
  }, [session, access]);

  // The profile's own language comes first; after that, what the person chooses.
  const hasLanguage = useRef(false);
  useEffect(() => {
    if (!flow || hasLanguage.current) return;
    hasLanguage.current = true;
    if (flow.language) setLanguage(matchLanguage([flow.language, ...navigator.languages]));
  }, [flow, setLanguage]);

  const go = useCallback((next: ScreenName, how: 'push' | 'replace' = 'push') => {
    setScreen((current) => {
      if (current === next) return current;
      const replaces = how === 'replace' || current === null || isTransientScreen(current);
      if (replaces) replaceHistoryEntry(next);
      else history.pushState({ screen: next, depth: depth() + 1 } satisfies HistoryEntry, '');
      return next;
    });
  }, []);

  // The first screen: where this tab was before a reload, when that still makes sense, else where the server says.
  useEffect(() => {
    if (!flow) return;
    setScreen((current) => {
      if (current === null) {
        const before: unknown = readHistoryEntry()?.screen;
        const wanted = isScreenName(before) && !isTransientScreen(before) ? before : findOpenScreen(flow);
        const first = resolveScreen(wanted, flow, hasChosen);
        replaceHistoryEntry(first);
        return first;
      }
      const next = resolveScreen(current, flow, hasChosen);
      if (next !== current) replaceHistoryEntry(next);
      return next;
    });
  }, [flow, hasChosen]);

  useEffect(() => {
    const onBack = (event: PopStateEvent): void => {
      if (!flow) return;
      const wanted: unknown = (event.state as Partial<HistoryEntry> | null)?.screen;
      const next = resolveScreen(isScreenName(wanted) && !isTransientScreen(wanted) ? wanted : findOpenScreen(flow), flow, hasChosen);
      replaceHistoryEntry(next);
      setScreen(next);
    };
    window.addEventListener('popstate', onBack);
    return () => window.removeEventListener('popstate', onBack);
  }, [flow, hasChosen]);

  usePolling(session, screen, !isElsewhere && trouble === null);
  useLinkExpiry(session, flow);
  useUnsentWarning(snapshot.unsent > 0);

  useEffect(() => {
    if (!flow) return;
    const next = { consent: loadDocumentStep, document: loadFaceStep, face: loadDetailsStep, details: null, outcome: null }[flow.step];
    const timer = setTimeout(() => void next?.().catch(() => undefined), 1_500);
    return () => clearTimeout(timer);
  }, [flow]);

  const app = useMemo(
    () => (flow && screen ? { session, snapshot, flow, screen, go } : null),
    [session, snapshot, flow, screen, go],
  );

  if (trouble) {
    const retry = trouble.reason === 'server' ? { onRetry: () => { session.clearTrouble(); void session.loadFlow(); } } : {};
    return <TroubleScreen kind={trouble.reason} reference={trouble.reference} {...retry} />;
  }
  if (isElsewhere) {
    const take = (): void => {
      tabs.current?.claim();
      setElsewhere(false);
      void session.loadFlow();
    };
    return <OtherTabScreen onTake={take} />;
  }
  if (!app || !flow || !screen) return <LoadingScreen waiting={waiting} />;

  const step = COUNTED_STEPS.findIndex((counted) => counted === toFlowStep(screen, flow)) + 1;
  const isCounted = step > 0 && screen !== 'handoff' && screen !== 'device' && screen !== 'sending';
  const progress = isCounted ? { step, steps: COUNTED_STEPS.length, name: t(`steps.${COUNTED_STEPS[step - 1] ?? 'consent'}`) } : undefined;
  const canGoBack = screen !== 'consent' && !isTransientScreen(screen);
  return (
    <FlowContext value={app}>
      <PageFrame progress={progress} waiting={waiting} back={canGoBack ? () => goBack(app.go, screen) : undefined}>
        <Suspense fallback={<LoadingIndicator />}>
          <ScreenView screen={screen} />
        </Suspense>
      </PageFrame>
    </FlowContext>
  );
}

function ScreenView({ screen }: { screen: ScreenName }) {
  switch (screen) {
    case 'consent':
      return <Consent />;
    case 'device':
      return <Device />;
    case 'document':
    case 'front':
    case 'back':
    case 'reading':
      return <DocumentStep screen={screen} />;
    case 'face':
      return <FaceStep />;
    case 'details':
      return <Details />;
    case 'sending':
      return <Sending />;
    case 'outcome':
      return <Outcome />;
    case 'handoff':
      return <Handoff />;
  }
}

/** What an entry of the tab's history says: a screen, and how many of ours lie before it. Nothing about the person. */
interface HistoryEntry {
  screen: ScreenName;
  depth: number;
}

const readHistoryEntry = (): Partial<HistoryEntry> | null => history.state as Partial<HistoryEntry> | null;
const depth = (): number => readHistoryEntry()?.depth ?? 0;
const replaceHistoryEntry = (screen: ScreenName): void => history.replaceState({ screen, depth: depth() } satisfies HistoryEntry, '');

/** The screen before, for somebody whose history does not have it: after a reload, or on another device. */
const PREVIOUS_SCREEN: Partial<Record<ScreenName, ScreenName>> = {
  device: 'consent', document: 'consent', front: 'document', back: 'front', face: 'document', details: 'document', handoff: 'document',
};

function goBack(go: (screen: ScreenName, how?: 'push' | 'replace') => void, screen: ScreenName): void {
  if (depth() > 0) history.back();
  else go(PREVIOUS_SCREEN[screen] ?? 'consent', 'replace');
}

/** Looks whether another device has gone on. Often while this one follows along, else now and then. */
function usePolling(session: FlowSession, screen: ScreenName | null, isOn: boolean): void {
  useEffect(() => {
    if (!isOn || screen === null || screen === 'sending' || screen === 'outcome') return;
    const look = (): void => {
      if (document.visibilityState === 'visible' && navigator.onLine) void session.loadFlow('once');
    };
    const timer = setInterval(look, screen === 'handoff' ? FOLLOW_INTERVAL : POLL_INTERVAL);
    document.addEventListener('visibilitychange', look);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', look);
    };
  }, [session, screen, isOn]);
}

/** Says that the link has run out when it does, and not when the next call fails. */
function useLinkExpiry(session: FlowSession, flow: FlowState | null): void {
  const expires = flow?.step === 'outcome' ? null : (flow?.expires ?? null);
  useEffect(() => {
    if (!expires) return;
    const left = Date.parse(expires) - Date.now();
    // Longer than a timer can count: no link lives so long.
    if (!(left < 2 ** 31)) return;
    const timer = setTimeout(() => session.showExpired(), Math.max(0, left));
    return () => clearTimeout(timer);
  }, [session, expires]);
}

/** Asks before a page is closed that has something the server does not. */
function useUnsentWarning(hasUnsent: boolean): void {
  useEffect(() => {
    if (!hasUnsent) return;
    const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
    window.addEventListener('beforeunload', ask);
    return () => window.removeEventListener('beforeunload', ask);
  }, [hasUnsent]);
}

// One person's flow: which screen is shown, what back and reload do, and who works where there are several tabs or devices.
import { Suspense, lazy, useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import type { Flow } from '../../shared/api/flow';
import { COUNTED, type Screen, isPassing, isScreen, screenFor, settled, stepOf } from '../flow/screens';
import { Session } from '../flow/session';
import { watchTabs } from '../flow/tabs';
import type { Access } from '../flow/token';
import { match } from '../../shared/i18n';
import { Consent } from '../steps/consent/Consent';
import { Device } from '../steps/device/Device';
import { Loading, LoadingPart } from './Loading';
import { Shell } from './Shell';
import { OtherTab, Trouble } from './Trouble';
import { FlowContext, usePage } from './context';

const documentStep = () => import('../steps/document/DocumentStep');
const faceStep = () => import('../steps/face/FaceStep');
const detailsStep = () => import('../steps/details/Details');
const DocumentStep = lazy(documentStep);
const FaceStep = lazy(faceStep);
const Details = lazy(detailsStep);
const Sending = lazy(() => import('../steps/sending/Sending'));
const Outcome = lazy(() => import('../steps/outcome/Outcome'));
const Handoff = lazy(() => import('../steps/handoff/Handoff'));

/** How often the server is asked where the person is, in milliseconds: another device may be faster. */
const FOLLOW = 2_500;
const GLANCE = 20_000;

export function FlowRoot({ access }: { access: Access }) {
  const page = usePage();
  const { t, setLanguage } = page;
  const [session] = useState(() => new Session(access));
  const snapshot = useSyncExternalStore(session.subscribe, session.snapshot);
  const { flow, trouble, waiting } = snapshot;
  const [screen, setScreen] = useState<Screen | null>(null);
  const [isElsewhere, setElsewhere] = useState(false);
  const tabs = useRef<ReturnType<typeof watchTabs> | null>(null);
  const hasChosen = snapshot.choice !== null;

  useEffect(() => {
    tabs.current = watchTabs(access.profile, () => setElsewhere(true));
    tabs.current.claim();
    void session.load();
    return () => tabs.current?.close();
  }, [session, access]);

  // The profile's own language comes first; after that, what the person chooses.
  const hasLanguage = useRef(false);
  useEffect(() => {
    if (!flow || hasLanguage.current) return;
    hasLanguage.current = true;
    if (flow.language) setLanguage(match([flow.language, ...navigator.languages]));
  }, [flow, setLanguage]);

  const go = useCallback((next: Screen, how: 'push' | 'replace' = 'push') => {
    setScreen((current) => {
      if (current === next) return current;
      const replaces = how === 'replace' || current === null || isPassing(current);
      if (replaces) note(next);
      else history.pushState({ screen: next, depth: depth() + 1 } satisfies Mark, '');
      return next;
    });
  }, []);

  // The first screen: where this tab was before a reload, when that still makes sense, else where the server says.
  useEffect(() => {
    if (!flow) return;
    setScreen((current) => {
      if (current === null) {
        const before: unknown = mark()?.screen;
        const wanted = isScreen(before) && !isPassing(before) ? before : screenFor(flow);
        const first = settled(wanted, flow, hasChosen);
        note(first);
        return first;
      }
      const next = settled(current, flow, hasChosen);
      if (next !== current) note(next);
      return next;
    });
  }, [flow, hasChosen]);

  useEffect(() => {
    const onBack = (event: PopStateEvent): void => {
      if (!flow) return;
      const wanted: unknown = (event.state as Partial<Mark> | null)?.screen;
      const next = settled(isScreen(wanted) && !isPassing(wanted) ? wanted : screenFor(flow), flow, hasChosen);
      note(next);
      setScreen(next);
    };
    window.addEventListener('popstate', onBack);
    return () => window.removeEventListener('popstate', onBack);
  }, [flow, hasChosen]);

  useNews(session, screen, !isElsewhere && trouble === null);
  useEnd(session, flow);
  useUnsent(snapshot.unsent > 0);

  useEffect(() => {
    if (!flow) return;
    const next = { consent: documentStep, document: faceStep, face: detailsStep, details: null, outcome: null }[flow.step];
    const timer = setTimeout(() => void next?.().catch(() => undefined), 1_500);
    return () => clearTimeout(timer);
  }, [flow]);

  const app = useMemo(
    () => (flow && screen ? { session, snapshot, flow, screen, go } : null),
    [session, snapshot, flow, screen, go],
  );

  if (trouble) {
    const retry = trouble.reason === 'server' ? { onRetry: () => { session.forgive(); void session.load(); } } : {};
    return <Trouble kind={trouble.reason} reference={trouble.reference} {...retry} />;
  }
  if (isElsewhere) {
    const take = (): void => {
      tabs.current?.claim();
      setElsewhere(false);
      void session.load();
    };
    return <OtherTab onTake={take} />;
  }
  if (!app || !flow || !screen) return <Loading waiting={waiting} />;

  const step = COUNTED.findIndex((counted) => counted === stepOf(screen, flow)) + 1;
  const isCounted = step > 0 && screen !== 'handoff' && screen !== 'device' && screen !== 'sending';
  const progress = isCounted ? { step, steps: COUNTED.length, name: t(`steps.${COUNTED[step - 1] ?? 'consent'}`) } : undefined;
  const canGoBack = screen !== 'consent' && !isPassing(screen);
  return (
    <FlowContext value={app}>
      <Shell progress={progress} waiting={waiting} back={canGoBack ? () => goBack(app.go, screen) : undefined}>
        <Suspense fallback={<LoadingPart />}>
          <Step screen={screen} />
        </Suspense>
      </Shell>
    </FlowContext>
  );
}

function Step({ screen }: { screen: Screen }) {
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
interface Mark {
  screen: Screen;
  depth: number;
}

const mark = (): Partial<Mark> | null => history.state as Partial<Mark> | null;
const depth = (): number => mark()?.depth ?? 0;
const note = (screen: Screen): void => history.replaceState({ screen, depth: depth() } satisfies Mark, '');

/** The screen before, for somebody whose history does not have it: after a reload, or on another device. */
const BEFORE: Partial<Record<Screen, Screen>> = {
  device: 'consent', document: 'consent', front: 'document', back: 'front', face: 'document', details: 'document', handoff: 'document',
};

function goBack(go: (screen: Screen, how?: 'push' | 'replace') => void, screen: Screen): void {
  if (depth() > 0) history.back();
  else go(BEFORE[screen] ?? 'consent', 'replace');
}

/** Looks whether another device has gone on. Often while this one follows along, else now and then. */
function useNews(session: Session, screen: Screen | null, isOn: boolean): void {
  useEffect(() => {
    if (!isOn || screen === null || screen === 'sending' || screen === 'outcome') return;
    const look = (): void => {
      if (document.visibilityState === 'visible' && navigator.onLine) void session.load('once');
    };
    const timer = setInterval(look, screen === 'handoff' ? FOLLOW : GLANCE);
    document.addEventListener('visibilitychange', look);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', look);
    };
  }, [session, screen, isOn]);
}

/** Says that the link has run out when it does, and not when the next call fails. */
function useEnd(session: Session, flow: Flow | null): void {
  const expires = flow?.step === 'outcome' ? null : (flow?.expires ?? null);
  useEffect(() => {
    if (!expires) return;
    const left = Date.parse(expires) - Date.now();
    // Longer than a timer can count: no link lives so long.
    if (!(left < 2 ** 31)) return;
    const timer = setTimeout(() => session.expire(), Math.max(0, left));
    return () => clearTimeout(timer);
  }, [session, expires]);
}

/** Asks before a page is closed that has something the server does not. */
function useUnsent(hasUnsent: boolean): void {
  useEffect(() => {
    if (!hasUnsent) return;
    const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
    window.addEventListener('beforeunload', ask);
    return () => window.removeEventListener('beforeunload', ask);
  }, [hasUnsent]);
}

// The root component: language, brand colours, token handover, and the choice between flow, code entry and error pages.
import { Component, type ReactNode, Suspense, lazy, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { BootData } from '../boot';
import type { Embedder } from '../flow/embedder';
import { type FlowAccess, storeHandover, openTabStorage, takeHandover } from '../flow/token';
import { type Language, type PageTexts, findTextDirection, loadTexts, createTranslator } from '../../shared/i18n';
import { FlowRoot } from './FlowRoot';
import { UiContext } from '../../shared/ui/context';
import { TroubleScreen } from './TroubleScreen';
import { applyBrandColours } from './branding';
import { PageContext } from './context';
import { LoadingScreen } from './LoadingScreen';

const CodeEntry = lazy(() => import('../steps/go/CodeEntry'));

interface PageRootProps {
  boot: BootData;
  embedder: Embedder;
  access: FlowAccess | null;
  code: string;
  language: Language;
  texts: PageTexts;
}

export function PageRoot({ boot, embedder, access: first, code, language: firstLanguage, texts: firstTexts }: PageRootProps) {
  const [access, setAccess] = useState(first);
  const [{ language, texts }, setWords] = useState({ language: firstLanguage, texts: firstTexts });
  const { announce, regions } = useAnnouncements();
  const hasMoved = useRef(false);
  const brand = boot.branding.name ?? 'Identivia';
  const t = useMemo(() => createTranslator(texts), [texts]);

  const setLanguage = useCallback((wanted: Language) => {
    void loadTexts(wanted).then((words) => setWords({ language: wanted, texts: words }));
  }, []);

  useEffect(() => {
    document.documentElement.lang = language;
    document.documentElement.dir = findTextDirection(language);
    document.title = `${t('app.title')} · ${brand}`;
  }, [language, t, brand]);

  useBrandColours(boot);
  useTokenHandover(access);

  const page = useMemo(
    () => ({ t, language, setLanguage, boot, embedder, brand, announce, hasMoved }),
    [t, language, setLanguage, boot, embedder, brand, announce],
  );

  const openFlow = (found: FlowAccess): void => {
    history.replaceState(null, '', `/${found.profile}`);
    setAccess(found);
  };

  return (
    <UiContext value={page}>
      <PageContext value={page}>
        <ErrorBoundary fallback={<TroubleScreen kind="bug" onRetry={() => location.reload()} />}>
          <Suspense fallback={<LoadingScreen />}>
            {access ? (
              <FlowRoot key={access.token} access={access} />
            ) : location.pathname === '/go' ? (
              <CodeEntry code={code} onAccess={openFlow} />
            ) : (
              <TroubleScreen kind={/^\/[a-z0-9]{15}\/?$/.test(location.pathname) ? 'reopen' : 'link'} />
            )}
          </Suspense>
        </ErrorBoundary>
        {regions}
      </PageContext>
    </UiContext>
  );
}

/** Catches errors while a screen renders or its code loads: the person sees a message and not a white page. */
class ErrorBoundary extends Component<{ fallback: ReactNode; children: ReactNode }> {
  override state = { isBroken: false };
  static getDerivedStateFromError(): { isBroken: boolean } {
    return { isBroken: true };
  }
  override render(): ReactNode {
    return this.state.isBroken ? this.props.fallback : this.props.children;
  }
}

function useAnnouncements() {
  const [said, setSaid] = useState({ next: '', now: '' });
  const announce = useCallback((text: string, when: 'next' | 'now' = 'next') => {
    // Screen readers read the same text again only if something differs.
    setSaid((before) => ({ ...before, [when]: before[when] === text ? `${text}\u00a0` : text }));
  }, []);
  const regions = (
    <div className="hidden">
      <p aria-live="polite">{said.next}</p>
      <p aria-live="assertive">{said.now}</p>
    </div>
  );
  return { announce, regions };
}

function useBrandColours({ branding }: BootData): void {
  useEffect(() => {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const repaint = (): void => applyBrandColours(branding, document.documentElement, dark.matches);
    repaint();
    dark.addEventListener('change', repaint);
    return () => dark.removeEventListener('change', repaint);
  }, [branding]);
}

/** While the page is visible the token is in memory only (docs/decisions/0014). */
function useTokenHandover(access: FlowAccess | null): void {
  useEffect(() => {
    if (!access) return;
    const place = { storage: openTabStorage(), now: Date.now };
    const leave = (): void => storeHandover(access, place);
    const look = (): void => {
      if (document.visibilityState === 'hidden') leave();
      else takeHandover(place);
    };
    const stay = (): void => void takeHandover(place);
    window.addEventListener('pagehide', leave);
    window.addEventListener('pageshow', stay);
    document.addEventListener('visibilitychange', look);
    return () => {
      window.removeEventListener('pagehide', leave);
      window.removeEventListener('pageshow', stay);
      document.removeEventListener('visibilitychange', look);
    };
  }, [access]);
}

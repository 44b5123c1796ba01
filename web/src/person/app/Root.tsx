// Everything around the flow: language, colours, the handover of a reload, and which of the few pages this is.
import { Component, type ReactNode, Suspense, lazy, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { Boot } from '../boot';
import { type Access, handOver, tabStore, takeHandover } from '../flow/token';
import { type Language, type Texts, direction, load, translator } from '../../shared/i18n';
import { FlowRoot } from './FlowRoot';
import { UiContext } from '../../shared/ui/context';
import { Trouble } from './Trouble';
import { paint } from './branding';
import { PageContext } from './context';
import { Loading } from './Loading';

const Go = lazy(() => import('../steps/go/Go'));

interface RootProps {
  boot: Boot;
  access: Access | null;
  code: string;
  language: Language;
  texts: Texts;
}

export function Root({ boot, access: first, code, language: firstLanguage, texts: firstTexts }: RootProps) {
  const [access, setAccess] = useState(first);
  const [{ language, texts }, setWords] = useState({ language: firstLanguage, texts: firstTexts });
  const { announce, regions } = useAnnouncements();
  const hasMoved = useRef(false);
  const brand = boot.branding.name ?? 'Identivia';
  const t = useMemo(() => translator(texts), [texts]);

  const setLanguage = useCallback((wanted: Language) => {
    void load(wanted).then((words) => setWords({ language: wanted, texts: words }));
  }, []);

  useEffect(() => {
    document.documentElement.lang = language;
    document.documentElement.dir = direction(language);
    document.title = `${t('app.title')} · ${brand}`;
  }, [language, t, brand]);

  useColours(boot);
  useHandover(access);

  const page = useMemo(
    () => ({ t, language, setLanguage, boot, brand, announce, hasMoved }),
    [t, language, setLanguage, boot, brand, announce],
  );

  const enter = (found: Access): void => {
    history.replaceState(null, '', `/${found.profile}`);
    setAccess(found);
  };

  return (
    <UiContext value={page}>
      <PageContext value={page}>
        <Fence fallback={<Trouble kind="bug" onRetry={() => location.reload()} />}>
          <Suspense fallback={<Loading />}>
            {access ? (
              <FlowRoot key={access.token} access={access} />
            ) : location.pathname === '/go' ? (
              <Go code={code} onAccess={enter} />
            ) : (
              <Trouble kind={/^\/[a-z0-9]{15}\/?$/.test(location.pathname) ? 'reopen' : 'link'} />
            )}
          </Suspense>
        </Fence>
        {regions}
      </PageContext>
    </UiContext>
  );
}

/** What goes wrong in drawing a screen, or in fetching its code, ends here and not in a white page. */
class Fence extends Component<{ fallback: ReactNode; children: ReactNode }> {
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
    // The same words twice are only read twice when something differs.
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

function useColours({ branding }: Boot): void {
  useEffect(() => {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const repaint = (): void => paint(branding, document.documentElement, dark.matches);
    repaint();
    dark.addEventListener('change', repaint);
    return () => dark.removeEventListener('change', repaint);
  }, [branding]);
}

/** While the page is looked at the token is in memory alone (docs/decisions/0014). */
function useHandover(access: Access | null): void {
  useEffect(() => {
    if (!access) return;
    const place = { storage: tabStore(), now: Date.now };
    const leave = (): void => handOver(access, place);
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

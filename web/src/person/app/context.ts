// What every part of the page can reach.
import { createContext, useContext } from 'react';
import type { Flow } from '../../shared/api/flow';
import type { Boot } from '../boot';
import type { Language, Translate } from '../../shared/i18n';
import type { Screen } from '../flow/screens';
import type { Session, Snapshot } from '../flow/session';

export interface Page {
  t: Translate;
  language: Language;
  setLanguage: (language: Language) => void;
  boot: Boot;
  /** Who asks for the verification, as the page calls them. */
  brand: string;
  /** Tells people who do not see the screen; `now` interrupts what is being read. */
  announce: (text: string, when?: 'next' | 'now') => void;
  /** False until the first screen has been left: a page that opens does not grab the focus. */
  hasMoved: { current: boolean };
}

export interface App extends Page {
  session: Session;
  snapshot: Snapshot;
  flow: Flow;
  screen: Screen;
  go: (screen: Screen, how?: 'push' | 'replace') => void;
}

export const PageContext = createContext<Page | null>(null);
export const FlowContext = createContext<Omit<App, keyof Page> | null>(null);

export function usePage(): Page {
  const page = useContext(PageContext);
  if (!page) throw new Error('outside of the page');
  return page;
}

export function useApp(): App {
  const page = usePage();
  const flow = useContext(FlowContext);
  if (!flow) throw new Error('outside of a flow');
  return { ...page, ...flow };
}

// The contexts of the person's page: `usePage` works everywhere, `useApp` inside a loaded flow.
import { createContext, useContext } from 'react';
import type { Flow } from '../../shared/api/flow';
import type { Ui } from '../../shared/ui/context';
import type { Boot } from '../boot';
import type { Screen } from '../flow/screens';
import type { Session, Snapshot } from '../flow/session';

export interface Page extends Ui {
  boot: Boot;
  /** The name of the organisation that asks for the verification. */
  brand: string;
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
  if (!page) throw new Error('usePage needs a PageContext above it');
  return page;
}

export function useApp(): App {
  const page = usePage();
  const flow = useContext(FlowContext);
  if (!flow) throw new Error('useApp needs a FlowContext above it');
  return { ...page, ...flow };
}

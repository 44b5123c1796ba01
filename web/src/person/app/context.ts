// The contexts of the person's page: `usePage` works everywhere, `useFlow` inside a loaded flow.
import { createContext, useContext } from 'react';
import type { FlowState } from '../../shared/api/flow';
import type { Ui } from '../../shared/ui/context';
import type { BootData } from '../boot';
import type { Embedder } from '../flow/embedder';
import type { ScreenName } from '../flow/screens';
import type { FlowSession, FlowSnapshot } from '../flow/session';

export interface PageValues extends Ui {
  boot: BootData;
  /** The site that shows this page in its frame or popup. */
  embedder: Embedder;
  /** The name of the organisation that asks for the verification. */
  brand: string;
}

export interface FlowValues extends PageValues {
  session: FlowSession;
  snapshot: FlowSnapshot;
  flow: FlowState;
  screen: ScreenName;
  go: (screen: ScreenName, how?: 'push' | 'replace') => void;
}

export const PageContext = createContext<PageValues | null>(null);
export const FlowContext = createContext<Omit<FlowValues, keyof PageValues> | null>(null);

export function usePage(): PageValues {
  const page = useContext(PageContext);
  if (!page) throw new Error('usePage needs a PageContext above it');
  return page;
}

export function useFlow(): FlowValues {
  const page = usePage();
  const flow = useContext(FlowContext);
  if (!flow) throw new Error('useFlow needs a FlowContext above it');
  return { ...page, ...flow };
}

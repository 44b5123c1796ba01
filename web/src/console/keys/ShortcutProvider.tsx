// Listens for shortcuts once for the whole console; pages say what their shortcuts do while they are shown.
import { createContext, useContext, useEffect, useMemo, useRef, useState } from 'react';
import type { ReactNode } from 'react';
import { ShortcutHelp } from './ShortcutHelp';
import { type ShortcutId, findShortcut, isField } from './shortcuts';

type Handlers = Partial<Record<ShortcutId, (index: number) => void>>;

interface Registry {
  add: (handlers: { current: Handlers }) => () => void;
  openHelp: () => void;
}

const RegistryContext = createContext<Registry>({ add: () => () => undefined, openHelp: () => undefined });

export const useShortcutHelp = (): (() => void) => useContext(RegistryContext).openHelp;

/** What shortcuts do while the caller is shown. The newest caller comes first. */
export function useShortcuts(handlers: Handlers): void {
  const { add } = useContext(RegistryContext);
  const current = useRef(handlers);
  current.current = handlers;
  useEffect(() => add(current), [add]);
}

export function ShortcutProvider({ isOn, children }: { isOn: boolean; children: ReactNode }) {
  const [isHelpOpen, setHelpOpen] = useState(false);
  const stack = useRef<{ current: Handlers }[]>([]);
  const registry = useMemo<Registry>(
    () => ({
      add: (handlers) => {
        stack.current.unshift(handlers);
        return () => {
          stack.current = stack.current.filter((each) => each !== handlers);
        };
      },
      openHelp: () => setHelpOpen(true),
    }),
    [],
  );
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const isDialogOpen = document.querySelector('[role=dialog], [role=alertdialog]') !== null;
      const hit = findShortcut(event, { isOn, isInField: isField(event.target as HTMLElement | null), isDialogOpen });
      if (!hit) return;
      const handlers = stack.current.find((each) => each.current[hit.id]);
      if (!handlers && hit.id !== 'help') return;
      event.preventDefault();
      if (hit.id === 'help') setHelpOpen(true);
      else handlers?.current[hit.id]?.(hit.index);
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [isOn]);
  return (
    <RegistryContext.Provider value={registry}>
      {children}
      <ShortcutHelp isOpen={isHelpOpen} onClose={() => setHelpOpen(false)} />
    </RegistryContext.Provider>
  );
}

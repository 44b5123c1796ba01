// The console of a signed-in user: routes, the warning before the session ends, and the dialog that confirms who they are.
import { RouterProvider } from '@tanstack/react-router';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { createContext, useContext, useEffect, useMemo, useState } from 'react';
import { signOut } from '../api/session';
import { IdleWarning } from './IdleWarning';
import { StepUpDialog } from './StepUpDialog';
import { ShortcutProvider } from '../keys/ShortcutProvider';
import { useMe } from './context';
import { followEvents } from './liveUpdates';
import { createConsoleRouter } from './router';
import type { SignOutNotice } from './Gate';

const SignOutContext = createContext<() => void>(() => undefined);
export const useSignOut = (): (() => void) => useContext(SignOutContext);

export function SignedIn({ leave }: { leave: (because: SignOutNotice['because']) => void }) {
  const me = useMe();
  const [router] = useState(createConsoleRouter);
  const client = useQueryClient();
  useEffect(() => followEvents(client), [client]);
  const out = useMutation({ mutationFn: signOut, onSettled: () => leave('chosen') });
  const { mutate } = out;
  const signOutNow = useMemo(() => () => mutate(), [mutate]);
  return (
    <SignOutContext.Provider value={signOutNow}>
      <ShortcutProvider isOn={me.shortcuts}>
        <RouterProvider router={router} />
        <IdleWarning onEnd={() => leave('idle')} onSignOut={signOutNow} />
        <StepUpDialog />
      </ShortcutProvider>
    </SignOutContext.Provider>
  );
}

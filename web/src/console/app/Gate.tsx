// The gate: shows the way in until a user is fully signed in, then the console.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type RefObject, useCallback, useEffect, useMemo, useState } from 'react';
import { readMe, readState } from '../api/session';
import { Spinner } from '../../shared/ui/parts';
import { matchLanguage } from '../../shared/i18n/language';
import { ErrorNote } from '../ui/ErrorNote';
import { EntryFrame } from '../pages/signin/EntryFrame';
import { EnrolFactor } from '../pages/signin/EnrolFactor';
import { EntryForm } from '../pages/signin/EntryForm';
import { SetupNeeded, SignIn } from '../pages/signin/SignIn';
import { FactorStep } from '../pages/signin/FactorStep';
import { MeContext, useConsole } from './context';
import type { EntryToken } from './entryToken';
import { chooseGateScreen } from './gateScreen';
import { startSessionClock, stopSessionClock } from './idle';
import { SignedIn } from './SignedIn';

export interface SignOutNotice {
  because: 'idle' | 'ended' | 'chosen';
}

export function Gate({ entry: firstEntry, onSignedOut }: { entry: EntryToken | null; onSignedOut: RefObject<() => void> }) {
  const client = useQueryClient();
  const [entry, setEntry] = useState(firstEntry);
  const [notice, setNotice] = useState<SignOutNotice | null>(null);
  const [stored, keepCodes] = useState<string[] | null>(null);
  const state = useQuery({ queryKey: ['state'], queryFn: readState, staleTime: Infinity, refetchOnWindowFocus: false });

  const leave = useCallback(
    (because: SignOutNotice['because']) => {
      stopSessionClock();
      setNotice({ because });
      keepCodes(null);
      client.removeQueries({ predicate: (query) => query.queryKey[0] !== 'state' });
      client.getMutationCache().clear();
      void client.resetQueries({ queryKey: ['state'] });
    },
    [client],
  );
  useEffect(() => {
    let last = 0;
    // Several calls fail together when a session ends, and one of them is enough to leave.
    onSignedOut.current = () => {
      if (Date.now() - last < 2_000) return;
      last = Date.now();
      leave('ended');
    };
  }, [onSignedOut, leave]);

  const goOn = useCallback(() => {
    setEntry(null);
    setNotice(null);
    if (/\/console\/(setup|invitation)/.test(location.pathname)) history.replaceState(null, '', '/console/');
    void client.invalidateQueries({ queryKey: ['state'] });
  }, [client]);
  const showCodes = useCallback(
    (codes: string[]) => {
      keepCodes(codes);
      goOn();
    },
    [goOn],
  );

  if (!state.data) return <EntryFrame>{state.error ? <ErrorNote error={state.error} onRetry={() => void state.refetch()} /> : <Spinner large />}</EntryFrame>;
  const screen = chooseGateScreen(state.data, entry, stored !== null);
  switch (screen) {
    case 'setup':
    case 'invitation':
      return <EntryForm key={screen} kind={screen} token={entry?.token ?? ''} providers={state.data.providers} onDone={goOn} />;
    case 'setup_needed':
      return <SetupNeeded providers={state.data.providers} />;
    case 'codes':
    case 'enrol_factor':
      return <EnrolFactor passkeys={state.data.passkeys} codes={stored} onCodes={showCodes} onDone={() => keepCodes(null)} />;
    case 'factor':
      return <FactorStep passkeys={state.data.passkeys} onDone={goOn} onBack={() => leave('chosen')} />;
    case 'sign_in':
      return <SignIn state={state.data} notice={notice} onDone={goOn} />;
    case 'console':
      return <Console leave={leave} />;
  }
}

function Console({ leave }: { leave: (because: SignOutNotice['because']) => void }) {
  const { setLanguage } = useConsole();
  const me = useQuery({ queryKey: ['me'], queryFn: readMe, staleTime: 60_000 });
  const session = me.data?.session;
  useEffect(() => {
    if (session) startSessionClock(session, me.dataUpdatedAt);
  }, [session, me.dataUpdatedAt]);
  const language = me.data?.language;
  useEffect(() => {
    if (language) setLanguage(matchLanguage([language]));
  }, [language, setLanguage]);
  const value = useMemo(() => me.data ?? null, [me.data]);
  if (!value) return <EntryFrame>{me.error ? <ErrorNote error={me.error} onRetry={() => void me.refetch()} /> : <Spinner large />}</EntryFrame>;
  return (
    <MeContext.Provider value={value}>
      <SignedIn leave={leave} />
    </MeContext.Provider>
  );
}

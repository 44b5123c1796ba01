// The console's root: texts and language, the query cache, messages, and the gate before everything else.
import { QueryClientProvider } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { findTextDirection, type Language } from '../../shared/i18n/language';
import { type ConsoleTexts, createConsoleTranslator, loadConsoleTexts } from '../i18n';
import { Messages, useMessages } from '../ui/Messages';
import { UiContext } from './context';
import type { EntryToken } from './entryToken';
import { Gate } from './Gate';
import { createQueryClient } from './queryClient';

export function ConsoleRoot({ entry, language: first, texts: firstTexts }: { entry: EntryToken | null; language: Language; texts: ConsoleTexts }) {
  const [{ language, texts }, setTexts] = useState({ language: first, texts: firstTexts });
  const messages = useMessages();
  const t = useMemo(() => createConsoleTranslator(texts), [texts]);
  const setLanguage = useCallback((next: Language) => {
    void loadConsoleTexts(next).then((loaded) => setTexts({ language: next, texts: loaded }));
  }, []);
  useEffect(() => {
    document.documentElement.lang = language;
    document.documentElement.dir = findTextDirection(language);
  }, [language]);

  const onSignedOut = useRef<() => void>(() => undefined);
  const [client] = useState(() => createQueryClient(() => onSignedOut.current()));

  const ui = useMemo(
    () => ({ t, language, setLanguage, announce: messages.announce, toast: messages.toast }),
    [t, language, setLanguage, messages.announce, messages.toast],
  );
  return (
    <UiContext.Provider value={ui}>
      <QueryClientProvider client={client}>
        <Gate entry={entry} onSignedOut={onSignedOut} />
        <Messages {...messages} />
      </QueryClientProvider>
    </UiContext.Provider>
  );
}

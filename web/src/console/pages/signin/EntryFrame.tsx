// The frame of every screen before the console: the mark, one card, and the choice of language.
import type { ReactNode } from 'react';
import { LANGUAGES, LANGUAGE_NAMES, type Language } from '../../../shared/i18n/language';
import { useConsole } from '../../app/context';
import { Mark } from '../../ui/icons';

export function EntryFrame({ title, children }: { title?: string; children: ReactNode }) {
  const { t, language, setLanguage } = useConsole();
  return (
    <div className="entry">
      <header className="entry-head">
        <Mark />
        <span>{t('app.console')}</span>
      </header>
      <main className="entry-card">
        {title && <h1>{title}</h1>}
        {children}
      </main>
      <footer className="entry-foot">
        <label>
          <span className="hidden">{t('account.language')}</span>
          <select value={language} onChange={(event) => setLanguage(event.target.value as Language)}>
            {LANGUAGES.map((each) => (
              <option key={each} value={each} lang={each}>
                {LANGUAGE_NAMES[each]}
              </option>
            ))}
          </select>
        </label>
      </footer>
    </div>
  );
}

// Entry point of the console: removes a link's token from the address bar first, then renders.
import { createRoot } from 'react-dom/client';
import { matchLanguage } from '../shared/i18n/language';
import { ConsoleRoot } from './app/ConsoleRoot';
import { takeEntryToken } from './app/entryToken';
import { applyTheme, readTheme } from './app/theme';
import { loadConsoleTexts } from './i18n';
import './styles/main.css';

const entry = takeEntryToken(window);
applyTheme(readTheme());
const language = matchLanguage(navigator.languages);

void loadConsoleTexts(language).then((texts) => {
  const root = document.getElementById('root');
  if (!root) throw new Error('console.html has no #root');
  createRoot(root).render(<ConsoleRoot entry={entry} language={language} texts={texts} />);
});

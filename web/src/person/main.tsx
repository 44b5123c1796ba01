// The start: the token leaves the address bar before anything else happens, then the page is drawn.
import { createRoot } from 'react-dom/client';
import { load, match } from '../shared/i18n';
import { readBoot } from './boot';
import { usable } from './app/branding';
import { Root } from './app/Root';
import { tabStore, takeAccess, takeCode } from './flow/token';
import './styles/base.css';

const place = { location, history, storage: tabStore(), now: Date.now };
const access = takeAccess(place);
const code = location.pathname === '/go' ? takeCode(place) : '';

const boot = readBoot(document.getElementById('boot')?.textContent);
const language = match(navigator.languages);

void load(language).then((texts) => {
  const root = document.getElementById('root');
  if (!root) throw new Error('index.html has no #root');
  createRoot(root).render(
    <Root boot={{ ...boot, branding: usable(boot.branding) }} access={access} code={code} language={language} texts={texts} />,
  );
});

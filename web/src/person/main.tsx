// Entry point of the person's page: removes the token from the address bar first, then renders the page.
import { createRoot } from 'react-dom/client';
import { loadTexts, matchLanguage } from '../shared/i18n';
import { parseBootData } from './boot';
import { keepValidBranding } from './app/branding';
import { PageRoot } from './app/PageRoot';
import { connectEmbedder } from './flow/embedder';
import { openTabStorage, takeAccess, takeCode } from './flow/token';
import './styles/main.css';

const place = { location, history, storage: openTabStorage(), now: Date.now };
const access = takeAccess(place);
const code = location.pathname === '/go' ? takeCode(place) : '';

const boot = parseBootData(document.getElementById('boot')?.textContent);
const embedder = connectEmbedder(window, boot.embed_origins);
const language = matchLanguage(navigator.languages);

void loadTexts(language).then((texts) => {
  const root = document.getElementById('root');
  if (!root) throw new Error('index.html has no #root');
  createRoot(root).render(
    <PageRoot
      boot={{ ...boot, branding: keepValidBranding(boot.branding) }}
      embedder={embedder}
      access={access}
      code={code}
      language={language}
      texts={texts}
    />,
  );
});

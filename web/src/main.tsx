import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { readBoot } from './boot';

const boot = readBoot(document.getElementById('boot')?.textContent);
const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root');

createRoot(root).render(
  <StrictMode>
    <main>{boot.branding.name ?? 'Identivia'}</main>
  </StrictMode>,
);

import { defineConfig } from '@playwright/test';
import type { StoreName } from './e2e/console/server/serverStore';

const CONSOLE = '**/console/*.spec.ts';
const CONSOLE_WITH_SERVER = '**/console/server/*.spec.ts';

// Uses Debian's Chromium and downloads none. One worker, for two cores: a camera needs them. `npm run e2e` gives the console two.
export default defineConfig<object, { store: StoreName }>({
  testDir: 'e2e',
  outputDir: 'test-results',
  workers: 1,
  // One retry: AWS's component has time limits (10 s to load, 5 s to draw) that a busy machine can miss.
  retries: 1,
  timeout: 300_000,
  expect: { timeout: 15_000 },
  reporter: [['list']],
  use: {
    launchOptions: {
      executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--force-prefers-reduced-motion'],
    },
    locale: 'en-GB',
    trace: 'retain-on-failure',
  },
  // The console with the real server runs once on each store.
  projects: [
    { name: 'person', testIgnore: [CONSOLE, CONSOLE_WITH_SERVER] },
    { name: 'console', testMatch: CONSOLE, fullyParallel: true },
    { name: 'sqlite', testMatch: CONSOLE_WITH_SERVER, timeout: 90_000, use: { store: 'sqlite', actionTimeout: 15_000 } },
    { name: 'postgres', testMatch: CONSOLE_WITH_SERVER, timeout: 90_000, use: { store: 'postgres', actionTimeout: 15_000 } },
  ],
});

import { defineConfig } from '@playwright/test';
import type { StoreName } from './e2e/console/server/serverStore';

// AWS's component has time limits (10 s to load, 5 s to draw), and the first paint has one.
const TIMED = ['**/aws.spec.ts', '**/performance.spec.ts'];
const CONSOLE = '**/console/*.spec.ts';
const CONSOLE_WITH_SERVER = '**/console/server/*.spec.ts';

// Uses Debian's Chromium and downloads none. Two workers, for two cores; `npm run e2e` runs what is timed with one.
export default defineConfig<object, { store: StoreName }>({
  testDir: 'e2e',
  outputDir: 'test-results',
  workers: 2,
  // One retry: a busy machine can miss a time limit.
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
    // Recording takes processor time: only a test that has failed is recorded, when it is tried again.
    trace: 'on-first-retry',
  },
  // The console with the real server runs once on each store.
  projects: [
    { name: 'timed', testMatch: TIMED },
    { name: 'person', testIgnore: [...TIMED, CONSOLE, CONSOLE_WITH_SERVER], fullyParallel: true },
    { name: 'console', testMatch: CONSOLE, fullyParallel: true },
    { name: 'sqlite', testMatch: CONSOLE_WITH_SERVER, timeout: 90_000, use: { store: 'sqlite', actionTimeout: 15_000 } },
    { name: 'postgres', testMatch: CONSOLE_WITH_SERVER, timeout: 90_000, use: { store: 'postgres', actionTimeout: 15_000 } },
  ],
});

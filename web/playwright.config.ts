import { defineConfig } from '@playwright/test';

// Uses Debian's Chromium and downloads none. One worker, for two cores.
export default defineConfig({
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
});

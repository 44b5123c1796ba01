import { defineConfig } from '@playwright/test';

// Debian's Chromium, not one that is fetched. Two cores: one worker.
export default defineConfig({
  testDir: 'e2e',
  outputDir: 'test-results',
  workers: 1,
  // AWS's component has limits of its own in seconds (10 to load, 5 to draw), which a busy machine can miss once.
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

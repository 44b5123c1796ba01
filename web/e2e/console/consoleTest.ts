// The test's page with a stand-in server. A page fails the test if it logs an error, breaks its policy or calls another host.
import { type Page, test as base } from '@playwright/test';
import { type StandIn, startStandIn } from './standIn';
import { shiftedNow } from './standInData';

export const PHONE = { width: 360, height: 740 };
export const COMPUTER = { width: 1440, height: 900 };

export const test = base.extend<{ standIn: StandIn; quiet: void }>({
  timezoneId: 'UTC',
  standIn: async ({ page }, use) => {
    const standIn = await startStandIn();
    await page.clock.install({ time: shiftedNow() });
    await use(standIn);
    await standIn.stop();
  },
  quiet: [
    async ({ page }, use) => {
      const complaints: string[] = [];
      page.on('pageerror', (error) => complaints.push(String(error)));
      page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type()) && !/Failed to load resource|net::ERR/.test(message.text())) complaints.push(message.text());
      });
      page.on('request', (request) => {
        const url = new URL(request.url());
        if (/^https?:$/.test(url.protocol) && url.hostname !== '127.0.0.1') complaints.push(`asked ${request.url()}`);
      });
      await use();
      if (complaints.length > 0) throw new Error(complaints.join('\n'));
    },
    { auto: true },
  ],
});

export { expect } from '@playwright/test';

/** Opens a path of the console, and waits until nothing loads any more. */
export async function openConsole(page: Page, standIn: StandIn, path: string): Promise<void> {
  await page.goto(`${standIn.url}/console${path}`);
  await page.waitForLoadState('networkidle');
}

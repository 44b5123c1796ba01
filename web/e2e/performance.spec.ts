// Performance: the size of the first load, the first paint on a slow connection, and layout shifts.
import { readFileSync, readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { PHONE, computeLayoutShift, recordLayoutShifts } from './flowSteps';
import { expect, findScreen, test } from './testServer';

const APP = resolve(import.meta.dirname, '../dist/app');
const BUDGET = 150 * 1024;

test('the first load is small', async ({ page, server }) => {
  const loaded = new Set<string>();
  page.on('request', (request) => loaded.add(new URL(request.url()).pathname));
  const person = await server.createPerson();
  await page.goto(person.url);
  await expect(findScreen(page, 'consent')).toBeVisible();
  const files = [...loaded].filter((path) => path.startsWith('/app/')).map((path) => path.slice(5));
  const bytes = files.reduce((sum, name) => sum + gzipSync(readFileSync(resolve(APP, name)), { level: 9 }).length, 0);
  console.log(`first load: ${Math.round(bytes / 1024)} KB gzipped in ${files.length} files, of ${readdirSync(APP).length}`);
  expect(bytes).toBeLessThan(BUDGET);
});

test('on slow 4G the first paint is within 1.5 s, and nothing shifts', async ({ page, server }) => {
  await page.setViewportSize(PHONE);
  const devtools = await page.context().newCDPSession(page);
  // Lighthouse's simulated slow 4G.
  await devtools.send('Network.enable');
  await devtools.send('Network.emulateNetworkConditions', { offline: false, latency: 150, downloadThroughput: (1.6 * 1024 * 1024) / 8, uploadThroughput: (750 * 1024) / 8 });
  await recordLayoutShifts(page);
  const person = await server.createPerson();
  await page.goto(person.url);
  await expect(findScreen(page, 'consent')).toBeVisible();
  const paint = await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Infinity);
  const shift = await computeLayoutShift(page);
  console.log(`first contentful paint ${Math.round(paint)} ms, layout shift ${shift.toFixed(3)}`);
  expect(paint).toBeLessThan(1_500);
  expect(shift).toBeLessThan(0.1);
});

import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';

const DIST = resolve(import.meta.dirname, '../../dist');
const BUDGET = 250 * 1024;

/** The files that the HTML names, and what those import statically. */
function findFirstFiles(html: string): Set<string> {
  const files = new Set<string>();
  const open = [...html.matchAll(/"\/app\/([^"]+)"/g)].map((found) => found[1] ?? '');
  while (open.length > 0) {
    const name = open.pop() ?? '';
    if (files.has(name)) continue;
    files.add(name);
    if (!name.endsWith('.js')) continue;
    const code = readFileSync(resolve(DIST, 'app', name), 'utf8');
    for (const found of code.matchAll(/(?:from|import)\s*"\.\/([^"]+)"/g)) open.push(found[1] ?? '');
  }
  return files;
}

// `make test-web` builds the pages first.
test.skipIf(!existsSync(resolve(DIST, 'console.html')))('the first load of the console is small', () => {
  const files = findFirstFiles(readFileSync(resolve(DIST, 'console.html'), 'utf8'));
  const bytes = [...files].reduce((sum, name) => sum + gzipSync(readFileSync(resolve(DIST, 'app', name)), { level: 9 }).length, 0);
  console.log(`first load of the console: ${Math.round(bytes / 1024)} KB gzipped in ${files.size} files`);
  expect([...files].filter((name) => name.endsWith('.js')).length).toBeGreaterThan(1);
  expect(bytes).toBeLessThan(BUDGET);
});

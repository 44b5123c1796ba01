import { expect, test } from 'vitest';
import { readDocsFiles } from '../scripts/api-docs';

test('the page at /docs loads nothing from elsewhere', () => {
  const files = readDocsFiles();
  const html = Buffer.from(files.get('index.html') ?? []).toString();
  const loaded = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, address]) => address ?? '');
  const names = loaded.filter((address) => address.startsWith('/docs/')).map((address) => address.slice('/docs/'.length));
  expect(names.sort()).toEqual([...files.keys()].filter((name) => name !== 'index.html').sort());
  expect(loaded.filter((address) => !address.startsWith('/docs/'))).toEqual(['data:,', '/openapi.json']);
});

import { expect, test } from 'vitest';
import { parseBootData } from '../src/person/boot';

test('a page without boot data has no branding', () => {
  for (const text of [null, '', '__BOOT__', 'null', '[]']) {
    expect(parseBootData(text)).toEqual({ branding: {}, fingerprint: null, processors: [], embed_origins: [] });
  }
});

test('the server’s boot data is used', () => {
  const text = '{"branding":{"name":"Shop"},"fingerprint":{"publicKey":"k"},"processors":["OpenAI"],"embed_origins":["https://shop.example"]}';
  expect(parseBootData(text)).toEqual({
    branding: { name: 'Shop' }, fingerprint: { publicKey: 'k' }, processors: ['OpenAI'], embed_origins: ['https://shop.example'],
  });
});

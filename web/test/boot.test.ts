import { expect, test } from 'vitest';
import { parseBootData } from '../src/person/boot';

test('a page without a boot is a page without branding', () => {
  for (const text of [null, '', '__BOOT__', 'null', '[]']) {
    expect(parseBootData(text)).toEqual({ branding: {}, fingerprint: null, processors: [] });
  }
});

test('what the server says is taken', () => {
  const text = '{"branding":{"name":"Shop"},"fingerprint":{"publicKey":"k"},"processors":["OpenAI"]}';
  expect(parseBootData(text)).toEqual({ branding: { name: 'Shop' }, fingerprint: { publicKey: 'k' }, processors: ['OpenAI'] });
});

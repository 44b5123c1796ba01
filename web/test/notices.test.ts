import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { notice, packageOf } from '../scripts/notices';

test('a module is known by the package it is from', () => {
  expect(packageOf('/a/node_modules/react/index.js')).toBe('/a/node_modules/react');
  expect(packageOf('/a/node_modules/x/node_modules/@aws-sdk/core/dist/i.js?v=1')).toBe('/a/node_modules/x/node_modules/@aws-sdk/core');
  expect(packageOf('\0/a/node_modules/react/index.js?commonjs-module')).toBe('/a/node_modules/react');
  expect(packageOf('/a/web/src/main.tsx')).toBeNull();
});

test('its licence goes with it', () => {
  const react = fileURLToPath(new URL('../node_modules/react', import.meta.url));
  expect(notice(react)).toMatch(/^react 19[^]*MIT License[^]*Permission is hereby granted/);
});

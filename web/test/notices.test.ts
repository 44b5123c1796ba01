import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { SWAGGER_UI, SWAGGER_UI_LICENCES, packageFolder } from '../scripts/api-docs';
import { findPackageFolder, readNotice } from '../scripts/notices';

test('a module of a package has that package’s folder', () => {
  expect(findPackageFolder('/a/node_modules/react/index.js')).toBe('/a/node_modules/react');
  expect(findPackageFolder('/a/node_modules/x/node_modules/@aws-sdk/core/dist/i.js?v=1')).toBe('/a/node_modules/x/node_modules/@aws-sdk/core');
  expect(findPackageFolder('\0/a/node_modules/react/index.js?commonjs-module')).toBe('/a/node_modules/react');
  expect(findPackageFolder('/a/web/src/main.tsx')).toBeNull();
});

test('a notice has the licence text', () => {
  const react = fileURLToPath(new URL('../node_modules/react', import.meta.url));
  expect(readNotice(react)).toMatch(/^react 19[^]*MIT License[^]*Permission is hereby granted/);
});

test('the notice of Swagger UI has its licence and those of what it contains', () => {
  const text = readNotice(packageFolder(SWAGGER_UI), [SWAGGER_UI_LICENCES]);
  expect(text).toMatch(/^swagger-ui-dist 5[^]*Apache License[^]*SmartBear[^]*Jed Watson/);
});

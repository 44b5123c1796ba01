// Builds the loader script for sites that embed the person's page: src/embed/loader.ts, without types and minified, as dist/embed/v1.js.
// A Vite plugin, for the build and for Vite's own server. The name has no hash: sites name it in their pages.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Plugin, minifySync, transformWithOxc } from 'vite';

const SOURCE = fileURLToPath(new URL('../src/embed/loader.ts', import.meta.url));
const FILE_NAME = 'embed/v1.js';
/** Browsers that have no modules of 2022 can run a site, and then say that they cannot open the page itself. */
const TARGET = 'es2018';
const BANNER = '/*! Identivia: loader for sites that embed the verification page, messages version 1 (Apache-2.0) */';

export function embedLoader(): Plugin {
  return {
    name: 'embed-loader',
    configureServer(server) {
      server.middlewares.use(`/${FILE_NAME}`, (_request, response, next) => {
        buildEmbedLoader().then((code) => {
          response.setHeader('Content-Type', 'text/javascript');
          response.end(code);
        }, next);
      });
    },
    async generateBundle() {
      this.emitFile({ type: 'asset', fileName: FILE_NAME, source: await buildEmbedLoader() });
    },
  };
}

/** The script as it is served. */
export async function buildEmbedLoader(): Promise<string> {
  const { code } = await transformWithOxc(readFileSync(SOURCE, 'utf8'), SOURCE, { target: TARGET });
  const minified = minifySync(SOURCE, code, { compress: { target: TARGET } });
  if (minified.errors.length > 0) throw new Error(minified.errors.map((error) => error.message).join('\n'));
  return `${BANNER}\n${minified.code}\n`;
}

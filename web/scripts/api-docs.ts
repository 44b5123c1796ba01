// Builds the API documentation page at /docs: our own HTML, style and start script from src/docs/, and Swagger UI from its npm package.
// A Vite plugin, for the build (dist/docs/) and for Vite's own server. Names have no hash: browsers ask again after an hour.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';

export const SWAGGER_UI = 'swagger-ui-dist';
/** The licences of what Swagger UI itself is bundled from. */
export const SWAGGER_UI_LICENCES = 'swagger-ui-bundle.js.LICENSE.txt';

const OWN_FOLDER = fileURLToPath(new URL('../src/docs', import.meta.url));
const OWN_FILES = ['index.html', 'docs.js', 'docs.css'];
const SWAGGER_UI_FILES = ['swagger-ui-bundle.js', 'swagger-ui.css'];
const MEDIA_TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };

export function apiDocs(): Plugin {
  return {
    name: 'api-docs',
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const url = (request.url ?? '').replace(/[?#].*$/, '');
        const name = url === '/docs' ? 'index.html' : url.replace(/^\/docs\//, '');
        const file = url.startsWith('/docs') ? readDocsFiles().get(name) : undefined;
        if (!file) return next();
        response.setHeader('Content-Type', MEDIA_TYPES[path.extname(name)] ?? 'application/octet-stream');
        response.end(file);
      });
    },
    generateBundle() {
      for (const [name, source] of readDocsFiles()) this.emitFile({ type: 'asset', fileName: `docs/${name}`, source });
    },
  };
}

/** Every file of the page, by the name that the server gives it below /docs/. */
export function readDocsFiles(): Map<string, Uint8Array> {
  const swaggerUi = packageFolder(SWAGGER_UI);
  const own = OWN_FILES.map((name) => [name, readFileSync(path.join(OWN_FOLDER, name))] as const);
  const theirs = SWAGGER_UI_FILES.map((name) => [name, readFileSync(path.join(swaggerUi, name))] as const);
  return new Map([...own, ...theirs]);
}

export function packageFolder(name: string): string {
  return path.dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
}

import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';
import { SWAGGER_UI, SWAGGER_UI_LICENCES, apiDocs, packageFolder } from './scripts/api-docs.ts';
import { awsAssets } from './scripts/aws-assets.ts';
import { embedLoader } from './scripts/embed-loader.ts';
import { writeNotices } from './scripts/notices.ts';

const SERVER = process.env['IDENTIVIA_URL'] ?? 'http://127.0.0.1:8000';

// The server serves dist/index.html at /<profile id> and /go, dist/console.html below /console, dist/docs at /docs, dist/embed at /embed/, and dist/app at /app/.
// Names in dist/app have a hash: browsers keep those files for ever.
export default defineConfig({
  plugins: [react(), awsAssets(), apiDocs(), embedLoader(), writeNotices([{ folder: packageFolder(SWAGGER_UI), licences: [SWAGGER_UI_LICENCES] }])],
  base: '/',
  build: {
    assetsDir: 'app',
    target: 'es2022',
    // The page's policy allows data: URLs for pictures only, and a file of its own is cached once for all languages.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      input: ['index.html', 'console.html'],
      // What both applications share, and what every page of the console needs, are few files: each request costs a round trip.
      output: {
        codeSplitting: {
          groups: [
            { name: 'react', test: /node_modules[\\/](react|react-dom|scheduler)[\\/]|vite[\\/]preload-helper/, priority: 3 },
            { name: 'shared', test: /src[\\/]shared[\\/](api[\\/](client|retry)|i18n[\\/](language|translate|format)|ui[\\/]parts)\.tsx?$/, priority: 2 },
            { name: 'console', test: /src[\\/]console[\\/](app|api|keys|ui)[\\/]/, priority: 1 },
          ],
        },
      },
    },
  },
  server: { proxy: { '/api': SERVER, '/openapi.json': SERVER } },
  test: { include: ['test/**/*.test.ts'], environment: 'node' },
});

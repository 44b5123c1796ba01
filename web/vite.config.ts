import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';
import { awsAssets } from './scripts/aws-assets.ts';
import { notices } from './scripts/notices.ts';

const SERVER = process.env['IDENTIVIA_URL'] ?? 'http://127.0.0.1:8000';

// The server serves dist/index.html at /<profile id> and /go, and everything in dist/app at /app/: hashed names, kept for ever.
export default defineConfig({
  plugins: [react(), awsAssets(), notices()],
  base: '/',
  build: {
    assetsDir: 'app',
    target: 'es2022',
    // The page's policy allows no data: URL but for pictures, and a file of its own is cached once for all languages.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { '/api': SERVER } },
  test: { include: ['test/**/*.test.ts'], environment: 'node' },
});

// Serves the test page of AWS's face step as the server serves its page: with the same policy, and a real server's API behind it.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { build } from 'vite';
import { awsAssets } from '../../scripts/aws-assets';

const MEDIA_TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
};

export interface TestSite {
  url: string;
  close(): Promise<void>;
}

export function buildPolicy(stream: string): string {
  return [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "media-src 'self' blob:",
    "font-src 'self'",
    `connect-src 'self' ${stream}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

export async function startTestSite(api: string, stream: string): Promise<TestSite> {
  const folder = await mkdtemp(path.join(tmpdir(), 'identivia-stage.'));
  await build({
    configFile: false,
    logLevel: 'warn',
    root: fileURLToPath(new URL('.', import.meta.url)),
    plugins: [react(), awsAssets()],
    build: { outDir: folder, emptyOutDir: true, assetsDir: 'app', target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  });
  const server = http.createServer((request, response) => void serveFile(request, response).catch(() => response.writeHead(500).end()));

  async function serveFile(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    if (/^\/(api\/|livez)/.test(pathname)) return forwardToServer(api, request, response);
    const name = pathname === '/' ? '/index.html' : path.normalize(pathname);
    const file = await readFile(path.join(folder, name)).catch(() => undefined);
    const headers = { 'Content-Type': MEDIA_TYPES[path.extname(name)] ?? 'application/octet-stream', 'X-Content-Type-Options': 'nosniff' };
    if (name.startsWith('/app/')) Object.assign(headers, { 'Cache-Control': 'public, max-age=31536000, immutable' });
    if (name === '/index.html') {
      Object.assign(headers, { 'Content-Security-Policy': buildPolicy(stream), 'Permissions-Policy': 'camera=(self)' });
    }
    response.writeHead(file ? 200 : 404, headers).end(file);
  }

  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
      await rm(folder, { recursive: true });
    },
  };
}

function forwardToServer(api: string, request: http.IncomingMessage, response: http.ServerResponse): void {
  const { host: _, ...headers } = request.headers;
  const onward = http.request(new URL(request.url ?? '/', api), { method: request.method ?? 'GET', headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  onward.on('error', () => response.writeHead(502).end());
  request.pipe(onward);
}

// A shop's site on an origin of its own, which embeds the person's page with the real loader script.
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FrameLocator, Page } from '@playwright/test';

export interface ShopSite {
  /** Its origin by the name `localhost`: another site than the server's 127.0.0.1. */
  origin: string;
  /** The same pages at an origin that is not on any list. */
  otherOrigin: string;
  stop(): Promise<void>;
}

export interface ShopMessage {
  source: string;
  version: number;
  type: string;
  [detail: string]: unknown;
}

/** The policy that docs/embedding.md gives for the shop's page. Its pictures are those of the fake camera, which is in every window. */
const policy = (identivia: string): string =>
  `default-src 'self'; script-src 'self' ${identivia}; frame-src ${identivia}; style-src 'self'; img-src data:; base-uri 'none'`;

const HTML = (identivia: string): string => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Shop</title>
    <link rel="stylesheet" href="/shop.css" />
    <script src="${identivia}/embed/v1.js"></script>
    <script src="/shop.js" defer></script>
  </head>
  <body>
    <h1>Shop</h1>
    <button id="popup">Verify in a window</button>
    <div id="verify"></div>
  </body>
</html>`;

const CSS = 'body { margin: 0; font-family: sans-serif } h1 { margin: 12px; font-size: 18px } #verify { height: calc(100dvh - 90px) }';

/** The shop's own script. The test puts the link into the window: a real shop's server writes it. */
const SCRIPT = `
window.messages = [];
window.heard = [];
window.closings = 0;
window.addEventListener('message', (event) => heard.push(JSON.stringify(event.data)));
const options = () => ({ link: window.link, onMessage: (message) => messages.push(message), onClose: () => { window.closings += 1; } });
window.openFrame = () => { window.handle = Identivia.open({ ...options(), container: '#verify', title: 'Verify with Nordlicht' }); };
document.getElementById('popup').addEventListener('click', () => { window.handle = Identivia.popup(options()); });
`;

export async function startShop(identivia: string): Promise<ShopSite> {
  const server = createServer((request, response) => {
    response.setHeader('Content-Security-Policy', policy(identivia));
    const [type, body] = request.url === '/shop.js' ? ['text/javascript', SCRIPT] : request.url === '/shop.css' ? ['text/css', CSS] : ['text/html', HTML(identivia)];
    response.setHeader('Content-Type', type);
    response.end(body);
  });
  await listen(server);
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://localhost:${port}`,
    otherOrigin: `http://127.0.0.1:${port}`,
    stop: () => new Promise((resolve) => { server.closeAllConnections(); server.close(() => resolve()); }),
  };
}

const listen = (server: Server): Promise<void> => new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

type ShopWindow = Window & { link: string; messages: ShopMessage[]; heard: string[]; closings: number; openFrame(): void; handle: { close(): void } };

export async function openShop(page: Page, origin: string, link: string): Promise<void> {
  await page.goto(origin);
  await page.evaluate((given) => void ((window as unknown as ShopWindow).link = given), link);
}

export async function openFrame(page: Page): Promise<FrameLocator> {
  await page.evaluate(() => (window as unknown as ShopWindow).openFrame());
  return page.frameLocator('#verify iframe');
}

export const closeHandle = (page: Page): Promise<void> => page.evaluate(() => (window as unknown as ShopWindow).handle.close());
export const countClosed = (page: Page): Promise<number> => page.evaluate(() => (window as unknown as ShopWindow).closings);
/** What the loader gave to the shop. */
export const readMessages = (page: Page): Promise<ShopMessage[]> => page.evaluate(() => (window as unknown as ShopWindow).messages);
/** Every message that arrived in the shop's window, as text. */
export const readHeard = (page: Page): Promise<string[]> => page.evaluate(() => (window as unknown as ShopWindow).heard);

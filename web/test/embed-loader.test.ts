import { runInNewContext } from 'node:vm';
import { beforeAll, describe, expect, test } from 'vitest';
import { buildEmbedLoader } from '../scripts/embed-loader';

const LINK = 'https://id.example/abc123def456ghi?token=secret';
const MAX_BYTES = 3 * 1024;

let script = '';
beforeAll(async () => {
  script = await buildEmbedLoader();
});

test('the script has at most 3 KB and is no module', () => {
  expect(Buffer.byteLength(script)).toBeLessThanOrEqual(MAX_BYTES);
  expect(script).not.toMatch(/\b(import|export)\b/);
});

/** A site's page, as far as the script uses it. */
function openSite({ blocksPopups = false } = {}) {
  const listeners = new Set<(event: unknown) => void>();
  const timers: (() => void)[] = [];
  const posted: unknown[] = [];
  const page = {
    closed: false,
    close: () => void (page.closed = true),
    focus: () => undefined,
    location: { href: 'https://id.example/abc123def456ghi', replace: (link: string) => void posted.push({ replaced: link }) },
    postMessage: (message: unknown, origin: unknown) => void posted.push({ message, origin }),
  };
  const frame = { isConnected: true, style: {}, contentWindow: page, remove: () => void (frame.isConnected = false), focus: () => void posted.push('focus') } as Record<string, unknown>;
  const world: Record<string, any> = {
    URL, Promise, TypeError,
    document: { createElement: () => frame, querySelector: (query: string) => (query === '#here' ? { append: () => undefined } : null) },
    addEventListener: (_type: string, listener: (event: unknown) => void) => void listeners.add(listener),
    removeEventListener: (_type: string, listener: (event: unknown) => void) => void listeners.delete(listener),
    setInterval: (tick: () => void) => timers.push(tick),
    clearInterval: () => void timers.splice(0),
    open: () => (blocksPopups ? null : page),
  };
  world['window'] = world;
  runInNewContext(script, world);
  const tick = (times = 1): void => { for (let i = 0; i < times; i += 1) timers.forEach((each) => each()); };
  const send = (data: unknown, origin = 'https://id.example', source: unknown = page): void => listeners.forEach((listen) => listen({ data, origin, source }));
  const messages: any[] = [];
  let closed = 0;
  const options = { link: LINK, container: '#here', onMessage: (message: unknown) => void messages.push(message), onClose: () => void (closed += 1) };
  return { identivia: world['Identivia'], options, page, frame, posted, messages, tick, send, listeners, countClosed: () => closed };
}

const message = (type: string, more: object = {}) => ({ source: 'identivia', version: 1, type, ...more });

describe('a frame', () => {
  test('may use the camera, has a name, and keeps the token out of its attributes', () => {
    const { identivia, options, frame, posted } = openSite();
    identivia.open(options);
    expect(frame).toMatchObject({ title: 'Identity verification', allow: 'camera https://id.example; fullscreen https://id.example' });
    expect(posted).toEqual([{ replaced: LINK }]);
    expect(JSON.stringify({ ...frame, contentWindow: null })).not.toContain('secret');
  });

  test('is greeted at the link’s origin only, and gets the focus once it is ready', () => {
    const { identivia, options, posted, messages, tick, send } = openSite();
    identivia.open({ ...options, title: 'Ausweis' });
    tick();
    expect(posted.at(-1)).toEqual({ message: message('hello'), origin: 'https://id.example' });
    send(message('ready'));
    expect(posted.at(-1)).toBe('focus');
    send(message('ready'));
    expect(posted.filter((each) => each === 'focus')).toHaveLength(1);
    expect(messages).toEqual([message('ready'), message('ready')]);
  });

  test('is heard only from its window and origin, in this version', () => {
    const { identivia, options, messages, send } = openSite();
    identivia.open(options);
    send(message('submitted'), 'https://evil.example');
    send(message('submitted'), 'https://id.example', {});
    send({ ...message('submitted'), version: 2 });
    send({ ...message('submitted'), source: 'other' });
    send(null);
    send('submitted');
    expect(messages).toEqual([]);
    send(message('submitted'));
    expect(messages).toEqual([message('submitted')]);
  });

  test('that is not ready in 30 seconds is reported once', () => {
    const { identivia, options, messages, tick } = openSite();
    identivia.open(options);
    tick(59);
    expect(messages).toEqual([]);
    tick(60);
    expect(messages).toEqual([message('error', { code: 'not_ready' })]);
  });

  test('ends with close, or when the site removes it', () => {
    for (const end of ['close', 'remove'] as const) {
      const { identivia, options, frame, listeners, tick, send, countClosed, messages } = openSite();
      const handle = identivia.open(options);
      send(message('ready'));
      if (end === 'close') handle.close();
      else (frame['remove'] as () => void)();
      tick();
      handle.close();
      expect([frame['isConnected'], listeners.size, countClosed()]).toEqual([false, 0, 1]);
      expect(messages).toHaveLength(1);
    }
  });

  test('needs a container and a web link', () => {
    const { identivia, options } = openSite();
    expect(() => identivia.open({ ...options, container: '#elsewhere' })).toThrow('no such container');
    for (const link of ['javascript:alert(1)', 'data:text/html,x', 'not a link']) {
      expect(() => identivia.open({ ...options, link })).toThrow();
      expect(() => identivia.popup({ ...options, link })).toThrow();
    }
  });
});

describe('a popup', () => {
  test('is greeted once it shows another page, and its end is reported', () => {
    const { identivia, options, page, posted, messages, tick, send, countClosed } = openSite();
    page.location.href = 'about:blank';
    identivia.popup(options);
    tick();
    expect(posted).toEqual([]);
    page.location.href = 'https://id.example/abc123def456ghi';
    tick();
    expect(posted).toEqual([{ message: message('hello'), origin: 'https://id.example' }]);
    send(message('ready'));
    page.closed = true;
    tick();
    expect([messages, countClosed()]).toEqual([[message('ready')], 1]);
  });

  test('that is closed or cut off before it is ready is an error', () => {
    const { identivia, options, page, messages, tick } = openSite();
    identivia.popup(options);
    page.closed = true;
    tick();
    expect(messages).toEqual([message('error', { code: 'not_ready' })]);
  });

  test('that the browser blocks is an error', async () => {
    const { identivia, options, messages } = openSite({ blocksPopups: true });
    identivia.popup(options).close();
    await Promise.resolve();
    expect(messages).toEqual([message('error', { code: 'popup_blocked' })]);
  });
});

import { describe, expect, test } from 'vitest';
import { type EmbedEnvironment, connectEmbedder } from '../src/person/flow/embedder';

const SHOP = 'https://shop.example';
const HELLO = { source: 'identivia', version: 1, type: 'hello' };

interface Posted {
  message: unknown;
  origin: unknown;
}

function openPlace(how: 'frame' | 'popup' | 'tab') {
  const posted: Posted[] = [];
  const site = { postMessage: (message: unknown, origin?: unknown) => void posted.push({ message, origin }) };
  const self = { postMessage: () => { throw new Error('the page posts to itself'); } };
  const listeners: ((event: { source: unknown; origin: string; data: unknown }) => void)[] = [];
  const place = {
    self,
    parent: how === 'frame' ? site : self,
    opener: how === 'popup' ? site : null,
    addEventListener: (_type: string, listener: (typeof listeners)[number]) => void listeners.push(listener),
  } as unknown as EmbedEnvironment;
  const greet = (origin: string, source: unknown = site, data: unknown = HELLO): void => listeners.forEach((listen) => listen({ source, origin, data }));
  return { place, posted, greet };
}

describe.each(['frame', 'popup'] as const)('a page in a %s', (how) => {
  test('posts to the origin that greeted it, and to no other', () => {
    const { place, posted, greet } = openPlace(how);
    const embedder = connectEmbedder(place, ['https://other.example', SHOP]);
    expect(embedder.isFramed).toBe(how === 'frame');
    embedder.post({ type: 'step', step: 'consent' });
    expect(posted).toEqual([]);
    greet(SHOP);
    embedder.post({ type: 'submitted' });
    expect(posted).toEqual([
      { message: { source: 'identivia', version: 1, type: 'ready' }, origin: SHOP },
      { message: { source: 'identivia', version: 1, type: 'step', step: 'consent' }, origin: SHOP },
      { message: { source: 'identivia', version: 1, type: 'submitted' }, origin: SHOP },
    ]);
    greet(SHOP);
    greet('https://other.example');
    embedder.post({ type: 'expired' });
    expect(posted.slice(3)).toEqual([{ message: { source: 'identivia', version: 1, type: 'expired' }, origin: SHOP }]);
  });

  test('does not answer other origins, other windows and other messages', () => {
    const { place, posted, greet } = openPlace(how);
    const embedder = connectEmbedder(place, [SHOP]);
    embedder.post({ type: 'submitted' });
    for (const origin of ['https://evil.example', 'http://shop.example', `${SHOP}.evil.example`, `${SHOP}:8443`, 'null', '']) greet(origin);
    greet(SHOP, { postMessage: () => undefined });
    greet(SHOP, null);
    for (const data of [null, 'hello', {}, { ...HELLO, source: 'other' }, { ...HELLO, version: 2 }, { ...HELLO, type: 'ready' }]) greet(SHOP, undefined, data);
    expect(posted).toEqual([]);
  });

  test('keeps the newest messages until it is greeted', () => {
    const { place, posted, greet } = openPlace(how);
    const embedder = connectEmbedder(place, [SHOP]);
    for (let i = 0; i < 30; i += 1) embedder.post({ type: 'step', step: 'document' });
    embedder.post({ type: 'submitted' });
    greet(SHOP);
    expect(posted).toHaveLength(21);
    expect(posted.at(-1)?.message).toMatchObject({ type: 'submitted' });
  });
});

test('a page that no site may embed, or that is in a tab of its own, listens to nobody', () => {
  for (const [how, origins] of [['frame', []], ['popup', []], ['tab', [SHOP]]] as const) {
    const { place, posted, greet } = openPlace(how);
    const embedder = connectEmbedder(place, origins);
    greet(SHOP);
    embedder.post({ type: 'submitted' });
    expect(posted).toEqual([]);
  }
});

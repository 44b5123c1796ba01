// The site that shows this page in its frame or popup: which one it is, and the messages to it (docs/embedding.md). No message holds the
// token or anything about the person.
import type { FlowStep } from '../../shared/api/flow';
import type { OutcomeWord } from './outcomeWord';

export type EmbedErrorCode = 'invalid_link' | 'access_lost' | 'server_failed' | 'page_failed' | 'camera_unavailable';

export type EmbedMessage =
  | { type: 'step'; step: Exclude<FlowStep, 'outcome'> }
  | { type: 'submitted' }
  | { type: 'outcome'; outcome: OutcomeWord }
  | { type: 'expired' }
  | { type: 'error'; code: EmbedErrorCode };

export interface Embedder {
  /** Whether the page is in a frame, where it must not navigate away from under the site. */
  isFramed: boolean;
  /** Posts a message to the site; keeps it until the site is known. Without a site nothing happens. */
  post(message: EmbedMessage): void;
}

type EmbeddingWindow = Pick<Window, 'postMessage'>;

/** The browser's objects that this module uses; tests replace them. */
export interface EmbedEnvironment {
  self: unknown;
  parent: EmbeddingWindow;
  opener: EmbeddingWindow | null;
  addEventListener(type: 'message', listener: (event: Pick<MessageEvent, 'source' | 'origin' | 'data'>) => void): void;
}

const MARK = { source: 'identivia', version: 1 } as const;
/** The most messages that are kept until the site is known; of more, the newest. */
const MAX_KEPT = 20;

/**
 * Waits for the greeting of the site that embeds this page. Browsers name the origin of a message's sender, and no page can choose it:
 * the greeting counts only from the parent or opener itself, and from an origin that may embed. Every message goes to that origin alone.
 */
export function connectEmbedder(place: EmbedEnvironment, origins: readonly string[]): Embedder {
  const isFramed = place.parent !== place.self;
  const site = isFramed ? place.parent : place.opener;
  if (!site || origins.length === 0) return { isFramed, post: () => undefined };

  let origin: string | null = null;
  const kept: EmbedMessage[] = [];
  const send = (message: EmbedMessage | { type: 'ready' }): void => {
    if (origin !== null) site.postMessage({ ...MARK, ...message }, origin);
  };
  place.addEventListener('message', (event) => {
    if (origin !== null || event.source !== site || !origins.includes(event.origin) || !isGreeting(event.data)) return;
    origin = event.origin;
    send({ type: 'ready' });
    for (const message of kept.splice(0)) send(message);
  });
  return {
    isFramed,
    post(message) {
      if (origin !== null) return send(message);
      kept.push(message);
      if (kept.length > MAX_KEPT) kept.shift();
    },
  };
}

function isGreeting(data: unknown): boolean {
  const message = data as { source?: unknown; version?: unknown; type?: unknown } | null;
  return message?.source === MARK.source && message.version === MARK.version && message.type === 'hello';
}

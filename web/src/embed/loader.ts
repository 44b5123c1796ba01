// The loader script for sites that embed the person's page (docs/embedding.md): shows a link in a frame or a popup, and passes the
// page's messages on. A classic script of at most 3 KB without imports: the build makes dist/embed/v1.js from this file alone.

((site: { Identivia?: unknown }) => {
  interface EmbedOptions {
    /** The `url` that `create` gave. It holds the person's token, so it is put into no attribute and no message. */
    link: string;
    onMessage?: (message: Record<string, unknown>) => void;
    /** Called once, when the frame or the popup is gone. */
    onClose?: () => void;
  }

  interface FrameOptions extends EmbedOptions {
    container: Element | string;
    /** The frame's name for screen readers. */
    title?: string;
  }

  interface EmbedHandle {
    close(): void;
  }

  const MARK = { source: 'identivia', version: 1 };
  /** How often the page is greeted, in milliseconds. It answers the first greeting after each load. */
  const GREET_INTERVAL = 500;
  /** How long the page may take until it is ready, in milliseconds. */
  const READY_TIMEOUT = 30_000;

  function readOrigin(link: string): string {
    const url = new URL(link);
    // Any other scheme would run in the site's own page.
    if (!/^https?:$/.test(url.protocol)) throw new TypeError('Identivia: the link must be the url that create gave');
    return url.origin;
  }

  function isBlank(page: Window): boolean {
    try {
      return page.location.href === 'about:blank';
    } catch {
      return false; // Another origin's page.
    }
  }

  function reportError(options: EmbedOptions, code: string): void {
    options.onMessage?.({ ...MARK, type: 'error', code });
  }

  /** Greets the page until it is gone, and passes its messages on. */
  function connectPage(page: Window, options: EmbedOptions, isGone: () => boolean, remove: () => void, onReady: () => void): EmbedHandle {
    const origin = readOrigin(options.link);
    let timeLeft = READY_TIMEOUT;
    let isReady = false;

    const receive = (event: MessageEvent): void => {
      const message = event.data as Record<string, unknown> | null;
      const isOurs = event.source === page && event.origin === origin && message?.['source'] === MARK.source && message['version'] === MARK.version;
      if (!isOurs) return;
      if (message['type'] === 'ready' && !isReady) {
        isReady = true;
        onReady();
      }
      options.onMessage?.(message);
    };
    const close = (): void => {
      clearInterval(timer);
      removeEventListener('message', receive);
      remove();
      options.onClose?.();
      options = { link: '' };
    };
    const timer = setInterval(() => {
      timeLeft -= GREET_INTERVAL;
      const gone = isGone();
      if (!isReady && (gone || timeLeft === 0)) reportError(options, 'not_ready');
      if (gone) close();
      else if (!isBlank(page)) page.postMessage({ ...MARK, type: 'hello' }, origin);
    }, GREET_INTERVAL);
    addEventListener('message', receive);
    return { close };
  }

  function open(options: FrameOptions): EmbedHandle {
    const { link, container, title } = options;
    const origin = readOrigin(link);
    const place = typeof container === 'string' ? document.querySelector(container) : container;
    if (!place) throw new TypeError('Identivia.open: there is no such container');
    const frame = document.createElement('iframe');
    frame.title = title || 'Identity verification';
    frame.allow = `camera ${origin}; fullscreen ${origin}`;
    frame.style.cssText = 'border:0;width:100%;height:100%;min-height:640px';
    place.append(frame);
    const page = frame.contentWindow as Window;
    // Not as `src`: scripts that record the site's page would record the token with it.
    page.location.replace(link);
    return connectPage(page, options, () => !frame.isConnected, () => frame.remove(), () => frame.focus());
  }

  function popup(options: EmbedOptions): EmbedHandle {
    readOrigin(options.link);
    const page = window.open(options.link, '_blank', 'popup,width=480,height=800');
    if (page) return connectPage(page, options, () => page.closed, () => page.close(), () => page.focus());
    void Promise.resolve().then(() => reportError(options, 'popup_blocked'));
    return { close: () => undefined };
  }

  site.Identivia = { open, popup };
})(window as { Identivia?: unknown });

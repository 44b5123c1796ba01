// Lets one tab work at a time: the one that the person opened or chose last.

export interface TabWatch {
  /** This tab works from now on; the others stop. */
  claim(): void;
  close(): void;
}

interface TabChannel {
  postMessage(message: unknown): void;
  addEventListener(type: 'message', listener: (event: MessageEvent) => void): void;
  close(): void;
}

export function watchTabs(profile: string, onTaken: () => void, open = openChannel): TabWatch {
  const channel = open(`identivia.${profile}`);
  channel?.addEventListener('message', (event) => {
    if (event.data === 'claim') onTaken();
  });
  return {
    claim: () => channel?.postMessage('claim'),
    close: () => channel?.close(),
  };
}

function openChannel(name: string): TabChannel | null {
  try {
    return 'BroadcastChannel' in globalThis ? new BroadcastChannel(name) : null;
  } catch {
    return null; // A browser that blocks storage in another site's frame may block this too.
  }
}

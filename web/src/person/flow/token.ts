// The link's token: moved from the address bar into memory at the start. Across a reload it is handed over in the tab's session storage
// (docs/decisions/0014).

export interface FlowAccess {
  profile: string;
  token: string;
}

/** The browser's objects that this module uses; tests replace them. */
export interface PageEnvironment {
  location: Pick<Location, 'pathname' | 'search' | 'hash'>;
  history: Pick<History, 'replaceState' | 'state'>;
  storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> | null;
  now: () => number;
}

const HANDOVER_KEY = 'identivia.handover';
/** How long a handed-over token is accepted, in milliseconds. A link's token expires after 30 minutes by default. */
const HANDOVER_LIFETIME = 30 * 60_000;
const PROFILE_PATH = /^\/([a-z0-9]{15})\/?$/;

export const parseProfileId = (pathname: string): string | null => PROFILE_PATH.exec(pathname)?.[1] ?? null;

/** Takes the access from the address bar or from the handover, and removes it from both. */
export function takeAccess(place: PageEnvironment): FlowAccess | null {
  const { location, history } = place;
  const handedOver = takeHandover(place);
  const profile = parseProfileId(location.pathname);
  if (!profile) return null;
  const query = new URLSearchParams(location.search);
  const token = query.get('token');
  if (token !== null) {
    query.delete('token');
    const left = query.toString();
    const rest = left ? `?${left}` : '';
    history.replaceState(history.state, '', location.pathname + rest + location.hash);
  }
  if (token) return { profile, token };
  return handedOver?.profile === profile ? handedOver : null;
}

/** Takes the handoff code from the address's fragment, and removes it there. */
export function takeCode({ location, history }: Pick<PageEnvironment, 'location' | 'history'>): string {
  const code = location.hash.slice(1).toUpperCase().replace(/[^A-Z0-9]/g, '').slice(0, 8);
  if (location.hash) history.replaceState(history.state, '', location.pathname + location.search);
  return code;
}

/** Stores the access for this tab's next load; only while the page is hidden. */
export function storeHandover(access: FlowAccess, { storage, now }: Pick<PageEnvironment, 'storage' | 'now'>): void {
  try {
    storage?.setItem(HANDOVER_KEY, JSON.stringify({ ...access, at: now() }));
  } catch {
    // No space or no permission for storage: after a reload the person opens the link again.
  }
}

export function takeHandover({ storage, now }: Pick<PageEnvironment, 'storage' | 'now'>): FlowAccess | null {
  try {
    const text = storage?.getItem(HANDOVER_KEY);
    storage?.removeItem(HANDOVER_KEY);
    const found = text ? (JSON.parse(text) as Partial<FlowAccess & { at: number }>) : null;
    const age = now() - Number(found?.at);
    if (typeof found?.profile !== 'string' || typeof found.token !== 'string' || !(age >= 0 && age < HANDOVER_LIFETIME)) return null;
    return { profile: found.profile, token: found.token };
  } catch {
    return null;
  }
}

/** This tab's session storage; null where cookies are blocked, because reading the property throws there. */
export function openTabStorage(): Storage | null {
  try {
    return window.sessionStorage;
  } catch {
    return null;
  }
}

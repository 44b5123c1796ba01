// One-time tokens of links for the first run and for invitations: taken from the fragment and removed from the address bar at once.

export interface EntryToken {
  kind: 'setup' | 'invitation';
  token: string;
}

/** The token of a link such as `/console/setup#token=…`, or null. The address bar and the history no longer have it afterwards. */
export function takeEntryToken(place: { location: Pick<Location, 'pathname' | 'hash'>; history: Pick<History, 'replaceState'> }): EntryToken | null {
  const kind = /^\/console\/(setup|invitation)\/?$/.exec(place.location.pathname)?.[1];
  const token = new URLSearchParams(place.location.hash.replace(/^#/, '')).get('token');
  if (place.location.hash !== '') place.history.replaceState(null, '', place.location.pathname);
  return kind && token ? { kind: kind as EntryToken['kind'], token } : null;
}

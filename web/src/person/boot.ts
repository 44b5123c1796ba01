// What the server puts into the page before it leaves: it must be there with an expired token too.

export interface Branding {
  name?: string;
  logo?: string;
  color?: string;
  color_dark?: string;
  privacy_url?: string;
  support_email?: string;
  support_url?: string;
}

export interface BootData {
  branding: Branding;
  /** Fingerprint's own agent, where an operator has a key for it. */
  fingerprint: { publicKey: string; region?: string } | null;
  /** Others who process what is sent, by name. */
  processors: string[];
}

export function parseBootData(text: string | null | undefined): BootData {
  const nothing: BootData = { branding: {}, fingerprint: null, processors: [] };
  if (!text) return nothing;
  try {
    const boot = JSON.parse(text) as Partial<BootData> | null;
    return { branding: boot?.branding ?? {}, fingerprint: boot?.fingerprint ?? null, processors: boot?.processors ?? [] };
  } catch {
    return nothing; // Vite's own server leaves the mark as it is.
  }
}

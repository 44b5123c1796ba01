// The data that the server embeds in the page's HTML: an expired link needs it too.

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
  /** Fingerprint's own agent, if the operator has set a key. */
  fingerprint: { publicKey: string; region?: string } | null;
  /** The names of the other companies that process the data. */
  processors: string[];
  /** The sites that may embed the page, and that it posts messages to. */
  embed_origins: string[];
}

export function parseBootData(text: string | null | undefined): BootData {
  const nothing: BootData = { branding: {}, fingerprint: null, processors: [], embed_origins: [] };
  if (!text) return nothing;
  try {
    const boot = JSON.parse(text) as Partial<BootData> | null;
    return {
      branding: boot?.branding ?? {},
      fingerprint: boot?.fingerprint ?? null,
      processors: boot?.processors ?? [],
      embed_origins: boot?.embed_origins ?? [],
    };
  } catch {
    return nothing; // Vite's development server does not replace the mark.
  }
}

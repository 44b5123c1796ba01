// Branding as it is edited: the setting `branding`, of which the person's page takes what it knows.

export const BRANDING_TEXTS = ['name', 'privacy_url', 'support_email', 'support_url'] as const;

export interface Branding {
  name?: string;
  logo?: string;
  color?: string;
  color_dark?: string;
  privacy_url?: string;
  support_email?: string;
  support_url?: string;
}

export const MAX_LOGO_BYTES = 36_000;

export function readBranding(value: unknown): Branding {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Branding) : {};
}

/** What is stored: empty fields are left out, and unknown ones of another program stay. */
export const toBrandingValue = (branding: Branding): Record<string, string> =>
  Object.fromEntries(Object.entries(branding).filter(([, value]) => typeof value === 'string' && value.trim() !== ''));

/** The bytes of a `data:` URL: the policy shows pictures as blobs only. Null where it is none. */
export function decodeDataUrl(url: string | undefined): Blob | null {
  const found = /^data:(image\/[a-z.+-]+)(;base64)?,(.*)$/s.exec(url ?? '');
  if (!found) return null;
  const [, type = '', isBase64, data = ''] = found;
  try {
    const text = isBase64 ? atob(data) : decodeURIComponent(data);
    return new Blob([isBase64 ? Uint8Array.from(text, (letter) => letter.charCodeAt(0)) : text], { type });
  } catch {
    return null;
  }
}

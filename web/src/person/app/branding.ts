// Applies an operator's branding. Colours go through the style sheet's variables: the policy allows no style attributes.
import type { Branding } from '../boot';
import { DEFAULT_COLOUR, BACKGROUNDS, toHex, parseColour, deriveShades } from '../../shared/ui/colour';

const EMAIL_ADDRESS = /^[^\s@<>"]+@[^\s@<>"]+\.[^\s@<>"]+$/;

/** Drops invalid values. The server checks them too; the page must not rely on that against links that run script. */
export function keepValidBranding(branding: Branding): Branding {
  const { name, logo, color, color_dark, privacy_url, support_email, support_url } = branding;
  return {
    ...(name && { name }),
    ...(logo?.startsWith('data:image/') && { logo }),
    ...(parseColour(color) && color && { color }),
    ...(parseColour(color_dark) && color_dark && { color_dark }),
    ...(isWebLink(privacy_url) && { privacy_url }),
    ...(support_email && EMAIL_ADDRESS.test(support_email) && { support_email }),
    ...(isWebLink(support_url) && { support_url }),
  };
}

const isWebLink = (url: string | undefined): url is string => Boolean(url && /^https?:\/\//i.test(url));

export function applyBrandColours(branding: Branding, root: HTMLElement, isDark: boolean): void {
  const light = parseColour(branding.color) ?? DEFAULT_COLOUR;
  const colour = isDark ? (parseColour(branding.color_dark) ?? light) : light;
  const { primary, on, link, tint } = deriveShades(colour, isDark ? BACKGROUNDS.dark : BACKGROUNDS.light);
  root.style.setProperty('--primary', toHex(primary));
  root.style.setProperty('--on-primary', toHex(on));
  root.style.setProperty('--link', toHex(link));
  root.style.setProperty('--tint', toHex(tint));
}

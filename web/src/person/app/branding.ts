// An operator's colours on the page, through the style sheet's variables: the policy allows no style attribute.
import type { Branding } from '../boot';
import { DEFAULT_COLOUR, GROUNDS, hex, parse, shades } from '../../shared/ui/colour';

const SUPPORT = /^[^\s@<>"]+@[^\s@<>"]+\.[^\s@<>"]+$/;

/** Takes what is usable. The server has looked already; a link that runs script must not depend on that. */
export function usable(branding: Branding): Branding {
  const { name, logo, color, color_dark, privacy_url, support_email, support_url } = branding;
  return {
    ...(name && { name }),
    ...(logo?.startsWith('data:image/') && { logo }),
    ...(parse(color) && color && { color }),
    ...(parse(color_dark) && color_dark && { color_dark }),
    ...(isLink(privacy_url) && { privacy_url }),
    ...(support_email && SUPPORT.test(support_email) && { support_email }),
    ...(isLink(support_url) && { support_url }),
  };
}

const isLink = (url: string | undefined): url is string => Boolean(url && /^https?:\/\//i.test(url));

export function paint(branding: Branding, root: HTMLElement, isDark: boolean): void {
  const light = parse(branding.color) ?? DEFAULT_COLOUR;
  const colour = isDark ? (parse(branding.color_dark) ?? light) : light;
  const { primary, on, link, tint } = shades(colour, isDark ? GROUNDS.dark : GROUNDS.light);
  root.style.setProperty('--primary', hex(primary));
  root.style.setProperty('--on-primary', hex(on));
  root.style.setProperty('--link', hex(link));
  root.style.setProperty('--tint', hex(tint));
}

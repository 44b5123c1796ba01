// Branding's colour, made readable: WCAG 2.2's contrast is never below 4.5 for text and 3 for what is not.

export type Rgb = readonly [red: number, green: number, blue: number];

export function parse(hex: string | undefined): Rgb | null {
  const digits = /^#([0-9a-f]{6})$/i.exec(hex ?? '')?.[1];
  if (!digits) return null;
  const value = Number.parseInt(digits, 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

export const hex = (colour: Rgb): string => `#${colour.map((part) => Math.round(part).toString(16).padStart(2, '0')).join('')}`;

function luminance(colour: Rgb): number {
  const [red, green, blue] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.040_45 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as unknown as Rgb;
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

export function contrast(a: Rgb, b: Rgb): number {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

export const mix = (from: Rgb, to: Rgb, share: number): Rgb =>
  from.map((part, i) => part + ((to[i] ?? 0) - part) * share) as unknown as Rgb;

const WHITE: Rgb = [255, 255, 255];
const INK: Rgb = [11, 15, 25];

/** The colour, moved towards white or ink until it stands out from the ground by that ratio. */
export function standingOut(colour: Rgb, ground: Rgb, ratio: number): Rgb {
  const towards = luminance(ground) > 0.18 ? INK : WHITE;
  for (let step = 0; step <= 40; step += 1) {
    const moved = mix(colour, towards, step / 40);
    // What is written is rounded: so is what is measured.
    const written = moved.map(Math.round) as unknown as Rgb;
    if (contrast(written, ground) >= ratio) return written;
  }
  return towards;
}

export interface Shades {
  /** The ground of a button. */
  primary: Rgb;
  /** Text on it. */
  on: Rgb;
  /** Text and lines of that colour on the page. */
  link: Rgb;
  /** A breath of it, for grounds. */
  tint: Rgb;
}

/** All that is made of one colour on a ground. */
export function shades(colour: Rgb, ground: Rgb): Shades {
  const primary = standingOut(colour, ground, 3);
  const on = contrast(primary, WHITE) >= 4.5 ? WHITE : contrast(primary, INK) >= 4.5 ? INK : WHITE;
  const tint = mix(ground, colour, luminance(ground) > 0.18 ? 0.08 : 0.16).map(Math.round) as unknown as Rgb;
  // Links stand on the ground and on the tint.
  const link = standingOut(standingOut(colour, ground, 4.6), tint, 4.6);
  return { primary: contrast(primary, on) >= 4.5 ? primary : standingOut(primary, on, 4.5), on, link, tint };
}

export const GROUNDS = { light: [255, 255, 255] as Rgb, dark: [21, 25, 34] as Rgb };
export const DEFAULT_COLOUR: Rgb = [47, 75, 216];

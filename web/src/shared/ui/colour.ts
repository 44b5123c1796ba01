// Makes an operator's brand colour readable: WCAG 2.2 contrast of at least 4.5 for text and 3 for controls.

export type RgbColour = readonly [red: number, green: number, blue: number];

export function parseColour(hex: string | undefined): RgbColour | null {
  const digits = /^#([0-9a-f]{6})$/i.exec(hex ?? '')?.[1];
  if (!digits) return null;
  const value = Number.parseInt(digits, 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

export const toHex = (colour: RgbColour): string => `#${colour.map((part) => Math.round(part).toString(16).padStart(2, '0')).join('')}`;

function relativeLuminance(colour: RgbColour): number {
  const [red, green, blue] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.040_45 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as unknown as RgbColour;
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

export function contrastRatio(a: RgbColour, b: RgbColour): number {
  const [light, dark] = [relativeLuminance(a), relativeLuminance(b)].sort((x, y) => y - x) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

export const mixColours = (from: RgbColour, to: RgbColour, share: number): RgbColour =>
  from.map((part, i) => part + ((to[i] ?? 0) - part) * share) as unknown as RgbColour;

const WHITE: RgbColour = [255, 255, 255];
const INK: RgbColour = [11, 15, 25];

/** Moves a colour towards white or ink until its contrast with the background reaches the ratio. */
export function ensureContrast(colour: RgbColour, ground: RgbColour, ratio: number): RgbColour {
  const towards = relativeLuminance(ground) > 0.18 ? INK : WHITE;
  for (let step = 0; step <= 40; step += 1) {
    const moved = mixColours(colour, towards, step / 40);
    // Measures the rounded colour, because that is the one the style sheet gets.
    const written = moved.map(Math.round) as unknown as RgbColour;
    if (contrastRatio(written, ground) >= ratio) return written;
  }
  return towards;
}

export interface ColourShades {
  /** The background of a button. */
  primary: RgbColour;
  /** Text on `primary`. */
  on: RgbColour;
  /** Text and lines of that colour on the page. */
  link: RgbColour;
  /** A pale background of that colour. */
  tint: RgbColour;
}

/** Every shade that the page derives from one colour, for a light or dark background. */
export function deriveShades(colour: RgbColour, ground: RgbColour): ColourShades {
  const primary = ensureContrast(colour, ground, 3);
  const on = contrastRatio(primary, WHITE) >= 4.5 ? WHITE : contrastRatio(primary, INK) >= 4.5 ? INK : WHITE;
  const tint = mixColours(ground, colour, relativeLuminance(ground) > 0.18 ? 0.08 : 0.16).map(Math.round) as unknown as RgbColour;
  // Links appear on the background and on the tint.
  const link = ensureContrast(ensureContrast(colour, ground, 4.6), tint, 4.6);
  return { primary: contrastRatio(primary, on) >= 4.5 ? primary : ensureContrast(primary, on, 4.5), on, link, tint };
}

export const BACKGROUNDS = { light: [255, 255, 255] as RgbColour, dark: [21, 25, 34] as RgbColour };
export const DEFAULT_COLOUR: RgbColour = [47, 75, 216];

// What a camera's picture is like, while a person still holds the document: small figures, computed on the device, that only choose
// a hint and the moment. The server looks at the picture again, and believes none of this. Pure.

/** Brightness, row by row, 0 to 255. */
export interface Grey {
  width: number;
  height: number;
  data: Uint8Array;
}

/** In pixels. */
export interface Rect {
  left: number;
  top: number;
  width: number;
  height: number;
}

export function grey(image: { width: number; height: number; data: Uint8ClampedArray }): Grey {
  const data = new Uint8Array(image.width * image.height);
  for (let i = 0, p = 0; i < data.length; i += 1, p += 4) {
    // ITU-R BT.601, in whole numbers.
    data[i] = (77 * (image.data[p] ?? 0) + 150 * (image.data[p + 1] ?? 0) + 29 * (image.data[p + 2] ?? 0)) >> 8;
  }
  return { width: image.width, height: image.height, data };
}

/** The part of a picture. */
export function cut(image: Grey, rect: Rect): Grey {
  const left = Math.max(0, Math.round(rect.left));
  const top = Math.max(0, Math.round(rect.top));
  const width = Math.min(image.width - left, Math.round(rect.width));
  const height = Math.min(image.height - top, Math.round(rect.height));
  const data = new Uint8Array(width * height);
  for (let y = 0; y < height; y += 1) {
    const start = (top + y) * image.width + left;
    data.set(image.data.subarray(start, start + width), y * width);
  }
  return { width, height, data };
}

/** The picture made smaller by a whole factor, each pixel the mean of a square. */
export function smaller(image: Grey, factor: number): Grey {
  const width = Math.floor(image.width / factor);
  const height = Math.floor(image.height / factor);
  const data = new Uint8Array(width * height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      let sum = 0;
      for (let dy = 0; dy < factor; dy += 1) {
        const row = (y * factor + dy) * image.width + x * factor;
        for (let dx = 0; dx < factor; dx += 1) sum += image.data[row + dx] ?? 0;
      }
      data[y * width + x] = sum / (factor * factor);
    }
  }
  return { width, height, data };
}

/** The brightness, 0 to 255, below which that share of the picture lies: the median by default. */
export function brightness(image: Grey, share = 0.5): number {
  const counts = new Uint32Array(256);
  for (const value of image.data) counts[value] = (counts[value] ?? 0) + 1;
  let seen = 0;
  for (let value = 0; value < 256; value += 1) {
    seen += counts[value] ?? 0;
    if (seen >= image.data.length * share) return value;
  }
  return 255;
}

/**
 * How sharp print is, 0 to about 1: curvature over slope where there is slope, so that contrast and the amount of print cancel out.
 * Sharp print has 0.6 and more; blurred by a deviation of 1.5 pixels 0.3. 0 where nothing stands out.
 */
export function sharpness(image: Grey): number {
  const { width, height, data } = image;
  let curvature = 0;
  let slope = 0;
  let places = 0;
  for (let y = 1; y < height - 1; y += 1) {
    for (let x = 1; x < width - 1; x += 1) {
      const i = y * width + x;
      const [left, right] = [data[i - 1] ?? 0, data[i + 1] ?? 0];
      const [above, below] = [data[i - width] ?? 0, data[i + width] ?? 0];
      const steep = Math.abs(right - left) + Math.abs(below - above);
      if (steep < 24) continue;
      places += 1;
      slope += steep;
      curvature += Math.abs(4 * (data[i] ?? 0) - left - right - above - below);
    }
  }
  return places < data.length * 0.002 ? 0 : curvature / slope;
}

/** The share, 0 to 1, of squares of 8 pixels that are blown out. */
export function glare(image: Grey): number {
  const SIDE = 8;
  let blown = 0;
  let squares = 0;
  for (let top = 0; top + SIDE <= image.height; top += SIDE) {
    for (let left = 0; left + SIDE <= image.width; left += SIDE) {
      squares += 1;
      let least = 255;
      for (let y = top; y < top + SIDE; y += 1) {
        for (let x = left; x < left + SIDE; x += 1) least = Math.min(least, image.data[y * image.width + x] ?? 0);
      }
      if (least >= 252) blown += 1;
    }
  }
  return squares === 0 ? 0 : blown / squares;
}

/** The mean difference of two pictures of one size, 0 to 255: how much moves. */
export function movement(before: Grey | null, now: Grey): number {
  if (!before || before.data.length !== now.data.length) return 255;
  let sum = 0;
  for (let i = 0; i < now.data.length; i += 1) sum += Math.abs((now.data[i] ?? 0) - (before.data[i] ?? 0));
  return sum / now.data.length;
}

/** The document's borders, each as a share of the picture's width or height; null where none is seen. */
export interface Borders {
  left: number | null;
  right: number | null;
  top: number | null;
  bottom: number | null;
}

/** Least step in brightness, on average along a border. */
const LEAST_STEP = 9;

/** The outermost straight lines on each side: of a document on a plain surface its borders. */
export function borders(image: Grey): Borders {
  const columns = steps(image, 'columns');
  const rows = steps(image, 'rows');
  return {
    left: outermost(columns),
    right: mirrored(outermost([...columns].reverse())),
    top: outermost(rows),
    bottom: mirrored(outermost([...rows].reverse())),
  };
}

const mirrored = (share: number | null): number | null => (share === null ? null : 1 - share);

/** The mean step in brightness across each column (or row) of the middle half: what is no line cancels out. */
function steps({ width, height, data }: Grey, of: 'columns' | 'rows'): number[] {
  const [length, across] = of === 'columns' ? [width, height] : [height, width];
  const at = (along: number, over: number): number =>
    (of === 'columns' ? data[over * width + along] : data[along * width + over]) ?? 0;
  const from = Math.floor(across * 0.3);
  const to = Math.ceil(across * 0.7);
  const means = new Array<number>(length).fill(0);
  for (let along = 2; along < length - 2; along += 1) {
    let sum = 0;
    for (let over = from; over < to; over += 1) sum += at(along + 2, over) - at(along - 2, over);
    means[along] = Math.abs(sum / (to - from));
  }
  return means;
}

function outermost(means: number[]): number | null {
  const until = Math.floor(means.length * 0.45);
  const least = Math.max(LEAST_STEP, 0.4 * Math.max(...means.slice(0, until)));
  for (let i = 2; i < until; i += 1) {
    const here = means[i] ?? 0;
    if (here >= least && here >= (means[i - 1] ?? 0) && here >= (means[i + 1] ?? 0)) return i / means.length;
  }
  return null;
}

export type Hint = 'search' | 'closer' | 'farther' | 'centre' | 'dark' | 'bright' | 'glare' | 'blur' | 'still' | 'good';

/** How large the guide is within the part that is looked at: there is as much around as a hand needs. */
export const MARGIN = 0.15;
const GUIDE = 1 / (1 + 2 * MARGIN);
/** How far the found box may be from the guide's shape: an ID-2 card (1.42) in an ID-1 guide (1.59) is at 0.9, a tilted one lower. */
const LEAST_SHAPE = 0.8;

/** Where the document is, against the guide in the middle of the part that is looked at. */
export function framing({ left, right, top, bottom }: Borders): 'search' | 'closer' | 'farther' | 'centre' | 'good' {
  const across = left !== null && right !== null ? right - left : null;
  const down = top !== null && bottom !== null ? bottom - top : null;
  const sizes = [across, down].filter((size) => size !== null);
  if (sizes.length === 0) return 'search';
  const size = Math.max(...sizes) / GUIDE;
  if (size > 1.16) return 'farther';
  if (size < 0.72) return 'closer';
  // Guide and document are of one shape. Of another, a line inside the document passed for a border that is out of view.
  if (across !== null && down !== null && Math.min(across, down) < LEAST_SHAPE * Math.max(across, down)) return 'centre';
  // Where only one border of a pair is in view, the document may go on beyond the other: it counts where it would be in the middle.
  const half = (size * GUIDE) / 2;
  const offset = (low: number | null, high: number | null): number => {
    if (low !== null && high !== null) return (low + high) / 2 - 0.5;
    if (low !== null) return low - (0.5 - half);
    return high !== null ? high - (0.5 + half) : 0;
  };
  if ([offset(left, right), offset(top, bottom)].some((away) => Math.abs(away) > 0.1)) return 'centre';
  // One pair of borders alone may be a shelf's or a table's.
  return [left, right, top, bottom].filter((border) => border !== null).length >= 3 ? 'good' : 'search';
}

export interface Look {
  hint: Hint;
  /** Kept for the next look's movement. */
  small: Grey;
}

/** The one thing that helps most now. `around` shows the guide with MARGIN of its size on every side. */
export function look(around: Grey, before: Grey | null): Look {
  const small = smaller(around, Math.max(1, Math.floor(around.width / 160)));
  const inside = (image: Grey): Grey => {
    const [x, y] = [image.width * MARGIN * GUIDE, image.height * MARGIN * GUIDE];
    return cut(image, { left: x, top: y, width: image.width - 2 * x, height: image.height - 2 * y });
  };
  const hint = ((): Hint => {
    // The lightest parts: a dark table is no dark room, and what a document has of white is enough to tell.
    if (brightness(inside(small), 0.95) < 70) return 'dark';
    if (brightness(inside(small)) > 250) return 'bright';
    const place = framing(borders(small));
    if (place !== 'good') return place;
    if (movement(before, small) > 7) return 'still';
    const document = inside(around);
    if (glare(document) > 0.02) return 'glare';
    return sharpness(document) < 0.35 ? 'blur' : 'good';
  })();
  return { hint, small };
}

/** How long it has to be good, in milliseconds, until the picture is taken. */
export const GOOD_FOR = 700;
/** A hint stays at least so long, in milliseconds: nobody reads words that flicker. */
export const HINT_STAYS = 900;

export interface Steady {
  hint: Hint;
  since: number;
  goodSince: number | null;
}

/** Makes hints calm: a new one shows when the old one has been read. Also says since when all is good. */
export function steadied(before: Steady | null, hint: Hint, now: number): Steady {
  const goodSince = hint === 'good' ? (before?.goodSince ?? now) : null;
  if (!before) return { hint, since: now, goodSince };
  const shown = hint !== before.hint && now - before.since >= HINT_STAYS ? { hint, since: now } : before;
  return { hint: shown.hint, since: shown.since, goodSince };
}

export const isTime = (steady: Steady | null, now: number): boolean =>
  steady !== null && steady.goodSince !== null && now - steady.goodSince >= GOOD_FOR;

/** Where a face is: the middle of the picture. */
export function middle(image: Grey): Grey {
  return cut(image, { left: image.width * 0.3, top: image.height * 0.2, width: image.width * 0.4, height: image.height * 0.6 });
}

/** Whether a face is lit well enough, by the middle of the picture. */
export function faceLight(face: Grey): 'dark' | 'bright' | 'good' {
  const light = brightness(face);
  return light < 40 ? 'dark' : light > 240 ? 'bright' : 'good';
}

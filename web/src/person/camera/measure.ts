// Measures the camera's picture while the person holds the document: brightness, sharpness, glare, movement, borders. The figures only
// choose a hint and the moment of the picture; the server measures the picture again. Pure.

/** A picture's brightness, row by row, 0 to 255. */
export interface GreyImage {
  width: number;
  height: number;
  data: Uint8Array;
}

/** In pixels. */
export interface PixelRect {
  left: number;
  top: number;
  width: number;
  height: number;
}

export function toGreyImage(image: { width: number; height: number; data: Uint8ClampedArray }): GreyImage {
  const data = new Uint8Array(image.width * image.height);
  for (let i = 0, p = 0; i < data.length; i += 1, p += 4) {
    // ITU-R BT.601, in whole numbers.
    data[i] = (77 * (image.data[p] ?? 0) + 150 * (image.data[p + 1] ?? 0) + 29 * (image.data[p + 2] ?? 0)) >> 8;
  }
  return { width: image.width, height: image.height, data };
}

/** Cuts a part out of a picture. */
export function cropImage(image: GreyImage, rect: PixelRect): GreyImage {
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

/** Shrinks a picture by a whole factor; each pixel is the mean of a square. */
export function shrinkImage(image: GreyImage, factor: number): GreyImage {
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
export function measureBrightness(image: GreyImage, share = 0.5): number {
  const counts = new Uint32Array(256);
  for (const value of image.data) counts[value] = (counts[value] ?? 0) + 1;
  let counted = 0;
  for (let value = 0; value < 256; value += 1) {
    counted += counts[value] ?? 0;
    if (counted >= image.data.length * share) return value;
  }
  return 255;
}

/**
 * How sharp print is, 0 to about 1: curvature over slope where there is slope, so that contrast and the amount of print cancel out.
 * Sharp print has 0.6 and more; blurred by a deviation of 1.5 pixels 0.3. 0 where nothing stands out.
 */
export function measureSharpness(image: GreyImage): number {
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
export function measureGlare(image: GreyImage): number {
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
export function measureMovement(before: GreyImage | null, now: GreyImage): number {
  if (!before || before.data.length !== now.data.length) return 255;
  let sum = 0;
  for (let i = 0; i < now.data.length; i += 1) sum += Math.abs((now.data[i] ?? 0) - (before.data[i] ?? 0));
  return sum / now.data.length;
}

/** The document's borders, each as a share of the picture's width or height; null where none is visible. */
export interface DocumentBorders {
  left: number | null;
  right: number | null;
  top: number | null;
  bottom: number | null;
}

/** The least step in brightness along a border, on average. */
const MIN_BORDER_STEP = 9;

/** The outermost straight line on each side: on a plain surface these are the document's borders. */
export function findBorders(image: GreyImage): DocumentBorders {
  const columns = measureBrightnessSteps(image, 'columns');
  const rows = measureBrightnessSteps(image, 'rows');
  return {
    left: findOutermostStep(columns),
    right: mirrorShare(findOutermostStep([...columns].reverse())),
    top: findOutermostStep(rows),
    bottom: mirrorShare(findOutermostStep([...rows].reverse())),
  };
}

const mirrorShare = (share: number | null): number | null => (share === null ? null : 1 - share);

/** The mean step in brightness across each column (or row) of the middle half: what is no line cancels out. */
function measureBrightnessSteps({ width, height, data }: GreyImage, of: 'columns' | 'rows'): number[] {
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

function findOutermostStep(means: number[]): number | null {
  const until = Math.floor(means.length * 0.45);
  const least = Math.max(MIN_BORDER_STEP, 0.4 * Math.max(...means.slice(0, until)));
  for (let i = 2; i < until; i += 1) {
    const here = means[i] ?? 0;
    if (here >= least && here >= (means[i - 1] ?? 0) && here >= (means[i + 1] ?? 0)) return i / means.length;
  }
  return null;
}

export type CaptureHint = 'search' | 'closer' | 'farther' | 'centre' | 'dark' | 'bright' | 'glare' | 'blur' | 'still' | 'good';

/** The margin around the guide that is observed too, as a share of the guide: enough for a hand. */
export const GUIDE_MARGIN = 0.15;
const GUIDE_SHARE = 1 / (1 + 2 * GUIDE_MARGIN);
/** How far the found box may differ from the guide's shape: an ID-2 card (1.42) in an ID-1 guide (1.59) is at 0.9, a tilted one lower. */
const MIN_SHAPE_RATIO = 0.8;

/** Compares the document's position with the guide in the middle of the picture. */
export function judgeFraming({ left, right, top, bottom }: DocumentBorders): 'search' | 'closer' | 'farther' | 'centre' | 'good' {
  const across = left !== null && right !== null ? right - left : null;
  const down = top !== null && bottom !== null ? bottom - top : null;
  const sizes = [across, down].filter((size) => size !== null);
  if (sizes.length === 0) return 'search';
  const size = Math.max(...sizes) / GUIDE_SHARE;
  if (size > 1.16) return 'farther';
  if (size < 0.72) return 'closer';
  // Guide and document have the same shape. If not, a line inside the document was taken for a border that is out of view.
  if (across !== null && down !== null && Math.min(across, down) < MIN_SHAPE_RATIO * Math.max(across, down)) return 'centre';
  // With only one border of a pair in view, the document may extend beyond the other side: that border alone must be near the guide's.
  const half = (size * GUIDE_SHARE) / 2;
  const offset = (low: number | null, high: number | null): number => {
    if (low !== null && high !== null) return (low + high) / 2 - 0.5;
    if (low !== null) return low - (0.5 - half);
    return high !== null ? high - (0.5 + half) : 0;
  };
  if ([offset(left, right), offset(top, bottom)].some((away) => Math.abs(away) > 0.1)) return 'centre';
  // Two borders alone may belong to a shelf or a table.
  return [left, right, top, bottom].filter((border) => border !== null).length >= 3 ? 'good' : 'search';
}

export interface CaptureObservation {
  hint: CaptureHint;
  /** The shrunken picture, to measure the movement until the next one. */
  small: GreyImage;
}

/** Chooses the hint that helps most now. `around` shows the guide with GUIDE_MARGIN of its size on every side. */
export function observeDocument(around: GreyImage, before: GreyImage | null): CaptureObservation {
  const small = shrinkImage(around, Math.max(1, Math.floor(around.width / 160)));
  const inside = (image: GreyImage): GreyImage => {
    const [x, y] = [image.width * GUIDE_MARGIN * GUIDE_SHARE, image.height * GUIDE_MARGIN * GUIDE_SHARE];
    return cropImage(image, { left: x, top: y, width: image.width - 2 * x, height: image.height - 2 * y });
  };
  const hint = ((): CaptureHint => {
    // Measures the lightest parts: a dark table does not mean a dark room, and a document's white areas show the light.
    if (measureBrightness(inside(small), 0.95) < 70) return 'dark';
    if (measureBrightness(inside(small)) > 250) return 'bright';
    const place = judgeFraming(findBorders(small));
    if (place !== 'good') return place;
    if (measureMovement(before, small) > 7) return 'still';
    const document = inside(around);
    if (measureGlare(document) > 0.02) return 'glare';
    return measureSharpness(document) < 0.35 ? 'blur' : 'good';
  })();
  return { hint, small };
}

/** How long all has to be good before the picture is taken, in milliseconds. */
export const GOOD_DURATION = 700;
/** How long a hint stays at least, in milliseconds: flickering text cannot be read. */
export const MIN_HINT_DURATION = 900;

export interface SteadyHint {
  hint: CaptureHint;
  since: number;
  goodSince: number | null;
}

/** Replaces the shown hint only after its minimum time. Also notes since when all is good. */
export function updateSteadyHint(before: SteadyHint | null, hint: CaptureHint, now: number): SteadyHint {
  const goodSince = hint === 'good' ? (before?.goodSince ?? now) : null;
  if (!before) return { hint, since: now, goodSince };
  const shown = hint !== before.hint && now - before.since >= MIN_HINT_DURATION ? { hint, since: now } : before;
  return { hint: shown.hint, since: shown.since, goodSince };
}

export const isTimeToShoot = (steady: SteadyHint | null, now: number): boolean =>
  steady !== null && steady.goodSince !== null && now - steady.goodSince >= GOOD_DURATION;

/** Cuts out the middle of the picture, where the face is. */
export function cropFaceArea(image: GreyImage): GreyImage {
  return cropImage(image, { left: image.width * 0.3, top: image.height * 0.2, width: image.width * 0.4, height: image.height * 0.6 });
}

/** Judges whether the light on a face is good enough. */
export function judgeFaceLight(face: GreyImage): 'dark' | 'bright' | 'good' {
  const light = measureBrightness(face);
  return light < 40 ? 'dark' : light > 240 ? 'bright' : 'good';
}

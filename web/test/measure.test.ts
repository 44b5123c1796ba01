import { describe, expect, test } from 'vitest';
import { type GreyImage, GOOD_DURATION, MIN_HINT_DURATION, type SteadyHint, findBorders, measureBrightness, judgeFaceLight, judgeFraming, measureGlare, toGreyImage, isTimeToShoot, observeDocument, cropFaceArea, measureMovement, measureSharpness, shrinkImage, updateSteadyHint } from '../src/person/camera/measure';

const WIDTH = 620;
const HEIGHT = 436;

interface Scene {
  /** The document's box, in shares of the picture. */
  box?: [left: number, top: number, width: number, height: number];
  table?: number;
  paper?: number;
  glare?: [left: number, top: number, side: number];
  blur?: number;
}

/** A document with lines of print on a table. */
function scene({ box = [0.13, 0.13, 0.74, 0.74], table = 40, paper = 205, glare: spot, blur = 0 }: Scene = {}): GreyImage {
  const data = new Uint8Array(WIDTH * HEIGHT).fill(table);
  const [left, top, width, height] = [box[0] * WIDTH, box[1] * HEIGHT, box[2] * WIDTH, box[3] * HEIGHT].map(Math.round) as [number, number, number, number];
  for (let y = Math.max(0, top); y < Math.min(HEIGHT, top + height); y += 1) {
    for (let x = Math.max(0, left); x < Math.min(WIDTH, left + width); x += 1) {
      const [px, py] = [x - left, y - top];
      const isPrint = py % 26 < 10 && py > 20 && py < height - 20 && px > 30 && px < width - 30 && (px * 7 + Math.floor(py / 26) * 13) % 11 < 5;
      data[y * WIDTH + x] = isPrint ? paper * 0.25 : paper;
    }
  }
  if (spot) {
    for (let y = 0; y < spot[2]; y += 1) for (let x = 0; x < spot[2]; x += 1) data[(spot[1] + y) * WIDTH + spot[0] + x] = 255;
  }
  let image: GreyImage = { width: WIDTH, height: HEIGHT, data };
  for (let i = 0; i < blur; i += 1) image = softened(image);
  return image;
}

/** A mean of nine pixels. */
function softened(image: GreyImage): GreyImage {
  const data = new Uint8Array(image.data.length);
  for (let y = 1; y < image.height - 1; y += 1) {
    for (let x = 1; x < image.width - 1; x += 1) {
      let sum = 0;
      for (let dy = -1; dy <= 1; dy += 1) for (let dx = -1; dx <= 1; dx += 1) sum += image.data[(y + dy) * image.width + x + dx] ?? 0;
      data[y * image.width + x] = sum / 9;
    }
  }
  return { ...image, data };
}

const hintOf = (image: GreyImage): string => observeDocument(image, observeDocument(image, null).small).hint;

describe('the hint', () => {
  test('a good picture is good', () => expect(hintOf(scene())).toBe('good'));
  test('no document is search', () => expect(hintOf(scene({ box: [0, 0, 0, 0], table: 120 }))).toBe('search'));
  test('a dark room is dark', () => expect(hintOf(scene({ table: 8, paper: 38 }))).toBe('dark'));
  test('too much light is bright', () => expect(hintOf(scene({ table: 254, paper: 255 }))).toBe('bright'));
  test('a distant document is closer', () => expect(hintOf(scene({ box: [0.3, 0.3, 0.4, 0.4] }))).toBe('closer'));
  test('a near document is farther', () => expect(hintOf(scene({ box: [0.03, 0.03, 0.94, 0.94] }))).toBe('farther'));
  test('a document beside the guide is centre', () => expect(hintOf(scene({ box: [0.25, 0.13, 0.7, 0.74] }))).toBe('centre'));
  test('a reflection is glare', () => expect(hintOf(scene({ glare: [260, 180, 90] }))).toBe('glare'));
  test('an unfocused picture is blur', () => expect(hintOf(scene({ blur: 6 }))).toBe('blur'));
  test('a moving document is still', () => {
    const before = observeDocument(scene({ box: [0.09, 0.13, 0.74, 0.74] }), null).small;
    expect(observeDocument(scene(), before).hint).toBe('still');
    expect(observeDocument(scene(), null).hint).toBe('still');
  });
  test('a light document on a light table is found', () => expect(hintOf(scene({ table: 150, paper: 215 }))).toBe('good'));
});

describe('a measure', () => {
  test('sharpness falls with blur, not with contrast', () => {
    const [sharp, soft, softer] = [0, 1, 4].map((blur) => measureSharpness(scene({ blur }))) as [number, number, number];
    expect(sharp).toBeGreaterThan(soft);
    expect(soft).toBeGreaterThan(softer);
    expect(measureSharpness(scene({ paper: 120, table: 30 }))).toBeCloseTo(sharp, 1);
    expect(measureSharpness(scene({ box: [0, 0, 0, 0] }))).toBe(0);
  });
  test('glare is a share, and white paper has none', () => {
    expect(measureGlare(scene({ paper: 248 }))).toBe(0);
    expect(measureGlare({ width: 16, height: 8, data: new Uint8Array(128).fill(255) })).toBe(1);
  });
  test('borders are found at their places', () => {
    const { left, right, top, bottom } = findBorders(shrinkImage(scene(), 3));
    expect(left).toBeCloseTo(0.13, 1);
    expect(right).toBeCloseTo(0.87, 1);
    expect(top).toBeCloseTo(0.13, 1);
    expect(bottom).toBeCloseTo(0.87, 1);
  });
  test('two borders do not make a document', () => {
    expect(judgeFraming({ left: 0.12, right: 0.88, top: null, bottom: null })).toBe('search');
    expect(judgeFraming({ left: null, right: null, top: null, bottom: null })).toBe('search');
    expect(judgeFraming({ left: 0.12, right: 0.88, top: 0.13, bottom: null })).toBe('good');
    // The document lies to the side and extends beyond the picture.
    expect(judgeFraming({ left: 0.32, right: null, top: 0.12, bottom: 0.88 })).toBe('centre');
    expect(judgeFraming({ left: null, right: 0.7, top: 0.12, bottom: 0.88 })).toBe('centre');
    expect(judgeFraming({ left: 0.12, right: null, top: 0.12, bottom: 0.88 })).toBe('good');
    // The same, and a line inside it passes for its border.
    expect(judgeFraming({ left: 0.32, right: 0.88, top: 0.12, bottom: 0.88 })).toBe('centre');
    expect(judgeFraming({ left: 0.12, right: 0.88, top: 0.12, bottom: 0.68 })).toBe('centre');
    // A card of another format (ID-2) in a guide for ID-1.
    expect(judgeFraming({ left: 0.16, right: 0.84, top: 0.12, bottom: 0.88 })).toBe('good');
  });
  test('brightness is the median', () => expect(measureBrightness({ width: 3, height: 1, data: new Uint8Array([0, 90, 255]) })).toBe(90));
  test('movement without a previous picture is 255', () => {
    const image = scene();
    expect(measureMovement(null, image)).toBe(255);
    expect(measureMovement(image, image)).toBe(0);
  });
  test('colours are weighted into brightness', () => {
    const image = toGreyImage({ width: 2, height: 1, data: new Uint8ClampedArray([255, 255, 255, 255, 255, 0, 0, 255]) });
    expect([...image.data]).toEqual([255, 76]);
  });
  test('a face’s light is dark, bright or good', () => {
    const face = (value: number) => judgeFaceLight(cropFaceArea({ width: 64, height: 48, data: new Uint8Array(64 * 48).fill(value) }));
    expect([10, 120, 250].map(face)).toEqual(['dark', 'good', 'bright']);
  });
});

describe('hints', () => {
  const run = (seen: [number, SteadyHint['hint']][]): SteadyHint => seen.reduce<SteadyHint | null>((before, [now, hint]) => updateSteadyHint(before, hint, now), null) as SteadyHint;

  test('stay for their minimum time', () => {
    expect(run([[0, 'search'], [100, 'closer']]).hint).toBe('search');
    expect(run([[0, 'search'], [100, 'closer'], [MIN_HINT_DURATION, 'closer']]).hint).toBe('closer');
  });
  test('the picture is taken after all was good for a while, not before', () => {
    const good = run([[0, 'search'], [100, 'good'], [500, 'good']]);
    expect(isTimeToShoot(good, 100 + GOOD_DURATION - 1)).toBe(false);
    expect(isTimeToShoot(good, 100 + GOOD_DURATION)).toBe(true);
    expect(isTimeToShoot(run([[0, 'good'], [400, 'blur'], [500, 'good']]), 1_000)).toBe(false);
    expect(isTimeToShoot(null, 9_999)).toBe(false);
  });
});

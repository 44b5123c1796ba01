import { describe, expect, test } from 'vitest';
import { EYES_AT, EYE_DISTANCE, type Eyes, placeFace, toFaceStyle, toFramePoint } from '../../src/console/pages/case/faceAlign';

const eyes = (right: [number, number], left: [number, number]): Eyes => ({ right: { x: right[0], y: right[1] }, left: { x: left[0], y: left[1] } });

describe('a face in its frame', () => {
  test.each([
    ['a level face', eyes([0.4, 0.5], [0.6, 0.5]), { width: 800, height: 600 }],
    ['a small portrait on a wide document', eyes([0.12, 0.4], [0.17, 0.41]), { width: 1600, height: 1000 }],
    ['a face that leans clockwise', eyes([0.4, 0.4], [0.6, 0.55]), { width: 600, height: 900 }],
    ['a face that leans the other way', eyes([0.4, 0.55], [0.6, 0.4]), { width: 600, height: 900 }],
    ['a picture that lies on its side', eyes([0.5, 0.3], [0.5, 0.6]), { width: 640, height: 480 }],
    ['a picture upside down', eyes([0.7, 0.5], [0.3, 0.5]), { width: 640, height: 480 }],
  ])('has its eyes at the same places: %s', (_, where, size) => {
    const place = placeFace(where, size);
    if (!place) throw new Error('no place');
    const [right, left] = [toFramePoint(place, where.right), toFramePoint(place, where.left)];
    expect(right.x).toBeCloseTo(EYES_AT.x - EYE_DISTANCE / 2, 6);
    expect(left.x).toBeCloseTo(EYES_AT.x + EYE_DISTANCE / 2, 6);
    expect(right.y).toBeCloseTo(EYES_AT.y, 6);
    expect(left.y).toBeCloseTo(EYES_AT.y, 6);
    // The picture keeps its shape.
    expect(place.width / place.height).toBeCloseTo(size.width / size.height, 6);
  });

  test('lies in the frame by its style as the geometry says', () => {
    const place = placeFace(eyes([0.4, 0.5], [0.6, 0.5]), { width: 800, height: 400 });
    if (!place) throw new Error('no place');
    // 0.2 of 800 pixels are 0.28 of the frame: the picture is 1.4 frames wide.
    const style = toFaceStyle(place);
    expect([style.width, style.height, style.left, style.top].map((text) => Math.round(Number.parseFloat(String(text))))).toEqual([140, 70, -20, 7]);
    expect([style.transform, style.transformOrigin]).toEqual(['rotate(0deg)', '50% 50%']);
  });

  test.each([
    ['without eyes', null, { width: 10, height: 10 }],
    ['of an old record', undefined, { width: 10, height: 10 }],
    ['before the picture is there', eyes([0.4, 0.5], [0.6, 0.5]), { width: 0, height: 0 }],
    ['whose eyes are one point', eyes([0.5, 0.5], [0.5, 0.5]), { width: 800, height: 600 }],
    ['whose eyes are no numbers', eyes([Number.NaN, 0.5], [0.5, 0.5]), { width: 800, height: 600 }],
  ])('is shown as a whole %s', (_, where, size) => expect(placeFace(where, size)).toBeNull());
});

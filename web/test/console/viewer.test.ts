import { describe, expect, test } from 'vitest';
import { FIRST_VIEW, MAX_ZOOM, type ViewerAct, type ViewerState, fitScale, moveViewer, toFilter, toTransform } from '../../src/console/pages/case/viewerState';

const after = (...acts: ViewerAct[]): ViewerState => acts.reduce(moveViewer, FIRST_VIEW);
const PICTURE = { width: 1_000, height: 500 };
const STAGE = { width: 500, height: 400 };

describe('the viewer', () => {
  test('zooms to eight times and no further, and back to fit', () => {
    expect(after(...Array.from({ length: 20 }, () => ({ kind: 'zoom', by: 1.5 }) as const)).zoom).toBe(MAX_ZOOM);
    expect(after({ kind: 'zoom', by: 4 }, { kind: 'pan', dx: 30, dy: 9 }, { kind: 'fit' })).toEqual(FIRST_VIEW);
  });
  test('keeps the middle of the stage when it zooms', () => {
    const view = after({ kind: 'zoom', by: 2 }, { kind: 'pan', dx: 40, dy: -20 }, { kind: 'zoom', by: 2 });
    expect([view.x, view.y]).toEqual([80, -40]);
  });
  test('shows one picture pixel as one CSS pixel at 1:1', () => {
    const fit = fitScale(PICTURE, STAGE, 0);
    expect(fit).toBe(0.5);
    expect(after({ kind: 'actual', fit }).zoom * fit).toBe(1);
  });
  test('fits a turned picture by its other side', () => {
    expect(fitScale(PICTURE, STAGE, 1)).toBe(0.4);
    expect(fitScale({ width: 0, height: 0 }, STAGE, 0)).toBe(1);
  });
  test('turns in quarters both ways', () => {
    expect(after({ kind: 'turn', by: -1 }).turns).toBe(3);
    expect(after({ kind: 'turn', by: 1 }, { kind: 'turn', by: 1 }, { kind: 'turn', by: 1 }, { kind: 'turn', by: 1 }).turns).toBe(0);
  });
  test('keeps light within bounds', () => {
    expect(after({ kind: 'brightness', value: 9_999 }).brightness).toBe(300);
    expect(after({ kind: 'contrast', value: -5 }).contrast).toBe(20);
    expect(toFilter(after({ kind: 'invert' }))).toBe('brightness(100%) contrast(100%) invert(1)');
  });
  test('goes to a finding: its middle comes to the middle of the stage', () => {
    const box = { x: 0.7, y: 0.4, width: 0.1, height: 0.2 };
    const view = after({ kind: 'look_at', box, picture: PICTURE, stage: STAGE });
    const fromMiddle = (0.75 - 0.5) * PICTURE.width * 0.5 * view.zoom;
    expect(view.x).toBeCloseTo(-fromMiddle);
    expect(view.y).toBeCloseTo(0);
    expect(view.zoom).toBeGreaterThan(1);
  });
  test('goes to the same finding in a turned and mirrored picture', () => {
    const box = { x: 0.7, y: 0.4, width: 0.1, height: 0.2 };
    const turned = after({ kind: 'turn', by: 1 }, { kind: 'look_at', box, picture: PICTURE, stage: STAGE });
    expect(turned.x).toBeCloseTo(0);
    expect(turned.y).toBeLessThan(0);
    expect(after({ kind: 'mirror' }, { kind: 'look_at', box, picture: PICTURE, stage: STAGE }).x).toBeGreaterThan(0);
  });
  test('writes one transform for the layer', () => {
    expect(toTransform(after({ kind: 'mirror' }, { kind: 'turn', by: 1 }))).toBe('translate(0px, 0px) rotate(90deg) scale(-1, 1)');
  });
});

// Cameras, their errors, and the pictures that are taken with them.
import { describe, expect, test } from 'vitest';
import { chooseCameraInstructions } from '../src/person/camera/browser';
import { isVirtualCamera, toCameraTrouble } from '../src/person/camera/openCamera';
import { findShownPart, fitWithin, widenPart } from '../src/person/camera/picture';

describe('cameras', () => {
  test('each error of getUserMedia has its kind of trouble', () => {
    expect(['NotAllowedError', 'NotFoundError', 'OverconstrainedError', 'NotReadableError', 'AbortError', 'TypeError'].map(toCameraTrouble)).toEqual([
      'denied', 'missing', 'missing', 'busy', 'busy', 'failed',
    ]);
  });
  test('virtual cameras are recognised by their label', () => {
    for (const label of ['OBS Virtual Camera', 'obs', 'ManyCam', 'Dummy video device (0x0000)']) expect(isVirtualCamera(label), label).toBe(true);
    for (const label of ['FaceTime HD Camera', 'Integrated Webcam', 'Jobs Camera', '', 'back camera 0']) expect(isVirtualCamera(label), label).toBe(false);
  });
  test('each browser has its instructions', () => {
    const agents: [string, number, string][] = [
      ['Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1', 5, 'ios'],
      ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15', 5, 'ios'],
      ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15', 0, 'safari'],
      ['Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [FBAN/FBIOS]', 5, 'webview'],
      ['Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36', 5, 'android_chrome'],
      ['Mozilla/5.0 (Linux; Android 14; SM-S918B; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.0.0 Mobile Safari/537.36', 5, 'webview'],
      ['Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36', 5, 'samsung'],
      ['Mozilla/5.0 (Android 14; Mobile; rv:127.0) Gecko/127.0 Firefox/127.0', 5, 'firefox_android'],
      ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0', 0, 'chrome'],
      ['Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0', 0, 'firefox'],
      ['curl/8', 0, 'other'],
    ];
    for (const [agent, touch, name] of agents) expect(chooseCameraInstructions(agent, touch), agent).toBe(`camera.steps_${name}`);
  });
});

describe('pictures', () => {
  test('a size is scaled down to the longest side, never up', () => {
    expect(fitWithin(4_000, 3_000, 2_000)).toEqual([2_000, 1_500]);
    expect(fitWithin(3_000, 4_000, 2_000)).toEqual([1_500, 2_000]);
    expect(fitWithin(800, 600, 2_000)).toEqual([800, 600]);
    expect(fitWithin(10_000, 2, 2_000)).toEqual([2_000, 1]);
  });
  test('the part behind a guide is found in a video that covers its box', () => {
    // A box of 300 by 400 shows the middle 900 of 1,600 columns of a picture 1,200 high.
    const box = { left: 10, top: 20, width: 300, height: 400 };
    const shown = (guide: typeof box) => Object.values(findShownPart({ width: 1_600, height: 1_200 }, box, guide)).map(Math.round);
    expect(shown(box)).toEqual([350, 0, 900, 1_200]);
    expect(shown({ left: 110, top: 120, width: 100, height: 200 })).toEqual([650, 300, 300, 600]);
  });
  test('a part is clamped to the picture', () => {
    const box = { left: 0, top: 0, width: 100, height: 100 };
    const part = findShownPart({ width: 1_000, height: 1_000 }, box, widenPart(box, 0.1));
    expect(part).toEqual({ left: 0, top: 0, width: 1_000, height: 1_000 });
  });
});

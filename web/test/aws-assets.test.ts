import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import '@tensorflow/tfjs-backend-cpu';
import { loadGraphModel } from '@tensorflow/tfjs-converter';
import * as tf from '@tensorflow/tfjs-core';
import postcss from 'postcss';
import { describe, expect, test } from 'vitest';
import { readAssets } from '../scripts/aws-assets';
import { convertToGraphModel, SHARD } from '../scripts/aws-assets.model';
import { SCOPE, scopeStyles } from '../scripts/aws-assets.styles';

const TFLITE = new URL('../node_modules/@mediapipe/face_detection/face_detection_short_range.tflite', import.meta.url);
const STYLES = new URL('../node_modules/@aws-amplify/ui-react-liveness/dist/styles.css', import.meta.url);

// What LiteRT 2.3.0 (PyPI `ai-edge-litert`, its reference kernels) makes of the same file and `noise`: the score, the box and
// the points of a few anchors of both layers.
const BY_LITERT: Record<number, number[]> = {
  0: [-4.20324993, 0.651425, -0.25211525, 24.93626022, 24.936004, -1.89002204, -3.7945168, 3.22064257, -4.5899019, 1.04870331, -0.89846444, 0.45913649, 3.52678967, -7.74503422, -0.64195156, 7.3274889, -2.0500455],
  511: [-4.69209576, 0.42160284, 0.64673114, 45.51939392, 45.51913452, -0.51339817, -7.15992022, 7.57203102, -4.07749367, 0.57750636, 2.40782571, -2.47643685, 9.73216057, -8.45556831, -8.44097710, 11.03854466, -1.9905976],
  895: [-43.67990494, 19.88572121, 0.89998114, 147.53465271, 147.62881470, 2.72220182, -22.29565811, 38.20045090, -9.32984352, 7.46413326, 20.33263779, 1.79494524, 34.90075684, -16.43767548, -35.59561920, 66.27017975, -9.0520744],
};

describe('the face model', () => {
  const made = convertToGraphModel(readFileSync(TFLITE));

  test('is the same at every build', () => {
    const sha256 = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex');
    expect([sha256(made.json), sha256(made.weights)]).toMatchInlineSnapshot(`
      [
        "ab315c4fe84e40f5c23102a379eecd1e3801d99b2b62699c13eddf76eb965097",
        "ae6e31bb6aac73ecc2ff1ed0dc63f3cfd0ab0922f6402c06cadd1aca3f96e5c6",
      ]
    `);
  });

  test('computes what LiteRT computes', async () => {
    const model = await load(made);
    const result = model.execute(tf.tensor4d(noise(), [1, 128, 128, 3]), 'Identity:0') as tf.Tensor3D;
    expect(result.shape).toEqual([1, 896, 17]);
    const [anchors] = await result.array();
    for (const [anchor, expected] of Object.entries(BY_LITERT)) {
      expected.forEach((value, index) => expect(anchors?.[Number(anchor)]?.[index]).toBeCloseTo(value, 3));
    }
  });

  test('is refused when the source has unknown parts', () => {
    expect(() => convertToGraphModel(Buffer.from('not a model at all'))).toThrow('its file identifier is not TFL3');
    const other = new URL('../node_modules/@mediapipe/face_detection/face_detection_full_range_sparse.tflite', import.meta.url);
    expect(() => convertToGraphModel(readFileSync(other))).toThrow('which is not read here');
  });
});

test('every file that is fetched at run time is among the assets', () => {
  const names = [...readAssets().keys()].sort();
  expect(names).toEqual([
    'NOTICE.txt',
    SHARD,
    'model.json',
    'tfjs-backend-wasm-simd.wasm',
    'tfjs-backend-wasm-threaded-simd.wasm',
    'tfjs-backend-wasm.wasm',
  ]);
});

describe("Amplify's styles", () => {
  const css = scopeStyles(readFileSync(STYLES, 'utf8'));

  test('touch nothing outside the face step', () => {
    const outside: string[] = [];
    postcss.parse(css).walkRules((rule) => {
      const isFrame = rule.parent?.type === 'atrule' && 'name' in rule.parent && rule.parent.name === 'keyframes';
      if (!isFrame) outside.push(...rule.selectors.filter((each) => !each.startsWith(SCOPE)));
    });
    expect(outside).toEqual([]);
    expect(css.match(/@keyframes [\w-]+/g)?.filter((each) => !each.includes('amplify'))).toEqual([]);
  });

  test('have the component’s parts, and little more', () => {
    for (const part of ['liveness-oval-canvas', 'liveness-toast', 'button--primary', 'loader', 'select', 'alert__heading']) {
      expect(css).toContain(`${SCOPE} .amplify-${part}`);
    }
    expect(css).not.toContain('amplify-authenticator');
    expect(gzipSync(css).length).toBeLessThan(11_000);
  });

  test('use only variables that they set', () => {
    const set = new Set(css.match(/--amplify-[\w-]+(?=:)/g));
    const used = new Set(css.match(/(?<=var\()--amplify-[\w-]+(?=\))/g));
    expect([...used].filter((each) => !set.has(each))).toEqual([]);
  });
});

function load(made: { json: string; weights: Uint8Array }) {
  const { modelTopology, weightsManifest, format } = JSON.parse(made.json);
  const weightData = new Uint8Array(made.weights).buffer;
  return loadGraphModel({ load: async () => ({ modelTopology, weightSpecs: weightsManifest[0].weights, weightData, format }) });
}

/** Numbers from -1 to 1 that any language makes alike. */
function noise(): Float32Array {
  return Float32Array.from({ length: 128 * 128 * 3 }, (_, index) => Number((BigInt(index) * 2654435761n) % 4294967296n) / 2147483648 - 1);
}

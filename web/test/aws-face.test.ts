import { describe, expect, test } from 'vitest';
import { computeClockOffset } from '../src/person/steps/face/aws/clock';
import { rewriteStreamUrl } from '../src/person/steps/face/aws/guard';
import { texts } from '../src/person/steps/face/aws/texts';
import { canRetry, toAwsTrouble } from '../src/person/steps/face/aws/trouble';

// The package keeps its own words to itself.
const OWN_WORDS = '../node_modules/@aws-amplify/ui-react-liveness/dist/esm/components/FaceLivenessDetector/displayText.mjs';

describe('the texts', () => {
  // The page shows errors itself, so the component's error texts are never visible; the others belong to parts that it does not use.
  const unseen = /^(connectionTimeout|timeout|faceDistance|multipleFaces|client|server|landscape|portrait|errorLabel)|^(goodFit|tooFar)|photosensitivyW/;

  test('cover every text of the component', async () => {
    const own: { defaultLivenessDisplayText: object } = await import(new URL(OWN_WORDS, import.meta.url).href);
    const said = Object.keys(own.defaultLivenessDisplayText).filter((name) => !unseen.test(name));
    expect(Object.keys(texts.en.display).sort()).toEqual(said.sort());
  });

  test('are translated in each language', () => {
    for (const language of ['es', 'fr', 'de'] as const) {
      const untranslated = Object.entries(texts[language].display).filter(([name, word]) => word === texts.en.display[name as never]);
      expect(untranslated).toEqual([]);
    }
  });
});

test('a clock offset is corrected from a minute on', () => {
  const now = Date.parse('2026-11-22T20:40:12Z');
  const date = 'Sun, 22 Nov 2026 20:40:12 GMT';
  expect(computeClockOffset(date, now, now + 1_000)).toBe(0);
  expect(computeClockOffset(date, now + 59_000, now + 60_000)).toBe(0);
  expect(computeClockOffset(date, now + 20 * 60_000, now + 20 * 60_000 + 200)).toBe(-20 * 60_000 + 400);
  expect(computeClockOffset(date, now - 20 * 60_000, now - 20 * 60_000)).toBe(20 * 60_000 + 500);
  for (const nothing of [null, '', 'yesterday']) expect(computeClockOffset(nothing, now, now)).toBe(0);
});

test('only a stream on this machine may be unencrypted', () => {
  const path = '/start-face-liveness-session-websocket?session-id=1';
  for (const host of ['localhost:8443', '127.0.0.1:9000', '[::1]:9000', '127.1.2.3']) {
    expect(rewriteStreamUrl(`wss://${host}${path}`, `ws://${host}`)).toBe(`ws://${host}${path}`);
    expect(rewriteStreamUrl(`wss://${host}${path}`, `wss://${host}`)).toBe(`wss://${host}${path}`);
  }
  const aws = `wss://streaming-rekognition.eu-west-1.amazonaws.com${path}`;
  expect(rewriteStreamUrl(aws, undefined)).toBe(aws);
  expect(rewriteStreamUrl(aws, 'ws://localhost:8443')).toBe(aws);
  for (const host of ['example.com', '127.0.0.1.example.com', '10.0.0.1', 'localhost.example.com']) {
    expect(rewriteStreamUrl(`wss://${host}${path}`, `ws://${host}`)).toBe(`wss://${host}${path}`);
  }
});

describe('a trouble', () => {
  test.each([
    ['TIMEOUT', '', 'timeout'],
    ['CONNECTION_TIMEOUT', '', 'connection'],
    ['CAMERA_ACCESS_ERROR', '', 'camera'],
    ['DEFAULT_CAMERA_NOT_FOUND_ERROR', '', 'camera'],
    ['CAMERA_FRAMERATE_ERROR', '', 'framerate'],
    ['FACE_DISTANCE_ERROR', '', 'distance'],
    ['MULTIPLE_FACES_ERROR', '', 'several_faces'],
    ['MOBILE_LANDSCAPE_ERROR', '', 'landscape'],
    ['SERVER_ERROR', 'Internal server error', 'server'],
    ['SERVER_ERROR', 'Server ended the connection unexpectedly (code 1006)', 'connection'],
    ['SERVER_ERROR', 'Failed to fetch', 'connection'],
    ['RUNTIME_ERROR', 'There was an error loading the blazeface model.', 'connection'],
    ['RUNTIME_ERROR', 'Face detection model loading timed out.', 'connection'],
    ['RUNTIME_ERROR', 'Client failed to start recording.', 'camera'],
    ['RUNTIME_ERROR', 'Client failed to draw oval.', 'server'],
    ['SOMETHING_NEW', '', 'server'],
  ])('%s %s is %s', (state, message, kind) => {
    expect(toAwsTrouble({ state, error: new Error(message) })).toBe(kind);
  });

  test('caused by the operator’s settings cannot be retried', () => {
    const named = (name: string, message = '') => ({ state: 'SERVER_ERROR', error: Object.assign(new Error(message), { name }) });
    expect(canRetry(named('AccessDeniedException'))).toBe(false);
    expect(canRetry(named('Error', 'Invalid region in FaceLivenessDetector or credentials are scoped to the wrong region.'))).toBe(false);
    expect(canRetry(named('ThrottlingException'))).toBe(true);
    expect(canRetry({ state: 'SERVER_ERROR', error: { Message: 'The session has expired.' } })).toBe(true);
    expect(canRetry({ state: 'TIMEOUT', error: undefined })).toBe(true);
  });
});

// The face step without a browser: its calls, its stages, and the recording of frames.
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { GreyImage } from '../src/person/camera/measure';
import { type FaceResult, type FaceSession, MAX_RESULT_CALLS, RESULT_INTERVAL, buildFramesForm, decodeJpeg, pollResult, uploadFrames } from '../src/person/steps/face/faceCheck';
import { FRAMES_PER_STEP, FRAME_SPACING, type FaceMovement, countFramesTaken } from '../src/person/steps/face/facePace';
import { toStageAfterError } from '../src/person/steps/face/faceStage';
import { createFrameRecorder } from '../src/person/steps/face/frameRecorder';
import { ApiError, ConnectionError } from '../src/shared/api/client';

afterEach(() => vi.unstubAllGlobals());

const SESSION = { sessionId: 's1', challenge: { nonce: 'n1', steps: ['look_straight', 'turn_left'] } } as unknown as FaceSession;
const FRAMES = [
  { step: 'look_straight' as const, time: 0, picture: new Blob(['a']) },
  { step: 'turn_left' as const, time: 700, picture: new Blob(['bc']) },
];

describe('the stage after an error', () => {
  const after = (status: number, retryAfter: number | null = null) => toStageAfterError(new ApiError(status, {}, retryAfter, null), 1_000);
  test('429 is a pause of the given time, or of a minute', () => {
    expect(after(429, 5)).toEqual({ is: 'paused', until: 6_000 });
    expect(after(429)).toEqual({ is: 'paused', until: 61_000 });
  });
  test('an unknown or ended session has expired', () => {
    expect([404, 410].map((status) => after(status))).toEqual([{ is: 'expired' }, { is: 'expired' }]);
  });
  test('any other error is a failure without advice', () => {
    expect([after(500), toStageAfterError(new ConnectionError('lost'), 0), toStageAfterError('x', 0)]).toEqual(Array(3).fill({ is: 'failed', codes: [] }));
  });
});

describe('the frames of a check', () => {
  test('the form has nonce, order, times and pictures', () => {
    const form = buildFramesForm(SESSION, FRAMES);
    expect([...form.keys()]).toEqual(['nonce', 'frames', 'frame_1', 'frame_2']);
    expect(form.get('nonce')).toBe('n1');
    expect(JSON.parse(String(form.get('frames')))).toEqual([{ step: 'look_straight', time: 0 }, { step: 'turn_left', time: 700 }]);
    expect((form.get('frame_2') as File).name).toBe('frame_2.jpg');
  });
  test('frames that arrived at an earlier attempt are uploaded; other refusals are errors', async () => {
    const refuse = (status: number) => vi.stubGlobal('fetch', async () => new Response('{}', { status }));
    refuse(409);
    await expect(uploadFrames('t', SESSION, FRAMES)).resolves.toBeUndefined();
    refuse(410);
    await expect(uploadFrames('t', SESSION, FRAMES)).rejects.toMatchObject({ status: 410 });
  });
});

describe('the result of a check', () => {
  const result = (status: string) => ({ status, isLive: status === 'SUCCEEDED', hasPassed: status === 'SUCCEEDED' }) as FaceResult;
  async function poll(statuses: string[]) {
    const waits: number[] = [];
    let calls = 0;
    const fetchNext = async () => result(statuses[calls++] ?? statuses.at(-1) ?? '');
    const found = await pollResult(fetchNext, async (ms) => void waits.push(ms));
    return { status: found.status, calls, waits };
  }
  test('a final result ends the polling', async () => {
    expect(await poll(['SUCCEEDED'])).toEqual({ status: 'SUCCEEDED', calls: 1, waits: [] });
    expect(await poll(['IN_PROGRESS', 'CREATED', 'FAILED'])).toEqual({ status: 'FAILED', calls: 3, waits: [RESULT_INTERVAL, RESULT_INTERVAL] });
  });
  test('an open result is polled a limited number of times', async () => {
    expect((await poll(['IN_PROGRESS'])).calls).toBe(MAX_RESULT_CALLS);
  });
  test('a reference image becomes a JPEG', async () => {
    const blob = decodeJpeg(btoa('\xff\xd8\xff'));
    expect(blob.type).toBe('image/jpeg');
    expect([...new Uint8Array(await blob.arrayBuffer())]).toEqual([0xff, 0xd8, 0xff]);
  });
});

describe('a frame recorder', () => {
  const STEPS: FaceMovement[] = ['look_straight', 'turn_left'];
  const image = (value: number): GreyImage => ({ width: 2, height: 2, data: new Uint8Array(4).fill(value) });

  /** Records a person who turns once after each step was shown, and holds still otherwise. */
  async function record(pictures = (i: number): Promise<Blob> => Promise.resolve(new Blob([String(i)]))) {
    let now = 5_000;
    let light = 10;
    let taken = 0;
    const log: string[] = [];
    const recorder = createFrameRecorder(STEPS, false, {
      now: () => now,
      takePicture: () => pictures((taken += 1)),
      onInstruction: (step) => {
        log.push(step);
        light += 40;
      },
      onStepDone: () => log.push('done'),
      onPace: (pace) => log.push(`${countFramesTaken(pace)}`),
      onEnd: () => log.push('end'),
    });
    for (; !log.includes('end') && now < 60_000; now += 100) recorder.observe(image(light));
    return { log, frames: recorder.collectFrames() };
  }

  test('each step is announced, taken three times and confirmed', async () => {
    const { log } = await record();
    expect(log).toEqual(['look_straight', '0', '1', '2', '3', 'done', '3', 'turn_left', '3', '4', '5', '6', 'done', '6', 'end']);
  });
  test('frames have their step, and times since the first', async () => {
    const frames = await (await record()).frames;
    expect(frames.map(({ step }) => step)).toEqual(STEPS.flatMap((step) => Array<FaceMovement>(FRAMES_PER_STEP).fill(step)));
    expect(frames[0]?.time).toBe(0);
    expect(frames[1]?.time).toBe(FRAME_SPACING);
    expect(await Promise.all(frames.map(({ picture }) => picture.text()))).toEqual(['1', '2', '3', '4', '5', '6']);
  });
  test('a picture that cannot be encoded fails the collection', async () => {
    const { frames } = await record((i) => (i === 4 ? Promise.reject(new Error('no canvas')) : Promise.resolve(new Blob())));
    await expect(frames).rejects.toThrow('no canvas');
  });
});

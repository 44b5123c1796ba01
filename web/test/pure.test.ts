// Small rules without a DOM: colours, return links, dates, advice, pace, cameras, pictures, tabs, consent.
import { describe, expect, test } from 'vitest';
import { keepValidBranding } from '../src/person/app/branding';
import { chooseCameraInstructions } from '../src/person/camera/browser';
import { isVirtualCamera, toCameraTrouble } from '../src/person/camera/openCamera';
import { fitWithin, findShownPart, widenPart } from '../src/person/camera/picture';
import { toIsoDate, toDateParts } from '../src/person/flow/date';
import { buildReturnUrl } from '../src/person/flow/redirect';
import { buildConsentVersion, readTokenExpiry } from '../src/person/flow/session';
import { watchTabs } from '../src/person/flow/tabs';
import { choosePictureAdvice } from '../src/person/flow/pictureAdvice';
import { chooseFaceAdvice } from '../src/person/steps/face/faceAdvice';
import { type PaceAction, type FacePace, FRAMES_PER_STEP, FRAME_SPACING, type CameraMotion, type FaceMovement, advancePace } from '../src/person/steps/face/facePace';
import { BACKGROUNDS, type RgbColour, contrastRatio, toHex, parseColour, deriveShades } from '../src/shared/ui/colour';

describe('colours', () => {
  test('contrast ratio is that of WCAG', () => {
    expect(contrastRatio([0, 0, 0], [255, 255, 255])).toBeCloseTo(21, 5);
    expect(contrastRatio([119, 119, 119], [255, 255, 255])).toBeCloseTo(4.48, 2);
  });

  test('every brand colour is readable on either background', () => {
    const steps = [0, 51, 102, 153, 204, 255];
    for (const ground of Object.values(BACKGROUNDS)) {
      for (const red of steps) for (const green of steps) for (const blue of steps) {
        const colour: RgbColour = [red, green, blue];
        const { primary, on, link, tint } = deriveShades(colour, ground);
        const name = toHex(colour);
        expect(contrastRatio(primary, on), `button ${name}`).toBeGreaterThanOrEqual(4.5);
        expect(contrastRatio(primary, ground), `button’s edge ${name}`).toBeGreaterThanOrEqual(3);
        expect(contrastRatio(link, ground), `link ${name}`).toBeGreaterThanOrEqual(4.5);
        expect(contrastRatio(link, tint), `link on tint ${name}`).toBeGreaterThanOrEqual(4.5);
      }
    }
  });

  test('only #rrggbb is a colour', () => {
    expect(parseColour('#1a2B3c')).toEqual([26, 43, 60]);
    for (const other of ['red', '#fff', '#12345g', 'url(x)', undefined, '']) expect(parseColour(other)).toBeNull();
  });
});

test('branding that could run script or load from elsewhere is dropped', () => {
  expect(keepValidBranding({ logo: 'https://x.example/logo.png', privacy_url: 'javascript:alert(1)', support_url: 'data:text/html,x', support_email: 'a@b.c?bcc=x <', color: 'red' })).toEqual({});
  const good = { name: 'Shop', logo: 'data:image/png;base64,AA==', color: '#112233', privacy_url: 'https://a.example/p', support_email: 'a@b.example' };
  expect(keepValidBranding(good)).toEqual(good);
});

describe('the return link', () => {
  const id = 'abc123def456ghi';
  test('has profile and status, and keeps the site’s own parameters', () => {
    expect(buildReturnUrl('https://shop.example/back?order=7#top', id, 'pending')).toBe(`https://shop.example/back?order=7&profile_id=${id}&status=pending#top`);
  });
  test('has no token, and no parameter twice', () => {
    expect(buildReturnUrl('https://shop.example/?token=t&status=verified&profile_id=other', id, 'rejected')).toBe(`https://shop.example/?status=rejected&profile_id=${id}`);
  });
  test('is null for anything but http and https', () => {
    for (const bad of ['javascript:alert(1)', 'data:text/html,x', '/relative', '', null, undefined]) expect(buildReturnUrl(bad, id, 'pending')).toBeNull();
  });
});

describe('dates', () => {
  const today = new Date('2026-11-25T12:00:00Z');
  const iso = (day: string, month: string, year: string) => toIsoDate({ day, month, year }, today);
  test('an existing date is ISO 8601', () => {
    expect(iso('1', '2', '1990')).toEqual({ iso: '1990-02-01' });
    expect(iso('29', '2', '2000')).toEqual({ iso: '2000-02-29' });
  });
  test('a missing, impossible or future date is an error of its kind', () => {
    expect(iso('29', '2', '1900')).toEqual({ wrong: 'bad' });
    expect(iso('31', '4', '1990')).toEqual({ wrong: 'bad' });
    expect(iso('1', '1', '90')).toEqual({ wrong: 'bad' });
    expect(iso('1', '1', '0090')).toEqual({ wrong: 'bad' });
    expect(iso('0', '1', '1990')).toEqual({ wrong: 'bad' });
    expect(iso('26', '11', '2026')).toEqual({ wrong: 'future' });
    expect(iso('', '1', '1990')).toEqual({ wrong: 'missing' });
  });
  test('an ISO date has its parts', () => {
    expect(toDateParts('1990-01-15')).toEqual({ day: '15', month: '1', year: '1990' });
    expect(toDateParts('')).toEqual({ day: '', month: '', year: '' });
  });
});

test('a token’s expiry is read, or infinite', () => {
  const token = (payload: object) => `x.${btoa(JSON.stringify(payload)).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')}.y`;
  expect(readTokenExpiry(token({ exp: 1_700 }))).toBe(1_700_000);
  for (const other of ['', 'x.y.z', token({}), token({ exp: '1' })]) expect(readTokenExpiry(other)).toBe(Infinity);
});

describe('advice', () => {
  const finding = (code: string, outcome: 'pass' | 'warn' | 'fail') => ({ code, outcome });
  test('findings about the picture give advice', () => {
    expect(choosePictureAdvice([finding('picture_sharp', 'fail'), finding('glare', 'warn')], {})).toEqual(['document.advice_sharp', 'document.advice_glare']);
  });
  test('warnings give none where all was read, failures do', () => {
    const read = { name: 'Jane', document_number: 'A1' };
    expect(choosePictureAdvice([finding('framing', 'warn'), finding('light', 'warn')], read)).toEqual([]);
    expect(choosePictureAdvice([finding('expired', 'fail')], read)).toEqual(['document.advice_expired']);
  });
  test('findings about forgery give none', () => {
    expect(choosePictureAdvice([finding('mrz_check_digits', 'fail'), finding('edited', 'warn'), finding('sides_match', 'fail')], { name: 'J', document_number: '1' })).toEqual([]);
  });
  test('an unread document without a reason suggests the wrong side', () => {
    expect(choosePictureAdvice([finding('light', 'pass')], {})).toEqual(['document.advice_unread']);
    expect(choosePictureAdvice([], {})).toEqual([]);
  });
  test('for faces the given feedback comes first, three sentences at most', () => {
    expect(chooseFaceAdvice(['POSE_TURN_LEFT'])[0]).toBe('face.advice_turn_left');
    expect(chooseFaceAdvice(['POSE_TURN_LEFT', 'POSE_TURN_RIGHT', 'TIMING', 'ONE_FACE'])).toHaveLength(3);
    expect(chooseFaceAdvice(['LIVENESS_NOT_SHOWN'])).toEqual(['face.advice_general', 'face.advice_light', 'face.advice_glasses']);
  });
});

describe('the face check’s pace', () => {
  const STEPS = ['turn_left', 'look_straight', 'turn_right', 'move_closer'] as const;
  const LOOKS = 100;
  const HELD = { moving: 0.8, moved: 12 };

  /** Every action and its time, for a camera with the motion `seen` some milliseconds after a step was shown. */
  function run(steps: readonly FaceMovement[], seen: (sinceShown: number) => CameraMotion, isSlow = false): { at: number; action: PaceAction; step: FaceMovement | undefined }[] {
    const actions: { at: number; action: PaceAction; step: FaceMovement | undefined }[] = [];
    let pace: FacePace | null = null;
    for (let at = 0; at < 180_000; at += LOOKS) {
      const next = advancePace(pace, steps, isSlow, at, seen(at - (pace?.shownAt ?? at)));
      pace = next.pace;
      if (next.action) actions.push({ at, action: next.action, step: pace?.step });
      if (next.action === 'end') break;
    }
    return actions;
  }
  const firstShot = (actions: ReturnType<typeof run>) => actions.find(({ action }) => action === 'shoot')?.at ?? Infinity;

  test.each([
    ['a person who follows at once', () => HELD, false],
    ['a person who never moves', () => ({ moving: 0.5, moved: 1 }), false],
    ['a person who never holds still', () => ({ moving: 9, moved: 20 }), false],
    ['a person who never moves, with more time', () => ({ moving: 0.5, moved: 1 }), true],
  ] as const)('stays within the server’s limits: %s', (_, seen, isSlow) => {
    const actions = run(STEPS, seen, isSlow);
    expect(actions.at(-1)?.action).toBe('end');
    const shots = actions.filter(({ action }) => action === 'shoot');
    expect(shots.map(({ step }) => step)).toEqual(STEPS.flatMap((step) => Array<FaceMovement>(FRAMES_PER_STEP).fill(step)));
    const gaps = shots.slice(1).map(({ at }, i) => at - (shots[i]?.at ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(FRAME_SPACING);
    expect(Math.max(...gaps)).toBeLessThan(15_000);
    const all = (shots.at(-1)?.at ?? 0) - (shots[0]?.at ?? 0);
    expect(all).toBeGreaterThan(2_000);
    expect(all).toBeLessThan(90_000);
  });
  test('waits for a slow person, and not for a quick one', () => {
    const movesAt = (begin: number) => (since: number) =>
      since < begin ? { moving: 0.8, moved: 1 } : since < begin + 800 ? { moving: 8, moved: 9 } : { moving: 0.8, moved: 15 };
    const quick = firstShot(run(STEPS, movesAt(300)));
    const late = firstShot(run(STEPS, movesAt(3_000)));
    expect(quick).toBeLessThan(1_800);
    expect(late).toBeGreaterThan(3_800);
    expect(late).toBeLessThan(4_600);
  });
  test('reminds a person who has not moved, and no other', () => {
    const reminders = (seen: (since: number) => CameraMotion) => run(STEPS, seen).filter(({ action }) => action === 'remind').length;
    expect(reminders(() => ({ moving: 0.5, moved: 1 }))).toBe(STEPS.length);
    expect(reminders(() => HELD)).toBe(0);
  });
  test('looking straight first needs no movement', () => {
    const actions = run(['look_straight', 'turn_left'], () => ({ moving: 0.5, moved: 1 }));
    expect(firstShot(actions)).toBeLessThan(1_500);
  });
  test('each step is shown, taken and confirmed before the next', () => {
    const actions = run(STEPS, () => HELD).map(({ action }) => action);
    expect(actions).toEqual([...STEPS.flatMap(() => ['show', 'shoot', 'shoot', 'shoot', 'done']), 'end']);
  });
});

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

test('the tab that claims last works', () => {
  const channels: { listener?: (event: MessageEvent) => void }[] = [];
  const open = () => {
    const channel: (typeof channels)[number] = {};
    channels.push(channel);
    return {
      postMessage: (data: unknown) => channels.filter((other) => other !== channel).forEach((other) => other.listener?.({ data } as MessageEvent)),
      addEventListener: (_: 'message', listener: (event: MessageEvent) => void) => void (channel.listener = listener),
      close: () => undefined,
    };
  };
  const stopped: string[] = [];
  const first = watchTabs('p', () => stopped.push('first'), open);
  first.claim();
  const second = watchTabs('p', () => stopped.push('second'), open);
  second.claim();
  expect(stopped).toEqual(['first']);
  first.claim();
  expect(stopped).toEqual(['first', 'second']);
});

describe('the consent version', () => {
  test('names the other processors', () => {
    expect(buildConsentVersion([])).toBe('2026-11');
    expect(buildConsentVersion(['Amazon Web Services', 'OpenAI'])).toBe('2026-11.amazon-web-services.openai');
    expect(buildConsentVersion(['x'.repeat(99)])).toMatch(/^[A-Za-z0-9._-]{1,64}$/);
  });
});

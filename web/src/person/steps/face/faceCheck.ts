// The API calls of a face check: create a session, upload its frames, poll its result. No React, no DOM.
import { ApiError, type ApiSchemas, callApi } from '../../../shared/api/client';
import { withRetries } from '../../../shared/api/retry';
import type { FaceMovement } from './facePace';

export type FaceSession = ApiSchemas['LivenessSessionResponse'];
export type FaceResult = ApiSchemas['LivenessResults'];

export interface TakenFrame {
  step: FaceMovement;
  /** Milliseconds since the first frame. */
  time: number;
  picture: Blob;
}

/** How often the page polls a provider's result, in milliseconds, and how many times at most. */
export const RESULT_INTERVAL = 1_500;
export const MAX_RESULT_CALLS = 20;

/** `withoutFlashing` is for providers that flash colours by default. 429 is for the caller: the person has to pause. */
export function createFaceSession(token: string, withoutFlashing: boolean): Promise<FaceSession> {
  const json = withoutFlashing ? { challengeType: 'FaceMovementChallenge' } : {};
  return withRetries(() => callApi('post', '/api/face-liveness/session', { token, json }), { attempts: 5, except: [429] });
}

export async function uploadFrames(token: string, session: FaceSession, frames: readonly TakenFrame[]): Promise<void> {
  const params = { sessionId: session.sessionId };
  const upload = () =>
    callApi('post', '/api/face-liveness/session/{sessionId}/frames', { token, params, form: buildFramesForm(session, frames) });
  try {
    await withRetries(upload, { attempts: 6 });
  } catch (error) {
    // 409: the frames have arrived, and the answer to an earlier attempt was lost.
    if (!(error instanceof ApiError && error.status === 409)) throw error;
  }
}

export function buildFramesForm(session: FaceSession, frames: readonly TakenFrame[]): FormData {
  const form = new FormData();
  form.set('nonce', session.challenge?.nonce ?? '');
  form.set('frames', JSON.stringify(frames.map(({ step, time }) => ({ step, time }))));
  frames.forEach(({ picture }, i) => form.set(`frame_${i + 1}`, picture, `frame_${i + 1}.jpg`));
  return form;
}

/** The final result, or the last one after MAX_RESULT_CALLS calls. */
export async function pollResult(fetchResult: () => Promise<FaceResult>, sleep: (ms: number) => Promise<void> = sleepFor): Promise<FaceResult> {
  let result = await fetchResult();
  for (let calls = 1; isOpenResult(result) && calls < MAX_RESULT_CALLS; calls += 1) {
    await sleep(RESULT_INTERVAL);
    result = await fetchResult();
  }
  return result;
}

const isOpenResult = ({ status }: FaceResult): boolean => status !== 'SUCCEEDED' && status !== 'FAILED';

const sleepFor = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function fetchResult(token: string, sessionId: string): Promise<FaceResult> {
  const answer = await withRetries(() => callApi('get', '/api/face-liveness/results/{sessionId}', { token, params: { sessionId } }), { attempts: 6 });
  return answer.data;
}

/** AWS's temporary credentials, for its component. */
export async function fetchAwsCredentials(token: string) {
  return (await withRetries(() => callApi('get', '/api/aws/credentials', { token }), { attempts: 3 })).data;
}

export function decodeJpeg(base64: string): Blob {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  return new Blob([bytes], { type: 'image/jpeg' });
}

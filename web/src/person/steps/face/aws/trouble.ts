// Maps errors of AWS's component to the kinds of trouble that have advice for the person.
import type { AwsTrouble } from './props';

export interface LivenessError {
  state: string;
  error: unknown;
}

const TROUBLE_BY_STATE: Record<string, AwsTrouble> = {
  TIMEOUT: 'timeout',
  FRESHNESS_TIMEOUT: 'timeout',
  CONNECTION_TIMEOUT: 'connection',
  CAMERA_ACCESS_ERROR: 'camera',
  DEFAULT_CAMERA_NOT_FOUND_ERROR: 'camera',
  CAMERA_FRAMERATE_ERROR: 'framerate',
  FACE_DISTANCE_ERROR: 'distance',
  MULTIPLE_FACES_ERROR: 'several_faces',
  MOBILE_LANDSCAPE_ERROR: 'landscape',
};

export function toAwsTrouble({ state, error }: LivenessError): AwsTrouble {
  const words = joinErrorText(error);
  if (state === 'RUNTIME_ERROR' && /loading/.test(words)) return 'connection'; // The model or the wasm files did not load.
  if (state === 'RUNTIME_ERROR' && /start recording|MediaRecorder|video chunks/i.test(words)) return 'camera';
  if (state === 'SERVER_ERROR' && /code 1006|Failed to fetch|NetworkError|Load failed/.test(words)) return 'connection';
  return TROUBLE_BY_STATE[state] ?? 'server';
}

/** False for an operator's mistake: a wrong region, or keys without permission. */
export function canRetry({ error }: LivenessError): boolean {
  return !/valid region|wrong region|AccessDenied|UnrecognizedClient|not authorized/i.test(joinErrorText(error));
}

function joinErrorText(error: unknown): string {
  const { name = '', message = '', Message = '' } = (error ?? {}) as Record<string, string | undefined>;
  return `${name} ${message} ${Message}`;
}

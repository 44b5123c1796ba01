// The stages of the face step, and the stage that follows an error. Pure.
import { ApiError } from '../../../shared/api/client';
import type { AwsTrouble } from './aws/props';

export type FaceStage =
  | { is: 'intro' }
  | { is: 'local' }
  | { is: 'starting' }
  | { is: 'provider'; session: string }
  | { is: 'judging' }
  | { is: 'failed'; codes: string[] }
  | { is: 'trouble'; trouble: AwsTrouble; retry: boolean }
  | { is: 'paused'; until: number }
  | { is: 'interrupted' }
  | { is: 'expired' };

/** Seconds to pause after a 429 that has no `Retry-After`. */
const DEFAULT_PAUSE = 60;

/** `now` in milliseconds since 1970. */
export function toStageAfterError(error: unknown, now: number): FaceStage {
  if (!(error instanceof ApiError)) return { is: 'failed', codes: [] };
  if (error.status === 429) return { is: 'paused', until: now + (error.retryAfter ?? DEFAULT_PAUSE) * 1_000 };
  if (error.status === 404 || error.status === 410) return { is: 'expired' };
  return { is: 'failed', codes: [] };
}

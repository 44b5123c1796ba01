// What the page gives to AWS's face step, and what it hears from it.
import type { Language } from '../../../../shared/i18n/language';

export interface AwsCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  /** A date, or RFC 3339. */
  expiration: Date | string;
}

/** What went wrong. `texts` has words for each in every language. */
export type AwsTrouble =
  | 'timeout'
  | 'camera'
  | 'framerate'
  | 'distance'
  | 'several_faces'
  | 'landscape'
  | 'server'
  | 'connection';

export interface AwsFaceProps {
  /** Serves one try, within three minutes. */
  session: string;
  region: string;
  /** Where the stream goes if not to AWS: `wss://…`, or `ws://…` on this machine. */
  stream?: string | null | undefined;
  credentials(): Promise<AwsCredentials>;
  language: Language;
  /** The person has done what they were asked and AWS has judged it. The camera is off. */
  onDone(): Promise<void> | void;
  onCancel(): void;
  /** The step has ended, with the camera off. `retry` tells whether another session could do better. */
  onError(trouble: AwsTrouble, retry: boolean): void;
  /** False where the session was made without flashing, with `FaceMovementChallenge`: nobody is warned then. */
  flashing?: boolean | undefined;
  /** Offered to people whom flashing harms: the page makes another session. */
  onWithoutFlashing?: (() => void) | undefined;
}

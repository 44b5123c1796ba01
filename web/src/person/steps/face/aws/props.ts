// The props of AWS's face step.
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
  /** Valid for one try, within three minutes. */
  session: string;
  region: string;
  /** The stream's address if it is not AWS's: `wss://…`, or `ws://…` on this machine. */
  stream?: string | null | undefined;
  credentials(): Promise<AwsCredentials>;
  language: Language;
  /** The person has completed the check and AWS has evaluated it. The camera is off. */
  onDone(): Promise<void> | void;
  onCancel(): void;
  /** The step has ended, with the camera off. `retry`: another session may succeed. */
  onError(trouble: AwsTrouble, retry: boolean): void;
  /** False for a session without flashing (`FaceMovementChallenge`): the warning is left out. */
  flashing?: boolean | undefined;
  /** For people whom flashing harms: the page creates another session. */
  onWithoutFlashing?: (() => void) | undefined;
}

// The face step's state: its stage, the person's options, and the way from one stage to the next.
import { useCallback, useState } from 'react';
import { ApiError } from '../../../shared/api/client';
import { useFlow } from '../../app/context';
import { type FaceSession, type TakenFrame, createFaceSession, decodeJpeg, fetchResult, pollResult, uploadFrames } from './faceCheck';
import { type FaceStage, toStageAfterError } from './faceStage';

export interface FaceCheck {
  stage: FaceStage;
  setStage: (stage: FaceStage) => void;
  /** How many checks have failed. */
  failures: number;
  start: () => Promise<void>;
  createSession: () => Promise<FaceSession>;
  judgeFrames: (session: FaceSession, frames: TakenFrame[]) => Promise<void>;
  /** Fetches the result of a session and moves on with it. */
  conclude: (sessionId: string) => Promise<void>;
  showError: (error: unknown) => void;
}

export function useFaceCheck(withoutFlashing: boolean): FaceCheck {
  const { flow, session } = useFlow();
  const [stage, setStage] = useState<FaceStage>({ is: 'intro' });
  const [failures, setFailures] = useState(0);
  const { token } = session.access;
  const { provider } = flow.liveness;

  const createSession = useCallback(() => createFaceSession(token, provider === 'aws' && withoutFlashing), [token, provider, withoutFlashing]);

  const showError = useCallback(
    (error: unknown): void => {
      setStage(toStageAfterError(error, Date.now()));
      if (error instanceof ApiError && error.status === 401) void session.loadFlow('once');
    },
    [session],
  );

  const countFailure = useCallback(() => setFailures((before) => before + 1), []);
  const conclude = useConclude(setStage, countFailure, showError);

  const judgeFrames = useCallback(
    async (made: FaceSession, frames: TakenFrame[]): Promise<void> => {
      setStage({ is: 'judging' });
      try {
        await uploadFrames(token, made, frames);
      } catch (error) {
        return showError(error);
      }
      await conclude(made.sessionId);
    },
    [token, conclude, showError],
  );

  async function start(): Promise<void> {
    if (provider === 'local') return setStage({ is: 'local' });
    setStage({ is: 'starting' });
    try {
      const made = await createSession();
      setStage({ is: 'provider', session: made.sessionId });
    } catch (error) {
      showError(error);
    }
  }

  return { stage, setStage, failures, start, createSession, judgeFrames, conclude, showError };
}

/** Fetches a session's result: a living face moves on to the details, any other is a failure. */
function useConclude(setStage: (stage: FaceStage) => void, countFailure: () => void, showError: (error: unknown) => void) {
  const { t, session, go, announce } = useFlow();
  const { token } = session.access;
  return useCallback(
    async (sessionId: string): Promise<void> => {
      setStage({ is: 'judging' });
      try {
        const result = await pollResult(() => fetchResult(token, sessionId));
        if (!result.hasPassed) {
          countFailure();
          setStage({ is: 'failed', codes: result.feedback.map(({ Code }) => Code) });
          return;
        }
        if (result.referenceImage) await session.saveFacePhoto(decodeJpeg(result.referenceImage.bytes));
        await session.loadFlow();
        announce(t('face.done'));
        go('details');
      } catch (error) {
        showError(error);
      }
    },
    [setStage, countFailure, showError, token, session, announce, t, go],
  );
}

// The local face check's screen: the camera, the step to follow, and how far the person is. The server judges the frames.
import { Spinner, Title } from '../../../shared/ui/parts';
import { Icon } from '../../../shared/ui/pictures';
import { useFlow } from '../../app/context';
import { CameraChoice, CameraTroubleScreen } from '../../camera/CameraTroubleScreen';
import type { FaceSession } from './faceCheck';
import { FRAMES_PER_STEP, type FacePace, countFramesTaken } from './facePace';
import { type FaceLight, type LocalFaceCheckProps, useLocalFaceCheck } from './useLocalFaceCheck';

/** The number of steps until the session says it. */
const USUAL_STEPS = 4;

export function LocalFaceCheck(props: LocalFaceCheckProps) {
  const { t } = useFlow();
  const { camera, video, onPlaying, session, countdown, light, pace } = useLocalFaceCheck(props);
  if (camera.state.is === 'trouble') return <CameraTroubleScreen camera={camera} trouble={camera.state.trouble} label={camera.state.label} />;

  const steps = session?.challenge?.steps.length ?? USUAL_STEPS;
  return (
    <section className="stack face-check" data-screen="face-check">
      <Title quiet>{t('face.title')}</Title>
      <div
        className="stage face-stage"
        data-step={pace?.step ?? ''}
        // The frame that comes next: what a person holds, and what a test's camera shows.
        data-shot={pace ? Math.min(pace.shot + 1, FRAMES_PER_STEP) : 0}
      >
        <video ref={video} muted playsInline autoPlay className="mirrored" aria-label={t('face.stage')} onPlaying={onPlaying} />
        <FaceOval share={countFramesTaken(pace) / (steps * FRAMES_PER_STEP)} isClose={pace?.step === 'move_closer'} />
        <FaceHint session={session} pace={pace} steps={steps} countdown={countdown} light={light} />
      </div>
      {!session && <CameraChoice camera={camera} />}
    </section>
  );
}

interface FaceHintProps {
  session: FaceSession | null;
  pace: FacePace | null;
  steps: number;
  countdown: number;
  light: FaceLight;
}

function FaceHint({ session, pace, steps, countdown, light }: FaceHintProps) {
  const { t } = useFlow();
  const isDone = pace !== null && pace.shot > FRAMES_PER_STEP;
  const isHeld = pace !== null && pace.shot >= 1 && !isDone;
  return (
    <div className="face-hint" aria-hidden="true">
      {pace ? (
        <>
          <span className={`sign ${pace.step} ${isDone ? 'done' : ''}`}>
            <Icon name={isDone ? 'check' : pace.step} />
          </span>
          <p>{isDone ? t('face.step_done') : t(`face.${pace.step}`)}</p>
          <small>{isHeld ? t('face.hold') : t('face.progress', { step: pace.turn, steps })}</small>
        </>
      ) : session ? (
        <>
          <span className="sign count">{countdown}</span>
          <p>{t('face.fit')}</p>
          <small>{light === 'good' ? t('face.get_ready', { seconds: countdown }) : t(`face.too_${light}`)}</small>
        </>
      ) : (
        <>
          <span className="sign">
            <Spinner />
          </span>
          <p>{t('document.starting')}</p>
          <small>&nbsp;</small>
        </>
      )}
    </div>
  );
}

function FaceOval({ share, isClose }: { share: number; isClose: boolean }) {
  return (
    <svg className={`oval${isClose ? ' close' : ''}`} viewBox="24 10 252 380" preserveAspectRatio="xMidYMid meet" aria-hidden="true">
      <path className="veil" fillRule="evenodd" d="M-900-900h2100v2200h-2100zM150 52c-62 0-103 50-103 116s45 132 103 132 103-66 103-132S212 52 150 52z" />
      <path className="track" d="M150 52c62 0 103 50 103 116s-45 132-103 132S47 234 47 168 88 52 150 52z" />
      <path className="ring" pathLength={1} strokeDasharray={`${share} 1.001`} d="M150 52c62 0 103 50 103 116s-45 132-103 132S47 234 47 168 88 52 150 52z" />
    </svg>
  );
}

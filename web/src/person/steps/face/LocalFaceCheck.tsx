// The local check before the camera: it shows the server's steps in their order and takes the frames. Whether they show a living person
// is not judged here.
import { useEffect, useRef, useState } from 'react';
import type { ApiSchemas } from '../../../shared/api/client';
import { useFlow } from '../../app/context';
import { CameraChoice, CameraTroubleScreen } from '../../camera/CameraTroubleScreen';
import { type GreyImage, judgeFaceLight, toGreyImage, cropFaceArea, measureMovement } from '../../camera/measure';
import { FACE_SIDE, encodeJpeg } from '../../camera/picture';
import { useCamera } from '../../camera/useCamera';
import { Spinner, Title } from '../../../shared/ui/parts';
import { Icon } from '../../../shared/ui/pictures';
import { type FacePace, FRAMES_PER_STEP, type FaceMovement, advancePace } from './facePace';
import { speakText } from './speech';

type Made = ApiSchemas['SessionResponse'];
export type TakenFrames = { step: FaceMovement; time: number; picture: Blob }[];

interface LocalFaceCheckProps {
  isSlow: boolean;
  isSpoken: boolean;
  makeSession: () => Promise<Made>;
  onTaken: (made: Made, taken: TakenFrames) => void;
  onError: (error: unknown) => void;
  onInterrupted: () => void;
}

/** To bring the face into the oval before the first step, in seconds. */
const COUNTDOWN = 3;
const COUNTDOWN_SLOW = 8;
/** How often the picture is looked at, in milliseconds. */
const OBSERVE_INTERVAL = 100;

export function LocalFaceCheck({ isSlow, isSpoken, makeSession, onTaken, onError, onInterrupted }: LocalFaceCheckProps) {
  const { t, language, announce } = useFlow();
  const camera = useCamera('user');
  const video = useRef<HTMLVideoElement>(null);
  const [made, setMade] = useState<Made | null>(null);
  const [count, setCount] = useState(isSlow ? COUNTDOWN_SLOW : COUNTDOWN);
  const [pace, setPace] = useState<FacePace | null>(null);
  const [light, setLight] = useState<'dark' | 'bright' | 'good'>('good');
  const [isPlaying, setPlaying] = useState(false);
  const stream = camera.state.is === 'on' ? camera.state.stream : null;
  // What changes during the check must not start it anew.
  const latest = useRef({ t, language, announce, isSpoken, makeSession, onTaken, onError, onInterrupted });
  latest.current = { t, language, announce, isSpoken, makeSession, onTaken, onError, onInterrupted };

  useEffect(() => {
    setPlaying(false);
    if (!video.current || !stream) return;
    video.current.srcObject = stream;
    video.current.play().catch(() => undefined);
  }, [stream]);

  // The session is made once the camera runs: asking for permission must not use up its time.
  useEffect(() => {
    if (!isPlaying) return;
    let isOver = false;
    latest.current.makeSession().then(
      (session) => !isOver && setMade(session),
      (error: unknown) => !isOver && latest.current.onError(error),
    );
    return () => {
      isOver = true;
    };
  }, [isPlaying]);

  useEffect(() => {
    const look = (): void => {
      if (document.visibilityState === 'hidden') latest.current.onInterrupted();
    };
    document.addEventListener('visibilitychange', look);
    return () => document.removeEventListener('visibilitychange', look);
  }, []);

  useEffect(() => {
    if (!stream) return;
    const timer = setInterval(() => {
      if (video.current?.videoWidth) setLight(judgeFaceLight(drawThumbnail(video.current)));
    }, 700);
    return () => clearInterval(timer);
  }, [stream]);

  useEffect(() => {
    if (!made) return;
    latest.current.announce(latest.current.t('face.fit'), 'now');
    const timer = setInterval(() => setCount((before) => Math.max(0, before - 1)), 1_000);
    return () => clearInterval(timer);
  }, [made]);

  const isRunning = made !== null && count === 0;
  useEffect(() => {
    const steps = made?.challenge?.steps;
    if (!isRunning || !made || !steps) return;
    const pictures: Promise<Blob>[] = [];
    const notes: { step: FaceMovement; time: number }[] = [];
    let first = 0;
    let isOver = false;
    let now: FacePace | null = null;
    let last: GreyImage | null = null;
    let atStep: GreyImage | null = null;
    const tell = (step: FaceMovement): void => {
      const { t, announce, isSpoken, language } = latest.current;
      announce(t(`face.${step}`), 'now');
      if (isSpoken) speakText(t(`face.${step}`), language);
    };
    const shoot = (step: FaceMovement, picture: HTMLVideoElement): void => {
      const at = performance.now();
      if (notes.length === 0) first = at;
      notes.push({ step, time: Math.round(at - first) });
      pictures.push(encodeFrame(picture));
    };
    const end = (): void => {
      clearInterval(timer);
      Promise.all(pictures).then(
        (blobs) => !isOver && latest.current.onTaken(made, notes.map((note, i) => ({ ...note, picture: blobs[i] as Blob }))),
        (error: unknown) => !isOver && latest.current.onError(error),
      );
    };
    const look = (): void => {
      const picture = video.current;
      if (!picture?.videoWidth) return;
      const small = drawThumbnail(picture);
      const seen = { moving: measureMovement(last, small), moved: atStep ? measureMovement(atStep, small) : 0 };
      last = small;
      const { pace, deed } = advancePace(now, steps, isSlow, performance.now(), seen);
      now = pace;
      if (!deed || !pace) return;
      if (deed === 'end') return end();
      if (deed === 'show') atStep = small;
      if (deed === 'show' || deed === 'remind') tell(pace.step);
      if (deed === 'shoot') shoot(pace.step, picture);
      if (deed === 'done') navigator.vibrate?.(30);
      setPace(pace);
    };
    const timer = setInterval(look, OBSERVE_INTERVAL);
    return () => {
      isOver = true;
      clearInterval(timer);
    };
  }, [isRunning, made, isSlow]);

  if (camera.state.is === 'trouble') return <CameraTroubleScreen camera={camera} trouble={camera.state.trouble} label={camera.state.label} />;

  const steps = made?.challenge?.steps.length ?? 4;
  const isHeld = pace !== null && pace.shot >= 1 && pace.shot <= FRAMES_PER_STEP;
  const isDone = pace !== null && pace.shot > FRAMES_PER_STEP;
  const done = pace ? (pace.turn - 1) * FRAMES_PER_STEP + Math.min(pace.shot, FRAMES_PER_STEP) : 0;
  return (
    <section className="stack face-check" data-screen="face-check">
      <Title quiet>{t('face.title')}</Title>
      <div
        className="stage face-stage"
        data-step={pace?.step ?? ''}
        // The frame that comes next: what a person holds, and what a test's camera shows.
        data-shot={pace ? Math.min(pace.shot + 1, FRAMES_PER_STEP) : 0}
      >
        <video ref={video} muted playsInline autoPlay className="mirrored" aria-label={t('face.stage')} onPlaying={() => setPlaying(true)} />
        <FaceOval share={done / (steps * FRAMES_PER_STEP)} isClose={pace?.step === 'move_closer'} />
        <div className="face-hint" aria-hidden="true">
          {pace ? (
            <>
              <span className={`sign ${pace.step} ${isDone ? 'done' : ''}`}>
                <Icon name={isDone ? 'check' : pace.step} />
              </span>
              <p>{isDone ? t('face.step_done') : t(`face.${pace.step}`)}</p>
              <small>{isHeld ? t('face.hold') : t('face.progress', { step: pace.turn, steps })}</small>
            </>
          ) : made ? (
            <>
              <span className="sign count">{count}</span>
              <p>{t('face.fit')}</p>
              <small>{light === 'good' ? t('face.get_ready', { seconds: count }) : t(`face.too_${light}`)}</small>
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
      </div>
      {!made && <CameraChoice camera={camera} />}
    </section>
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

/** The camera's whole picture, as it is and not mirrored. At this size not even noise comes near the 1 MiB that a frame may have. */
function encodeFrame(video: HTMLVideoElement): Promise<Blob> {
  return encodeJpeg(video, { left: 0, top: 0, width: video.videoWidth, height: video.videoHeight }, FACE_SIDE, 0.88);
}

const canvas = document.createElement('canvas');

/** The middle of the camera's picture, small: enough to tell light and movement. */
function drawThumbnail(video: HTMLVideoElement): GreyImage {
  canvas.width = 64;
  canvas.height = Math.max(1, Math.round((64 * video.videoHeight) / video.videoWidth));
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) return { width: 0, height: 0, data: new Uint8Array() };
  context.drawImage(video, 0, 0, canvas.width, canvas.height);
  return cropFaceArea(toGreyImage(context.getImageData(0, 0, canvas.width, canvas.height)));
}

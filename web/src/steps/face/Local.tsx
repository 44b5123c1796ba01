// The local check before the camera: it shows the server's steps in their order and takes the frames. Whether they show a living person
// is not judged here.
import { useEffect, useRef, useState } from 'react';
import type { Schemas } from '../../api/client';
import { useApp } from '../../app/context';
import { CameraChoice, CameraTrouble } from '../../camera/CameraTrouble';
import { faceLight, grey } from '../../camera/measure';
import { FACE_SIDE, jpeg } from '../../camera/picture';
import { useCamera } from '../../camera/useCamera';
import { Spinner, Title } from '../../ui/parts';
import { Icon } from '../../ui/pictures';
import { type Beat, SHOTS, type Step, plan } from './plan';
import { say } from './speech';

type Made = Schemas['SessionResponse'];
export type Taken = { step: Step; time: number; picture: Blob }[];

interface LocalProps {
  isSlow: boolean;
  isSpoken: boolean;
  makeSession: () => Promise<Made>;
  onTaken: (made: Made, taken: Taken) => void;
  onError: (error: unknown) => void;
  onInterrupted: () => void;
}

/** To bring the face into the oval before the first step, in seconds. */
const COUNTDOWN = 3;
const COUNTDOWN_SLOW = 8;

export function Local({ isSlow, isSpoken, makeSession, onTaken, onError, onInterrupted }: LocalProps) {
  const { t, language, announce } = useApp();
  const camera = useCamera('user');
  const video = useRef<HTMLVideoElement>(null);
  const [made, setMade] = useState<Made | null>(null);
  const [count, setCount] = useState(isSlow ? COUNTDOWN_SLOW : COUNTDOWN);
  const [beat, setBeat] = useState<Beat | null>(null);
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
      if (video.current?.videoWidth) setLight(lightOf(video.current));
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
    const notes: { step: Step; time: number }[] = [];
    let first = 0;
    let isOver = false;
    const tell = (text: string): void => {
      const { announce, isSpoken, language } = latest.current;
      announce(text, 'now');
      if (isSpoken) say(text, language);
    };
    const shoot = (step: Step): void => {
      if (!video.current) return;
      const now = performance.now();
      if (notes.length === 0) first = now;
      notes.push({ step, time: Math.round(now - first) });
      pictures.push(frame(video.current));
    };
    const play = (next: Beat): void => {
      const { t } = latest.current;
      if (next.shot === 0) tell(t(`face.${next.step}`));
      else if (next.shot <= SHOTS) shoot(next.step);
      else navigator.vibrate?.(30);
      setBeat(next);
    };
    const beats = plan(steps, isSlow);
    const timers = beats.map((next) => setTimeout(() => play(next), next.at));
    const end = (beats.at(-1)?.at ?? 0) + 350;
    timers.push(
      setTimeout(() => {
        Promise.all(pictures).then(
          (blobs) => !isOver && latest.current.onTaken(made, notes.map((note, i) => ({ ...note, picture: blobs[i] as Blob }))),
          (error: unknown) => !isOver && latest.current.onError(error),
        );
      }, end),
    );
    return () => {
      isOver = true;
      timers.forEach(clearTimeout);
    };
  }, [isRunning, made, isSlow]);

  if (camera.state.is === 'trouble') return <CameraTrouble camera={camera} trouble={camera.state.trouble} label={camera.state.label} />;

  const steps = made?.challenge?.steps.length ?? 4;
  const isHeld = beat !== null && beat.shot >= 1 && beat.shot <= SHOTS;
  const isGood = beat !== null && beat.shot > SHOTS;
  const done = beat ? (beat.turn - 1) * SHOTS + Math.min(beat.shot, SHOTS) : 0;
  return (
    <section className="stack face-check" data-screen="face-check">
      <Title quiet>{t('face.title')}</Title>
      <div
        className="stage face-stage"
        data-step={beat?.step ?? ''}
        // The frame that comes next: what a person holds, and what a test's camera shows.
        data-shot={beat ? Math.min(beat.shot + 1, SHOTS) : 0}
      >
        <video ref={video} muted playsInline autoPlay className="mirrored" aria-label={t('face.stage')} onPlaying={() => setPlaying(true)} />
        <Oval share={done / (steps * SHOTS)} isClose={beat?.step === 'move_closer'} isGood={isGood} />
        <div className="face-hint" aria-hidden="true">
          {beat ? (
            <>
              <span className={`sign ${beat.step} ${isGood ? 'good' : ''}`}>
                <Icon name={isGood ? 'check' : beat.step} />
              </span>
              <p>{isGood ? t('face.good') : t(`face.${beat.step}`)}</p>
              <small>{isHeld ? t('face.hold') : t('face.progress', { step: beat.turn, steps })}</small>
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

function Oval({ share, isClose, isGood }: { share: number; isClose: boolean; isGood: boolean }) {
  return (
    <svg className={`oval${isClose ? ' close' : ''}${isGood ? ' good' : ''}`} viewBox="24 10 252 380" preserveAspectRatio="xMidYMid meet" aria-hidden="true">
      <path className="veil" fillRule="evenodd" d="M-900-900h2100v2200h-2100zM150 52c-62 0-103 50-103 116s45 132 103 132 103-66 103-132S212 52 150 52z" />
      <path className="track" d="M150 52c62 0 103 50 103 116s-45 132-103 132S47 234 47 168 88 52 150 52z" />
      <path className="ring" pathLength={1} strokeDasharray={`${share} 1.001`} d="M150 52c62 0 103 50 103 116s-45 132-103 132S47 234 47 168 88 52 150 52z" />
    </svg>
  );
}

/** The camera's whole picture, as it is and not mirrored. At this size not even noise comes near the 1 MiB that a frame may have. */
function frame(video: HTMLVideoElement): Promise<Blob> {
  return jpeg(video, { left: 0, top: 0, width: video.videoWidth, height: video.videoHeight }, FACE_SIDE, 0.88);
}

const canvas = document.createElement('canvas');

function lightOf(video: HTMLVideoElement): 'dark' | 'bright' | 'good' {
  canvas.width = 64;
  canvas.height = 48;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) return 'good';
  context.drawImage(video, 0, 0, 64, 48);
  return faceLight(grey(context.getImageData(0, 0, 64, 48)));
}

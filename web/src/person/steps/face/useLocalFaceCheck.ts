// The state of a local face check: camera, session, light, countdown, and the recording of frames.
import { type RefObject, useEffect, useRef, useState } from 'react';
import { useFlow } from '../../app/context';
import { type GreyImage, cropFaceArea, judgeFaceLight, toGreyImage } from '../../camera/measure';
import { FACE_SIDE, encodeJpeg } from '../../camera/picture';
import { type CameraHandle, useCamera } from '../../camera/useCamera';
import type { FaceSession, TakenFrame } from './faceCheck';
import type { FaceMovement, FacePace } from './facePace';
import { createFrameRecorder } from './frameRecorder';
import { speakText } from './speech';

export interface LocalFaceCheckProps {
  isSlow: boolean;
  isSpoken: boolean;
  createSession: () => Promise<FaceSession>;
  onTaken: (session: FaceSession, frames: TakenFrame[]) => void;
  onError: (error: unknown) => void;
  onInterrupted: () => void;
}

export type FaceLight = ReturnType<typeof judgeFaceLight>;

/** To bring the face into the oval before the first step, in seconds. */
const COUNTDOWN = 3;
const COUNTDOWN_SLOW = 8;
/** How often the camera's picture is observed, in milliseconds. */
const OBSERVE_INTERVAL = 100;
const LIGHT_INTERVAL = 700;

export interface LocalFaceCheckState {
  camera: CameraHandle;
  video: RefObject<HTMLVideoElement | null>;
  onPlaying: () => void;
  session: FaceSession | null;
  /** Seconds until the first step. */
  countdown: number;
  light: FaceLight;
  pace: FacePace | null;
}

export function useLocalFaceCheck(props: LocalFaceCheckProps): LocalFaceCheckState {
  const { t, language, announce } = useFlow();
  const camera = useCamera('user');
  const video = useRef<HTMLVideoElement>(null);
  const stream = camera.state.is === 'on' ? camera.state.stream : null;
  // What changes during the check must not start it anew.
  const latest = useRef({ ...props, t, language, announce });
  latest.current = { ...props, t, language, announce };

  const [isPlaying, setPlaying] = usePlayback(video, stream);
  const session = useSession(isPlaying, latest);
  useInterruption(latest);
  const light = useLight(video, stream);
  const countdown = useCountdown(session, props.isSlow ? COUNTDOWN_SLOW : COUNTDOWN, latest);
  const pace = useRecording(session, countdown === 0, props.isSlow, video, latest);
  return { camera, video, onPlaying: () => setPlaying(true), session, countdown, light, pace };
}

type Latest = RefObject<LocalFaceCheckProps & Pick<ReturnType<typeof useFlow>, 't' | 'language' | 'announce'>>;
type VideoRef = RefObject<HTMLVideoElement | null>;

function usePlayback(video: VideoRef, stream: MediaStream | null): [boolean, (isPlaying: boolean) => void] {
  const [isPlaying, setPlaying] = useState(false);
  useEffect(() => {
    setPlaying(false);
    if (!video.current || !stream) return;
    video.current.srcObject = stream;
    video.current.play().catch(() => undefined);
  }, [video, stream]);
  return [isPlaying, setPlaying];
}

/** Creates the session once the camera runs: asking for permission must not use up its time. */
function useSession(isPlaying: boolean, latest: Latest): FaceSession | null {
  const [session, setSession] = useState<FaceSession | null>(null);
  useEffect(() => {
    if (!isPlaying) return;
    let isOver = false;
    latest.current.createSession().then(
      (made) => !isOver && setSession(made),
      (error: unknown) => !isOver && latest.current.onError(error),
    );
    return () => {
      isOver = true;
    };
  }, [isPlaying, latest]);
  return session;
}

/** Ends the check when the screen is locked or another app comes to the front. */
function useInterruption(latest: Latest): void {
  useEffect(() => {
    const checkVisibility = (): void => {
      if (document.visibilityState === 'hidden') latest.current.onInterrupted();
    };
    document.addEventListener('visibilitychange', checkVisibility);
    return () => document.removeEventListener('visibilitychange', checkVisibility);
  }, [latest]);
}

function useLight(video: VideoRef, stream: MediaStream | null): FaceLight {
  const [light, setLight] = useState<FaceLight>('good');
  useEffect(() => {
    if (!stream) return;
    const timer = setInterval(() => {
      if (video.current?.videoWidth) setLight(judgeFaceLight(drawThumbnail(video.current)));
    }, LIGHT_INTERVAL);
    return () => clearInterval(timer);
  }, [video, stream]);
  return light;
}

function useCountdown(session: FaceSession | null, seconds: number, latest: Latest): number {
  const [countdown, setCountdown] = useState(seconds);
  useEffect(() => {
    if (!session) return;
    latest.current.announce(latest.current.t('face.fit'), 'now');
    const timer = setInterval(() => setCountdown((before) => Math.max(0, before - 1)), 1_000);
    return () => clearInterval(timer);
  }, [session, latest]);
  return countdown;
}

function useRecording(session: FaceSession | null, isCountedDown: boolean, isSlow: boolean, video: VideoRef, latest: Latest): FacePace | null {
  const [pace, setPace] = useState<FacePace | null>(null);
  useEffect(() => {
    const steps = session?.challenge?.steps;
    if (!isCountedDown || !session || !steps) return;
    let isOver = false;
    const recorder = createFrameRecorder(steps, isSlow, {
      now: () => performance.now(),
      takePicture: () => encodeFrame(video.current),
      onInstruction: (step) => giveInstruction(step, latest),
      onStepDone: () => navigator.vibrate?.(30),
      onPace: setPace,
      onEnd: () => {
        clearInterval(timer);
        recorder.collectFrames().then(
          (frames) => !isOver && latest.current.onTaken(session, frames),
          (error: unknown) => !isOver && latest.current.onError(error),
        );
      },
    });
    const timer = setInterval(() => {
      if (video.current?.videoWidth) recorder.observe(drawThumbnail(video.current));
    }, OBSERVE_INTERVAL);
    return () => {
      isOver = true;
      clearInterval(timer);
    };
  }, [session, isCountedDown, isSlow, video, latest]);
  return pace;
}

function giveInstruction(step: FaceMovement, latest: Latest): void {
  const { t, announce, isSpoken, language } = latest.current;
  const text = t(`face.${step}`);
  announce(text, 'now');
  if (isSpoken) speakText(text, language);
}

/** The camera's whole picture, not mirrored. At this size even noise stays far below the 1 MiB that a frame may have. */
function encodeFrame(video: HTMLVideoElement | null): Promise<Blob> {
  if (!video) return Promise.reject(new Error('the video has left the page'));
  return encodeJpeg(video, { left: 0, top: 0, width: video.videoWidth, height: video.videoHeight }, FACE_SIDE, 0.88);
}

const canvas = document.createElement('canvas');

/** The middle of the camera's picture, made small: enough to measure light and movement. */
function drawThumbnail(video: HTMLVideoElement): GreyImage {
  canvas.width = 64;
  canvas.height = Math.max(1, Math.round((64 * video.videoHeight) / video.videoWidth));
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) return { width: 0, height: 0, data: new Uint8Array() };
  context.drawImage(video, 0, 0, canvas.width, canvas.height);
  return cropFaceArea(toGreyImage(context.getImageData(0, 0, canvas.width, canvas.height)));
}

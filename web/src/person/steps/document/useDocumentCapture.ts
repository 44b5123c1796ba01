// Observes the camera while a document is held before it: chooses the hint, and takes the picture when it is good.
import { type RefObject, useCallback, useEffect, useRef, useState } from 'react';
import { useFlow } from '../../app/context';
import { type CaptureHint, type GreyImage, GUIDE_MARGIN, type SteadyHint, isTimeToShoot, observeDocument, toGreyImage, updateSteadyHint } from '../../camera/measure';
import { DOCUMENT_SIDE, encodeJpeg, findShownPart, widenPart } from '../../camera/picture';
import { type CameraHandle, useCamera } from '../../camera/useCamera';

/** How often the camera's picture is observed, in milliseconds: an old phone has to keep up. */
const OBSERVE_INTERVAL = 140;
/** The width of the observed picture, in pixels. */
const OBSERVED_WIDTH = 620;
/** After so long without a picture, in milliseconds, the button is pointed out. */
const MANUAL_HINT_DELAY = 9_000;
/** Hints are announced this far apart, in milliseconds. */
const ANNOUNCE_INTERVAL = 3_000;
/** How much around the guide is in the picture that is taken, as a share of GUIDE_MARGIN. */
const SHOT_MARGIN = GUIDE_MARGIN * 0.8;

type VideoRef = RefObject<HTMLVideoElement | null>;
type GuideRef = RefObject<HTMLDivElement | null>;

export interface DocumentCapture {
  camera: CameraHandle;
  video: VideoRef;
  guide: GuideRef;
  isRunning: boolean;
  hint: CaptureHint;
  /** No picture has been taken for a while. */
  isSlow: boolean;
  shoot: () => void;
}

export function useDocumentCapture(onShot: (picture: Blob) => void): DocumentCapture {
  const camera = useCamera('environment');
  const video = useRef<HTMLVideoElement>(null);
  const guide = useRef<HTMLDivElement>(null);
  const isDone = useRef(false);
  const stream = camera.state.is === 'on' ? camera.state.stream : null;

  useEffect(() => {
    if (!video.current || !stream) return;
    video.current.srcObject = stream;
    video.current.play().catch(() => undefined); // It plays by itself; a second call may be refused.
  }, [stream]);

  const shoot = useCallback(() => {
    const [picture, frame] = [video.current, guide.current];
    if (isDone.current || !picture?.videoWidth || !frame) return;
    isDone.current = true;
    navigator.vibrate?.(40);
    encodeJpeg(picture, findGuidePart(picture, frame, SHOT_MARGIN), DOCUMENT_SIDE).then(onShot, () => (isDone.current = false));
  }, [onShot]);

  const [hint, isSlow] = useCaptureHint(stream, video, guide, shoot);
  return { camera, video, guide, isRunning: stream !== null, hint, isSlow, shoot };
}

function useCaptureHint(stream: MediaStream | null, video: VideoRef, guide: GuideRef, shoot: () => void): [CaptureHint, boolean] {
  const { t, announce } = useFlow();
  const [hint, setHint] = useState<CaptureHint>('search');
  const [isSlow, setSlow] = useState(false);
  useEffect(() => {
    if (!stream) return;
    const canvas = document.createElement('canvas');
    let steady: SteadyHint | null = null;
    let before: GreyImage | null = null;
    let announced = { hint: '' as CaptureHint | '', at: 0 };
    const timer = setInterval(() => {
      const image = drawGuideArea(canvas, video.current, guide.current);
      if (!image) return;
      const observed = observeDocument(image, before);
      before = observed.small;
      const now = performance.now();
      steady = updateSteadyHint(steady, observed.hint, now);
      setHint(steady.hint);
      if (steady.hint !== announced.hint && now - announced.at > ANNOUNCE_INTERVAL) {
        announced = { hint: steady.hint, at: now };
        announce(t(`hint.${steady.hint}`));
      }
      if (isTimeToShoot(steady, now)) shoot();
    }, OBSERVE_INTERVAL);
    const manualTimer = setTimeout(() => setSlow(true), MANUAL_HINT_DELAY);
    return () => {
      clearInterval(timer);
      clearTimeout(manualTimer);
    };
  }, [stream, video, guide, shoot, announce, t]);
  return [hint, isSlow];
}

/** The camera's picture within the guide and its margin; null while there is none, or the page is hidden. */
function drawGuideArea(canvas: HTMLCanvasElement, video: HTMLVideoElement | null, guide: HTMLElement | null): GreyImage | null {
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context || !video?.videoWidth || !guide || document.visibilityState !== 'visible') return null;
  const part = findGuidePart(video, guide, GUIDE_MARGIN);
  canvas.width = OBSERVED_WIDTH;
  canvas.height = Math.round((OBSERVED_WIDTH * part.height) / part.width);
  context.drawImage(video, part.left, part.top, part.width, part.height, 0, 0, canvas.width, canvas.height);
  return toGreyImage(context.getImageData(0, 0, canvas.width, canvas.height));
}

function findGuidePart(video: HTMLVideoElement, guide: HTMLElement, margin: number) {
  const size = { width: video.videoWidth, height: video.videoHeight };
  return findShownPart(size, toPicturePart(video), widenPart(toPicturePart(guide), margin));
}

function toPicturePart(element: Element) {
  const { left, top, width, height } = element.getBoundingClientRect();
  return { left, top, width, height };
}

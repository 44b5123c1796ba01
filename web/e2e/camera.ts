// A fake camera: `getUserMedia` gives a canvas. It shows a document on a table, and in the face check the frames of a person who follows
// the steps that the page shows (tests/data/README.md).
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { BrowserContext, Page } from '@playwright/test';

const DATA = resolve(import.meta.dirname, '../../tests/data');
const STEPS = ['look_straight', 'turn_left', 'turn_right', 'move_closer'] as const;

const readPicture = (name: string): string => `data:image/jpeg;base64,${readFileSync(resolve(DATA, name)).toString('base64')}`;

export interface CameraPictures {
  front: string;
  back: string;
  session: Record<string, string>;
}

export function readPictures(kind: 'passport' | 'card'): CameraPictures {
  const session: Record<string, string> = {};
  for (const step of STEPS) for (const shot of [1, 2, 3]) session[`${step}_${shot}`] = readPicture(`session/${step}_${shot}.jpg`);
  return { front: readPicture(kind === 'passport' ? 'passport.jpg' : 'id-front.jpg'), back: readPicture('id-back.jpg'), session };
}

export interface CameraOptions {
  /** The error that `getUserMedia` throws, by its name, until `window.cameraWorks` is set. */
  fails?: string;
  label?: string;
  /** The person does not follow: always the same frames. */
  ignores?: boolean;
}

/** Runs in the page before its own scripts: draws what the page asks the person to show. */
function installDrawing({ pictures, ignores = false }: { pictures: CameraPictures; ignores?: boolean | undefined }): void {
  const images = new Map<string, HTMLImageElement>();
  const loadImage = (name: string, url: string): void => {
    const image = new Image();
    image.src = url;
    images.set(name, image);
  };
  loadImage('front', pictures.front);
  loadImage('back', pictures.back);
  for (const [name, url] of Object.entries(pictures.session)) loadImage(name, url);

  // Each run has pixels of its own: the server recognises frames that it has seen before.
  const seed = Math.random() * 1_000;

  function drawDocument(context: CanvasRenderingContext2D, width: number, height: number): void {
    context.fillStyle = '#2b3038';
    context.fillRect(0, 0, width, height);
    const side = window.document.querySelector('[data-screen="back"]') ? 'back' : 'front';
    const image = images.get(side);
    if (!image?.complete) return;
    const guide = window.document.querySelector('.guide')?.getBoundingClientRect();
    const video = window.document.querySelector('video')?.getBoundingClientRect();
    // Where the guide is in the camera's picture, which the page shows cut to its own shape.
    const scale = guide && video ? Math.max(video.width / width, video.height / height) : 1;
    const wide = guide ? (guide.width / scale) * 0.94 : width * 0.7;
    const middle = guide && video ? (guide.top + guide.height / 2 - video.top - (video.height - height * scale) / 2) / scale : height / 2;
    const high = (wide * image.naturalHeight) / image.naturalWidth;
    // `cameraAside` has it lie beside the guide, as a share of its width.
    const aside = wide * ((window as unknown as { cameraAside?: number }).cameraAside ?? 0);
    context.drawImage(image, (width - wide) / 2 + aside, middle - high / 2, wide, high);
  }

  function drawFace(context: CanvasRenderingContext2D, width: number, height: number, stage: HTMLElement, time: number): void {
    const step = ignores ? 'look_straight' : stage.dataset['step'] || 'look_straight';
    const image = images.get(`${step}_${stage.dataset['shot'] || '1'}`) ?? images.get(`${step}_1`);
    context.fillStyle = '#8a8f98';
    context.fillRect(0, 0, width, height);
    if (!image?.complete) return;
    // A living person is never twice in the very same place.
    const sway = Math.sin((time + seed) / 700) * 2;
    const wide = (height * image.naturalWidth) / image.naturalHeight;
    context.drawImage(image, (width - wide) / 2 + sway, Math.cos((time + seed) / 900) * 2, wide, height);
    context.fillStyle = `rgba(${seed % 255}, ${(seed * 7) % 255}, ${(seed * 13) % 255}, 0.02)`;
    context.fillRect(0, 0, width, height);
  }

  const draw: CameraDrawing = (canvas, isFace, time) => {
    const context = canvas.getContext('2d');
    if (!context) throw new DOMException('no canvas', 'NotReadableError');
    const stage = window.document.querySelector<HTMLElement>('[data-step]');
    if (isFace && stage) drawFace(context, canvas.width, canvas.height, stage, time);
    else drawDocument(context, canvas.width, canvas.height);
  };
  Object.assign(window, { drawCamera: draw });
}

type CameraDrawing = (canvas: HTMLCanvasElement, isFace: boolean, time: number) => void;

/** Runs in the page before its own scripts: `getUserMedia` gives the drawing, or fails. */
function installGetUserMedia({ fails, label }: CameraOptions): void {
  const world = window as unknown as { cameraWorks?: boolean; drawCamera: CameraDrawing };
  const getUserMedia = async (constraints?: MediaStreamConstraints): Promise<MediaStream> => {
    if (fails && !world.cameraWorks) throw new DOMException('refused by the test', fails);
    const isFace = JSON.stringify(constraints).includes('"user"');
    const isUpright = window.innerHeight > window.innerWidth;
    const canvas = window.document.createElement('canvas');
    [canvas.width, canvas.height] = isFace ? [640, 480] : isUpright ? [1080, 1440] : [1920, 1080];
    // The page looks at a few frames a second. More of them would take the processor time of what is tested.
    const draw = (): void => world.drawCamera(canvas, isFace, performance.now());
    draw();
    setInterval(draw, 1_000 / 12);
    const stream = canvas.captureStream(12);
    const track = stream.getVideoTracks()[0];
    if (track && label) Object.defineProperty(track, 'label', { value: label });
    return stream;
  };
  Object.defineProperty(navigator.mediaDevices, 'getUserMedia', { value: getUserMedia, configurable: true });
}

export async function showCamera(target: BrowserContext | Page, kind: 'passport' | 'card' = 'passport', options: CameraOptions = {}): Promise<void> {
  await target.addInitScript(installDrawing, { pictures: readPictures(kind), ignores: options.ignores });
  await target.addInitScript(installGetUserMedia, options);
}

// Records the frames of a local face check: observes the camera at each tick, paces the steps, takes a picture where the pace says so.
// The camera and the page are behind `RecorderPorts`, so it runs without a browser.
import { type GreyImage, measureMovement } from '../../camera/measure';
import type { TakenFrame } from './faceCheck';
import { type FaceMovement, type FacePace, advancePace } from './facePace';

export interface RecorderPorts {
  /** Milliseconds, from any fixed moment. */
  now: () => number;
  takePicture: () => Promise<Blob>;
  /** Tells the person what to do: at a step's start, and once more if they have not moved. */
  onInstruction: (step: FaceMovement) => void;
  onStepDone: () => void;
  onPace: (pace: FacePace) => void;
  /** All frames have been taken. */
  onEnd: () => void;
}

export interface FrameRecorder {
  /** To be called with each new picture of the camera, made small. */
  observe: (thumbnail: GreyImage) => void;
  /** Every frame, once its picture is encoded. */
  collectFrames: () => Promise<TakenFrame[]>;
}

export function createFrameRecorder(steps: readonly FaceMovement[], isSlow: boolean, ports: RecorderPorts): FrameRecorder {
  const pictures: Promise<Blob>[] = [];
  const notes: Omit<TakenFrame, 'picture'>[] = [];
  let firstFrameAt = 0;
  let pace: FacePace | null = null;
  let previous: GreyImage | null = null;
  let atStepStart: GreyImage | null = null;

  function takeFrame(step: FaceMovement): void {
    const at = ports.now();
    if (notes.length === 0) firstFrameAt = at;
    notes.push({ step, time: Math.round(at - firstFrameAt) });
    pictures.push(ports.takePicture());
  }

  function observe(thumbnail: GreyImage): void {
    const moving = measureMovement(previous, thumbnail);
    const moved = atStepStart ? measureMovement(atStepStart, thumbnail) : 0;
    previous = thumbnail;
    const next = advancePace(pace, steps, isSlow, ports.now(), { moving, moved });
    pace = next.pace;
    if (!next.action || !pace) return;
    if (next.action === 'end') return ports.onEnd();
    if (next.action === 'show') atStepStart = thumbnail;
    if (next.action === 'show' || next.action === 'remind') ports.onInstruction(pace.step);
    if (next.action === 'shoot') takeFrame(pace.step);
    if (next.action === 'done') ports.onStepDone();
    ports.onPace(pace);
  }

  async function collectFrames(): Promise<TakenFrame[]> {
    const blobs = await Promise.all(pictures);
    return notes.map((note, i) => ({ ...note, picture: blobs[i] as Blob }));
  }

  return { observe, collectFrames };
}

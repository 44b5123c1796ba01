// Lays a face in a square frame so that its eyes are at fixed places: then two faces have the same size and neither leans.
import type { CSSProperties } from 'react';
import type { CaseImage } from '../../api/models';
import type { Size } from './viewerState';

export type Eyes = NonNullable<CaseImage['eyes']>;

/** Where the middle between the eyes is in the frame, and how far they are apart, in shares of its side. */
export const EYES_AT = { x: 0.5, y: 0.42 };
export const EYE_DISTANCE = 0.28;
/** Eyes that are fewer pixels apart are a fault of the engine: the picture would be enlarged without an end. */
const LEAST_PIXELS = 2;

/** How a picture lies in the frame: sizes and places in shares of the frame's side, the turn in degrees around the eyes' middle. */
export interface FacePlace {
  width: number;
  height: number;
  left: number;
  top: number;
  turn: number;
  /** The point of the picture that it is turned around, in shares of the picture. */
  around: { x: number; y: number };
}

/** The place of a picture of that size whose eyes are there; `null` where the eyes or the size are unknown. */
export function placeFace(eyes: Eyes | null | undefined, picture: Size): FacePlace | null {
  if (!eyes || picture.width <= 0 || picture.height <= 0) return null;
  const across = (eyes.left.x - eyes.right.x) * picture.width;
  const down = (eyes.left.y - eyes.right.y) * picture.height;
  const pixels = Math.hypot(across, down);
  if (!(pixels >= LEAST_PIXELS)) return null;
  const scale = EYE_DISTANCE / pixels;
  const around = { x: (eyes.right.x + eyes.left.x) / 2, y: (eyes.right.y + eyes.left.y) / 2 };
  const [width, height] = [scale * picture.width, scale * picture.height];
  return { width, height, left: EYES_AT.x - around.x * width, top: EYES_AT.y - around.y * height, turn: (-Math.atan2(down, across) * 180) / Math.PI, around };
}

/** The place of a point of the picture in the frame, in shares of the frame's side. */
export function toFramePoint(place: FacePlace, point: { x: number; y: number }): { x: number; y: number } {
  const [x, y] = [(point.x - place.around.x) * place.width, (point.y - place.around.y) * place.height];
  const turn = (place.turn * Math.PI) / 180;
  return { x: EYES_AT.x + x * Math.cos(turn) - y * Math.sin(turn), y: EYES_AT.y + x * Math.sin(turn) + y * Math.cos(turn) };
}

const percent = (share: number): string => `${share * 100}%`;

/** The style of the picture in a square frame that hides what is outside. */
export const toFaceStyle = (place: FacePlace): CSSProperties => ({
  width: percent(place.width),
  height: percent(place.height),
  left: percent(place.left),
  top: percent(place.top),
  transform: `rotate(${place.turn}deg)`,
  transformOrigin: `${percent(place.around.x)} ${percent(place.around.y)}`,
});

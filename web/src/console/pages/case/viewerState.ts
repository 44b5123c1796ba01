// The viewer's state: zoom, pan, turns, mirror, light. Pure, so that keys, buttons and the pointer do the same.

export interface ViewerState {
  /** 1 is the picture that fits the stage. */
  zoom: number;
  x: number;
  y: number;
  /** Quarter turns to the right, 0 to 3. */
  turns: number;
  isMirrored: boolean;
  /** Percent. */
  brightness: number;
  contrast: number;
  isInverted: boolean;
}

export interface Size {
  width: number;
  height: number;
}

export type ViewerAct =
  | { kind: 'zoom'; by: number }
  | { kind: 'fit' }
  | { kind: 'actual'; fit: number }
  | { kind: 'pan'; dx: number; dy: number }
  | { kind: 'turn'; by: 1 | -1 }
  | { kind: 'mirror' }
  | { kind: 'invert' }
  | { kind: 'brightness' | 'contrast'; value: number }
  | { kind: 'look_at'; box: { x: number; y: number; width: number; height: number }; picture: Size; stage: Size }
  | { kind: 'reset' };

export const MAX_ZOOM = 8;
/** The part of the stage that a finding fills when the viewer goes to it. */
const BOX_SHARE = 0.5;

export const FIRST_VIEW: ViewerState = { zoom: 1, x: 0, y: 0, turns: 0, isMirrored: false, brightness: 100, contrast: 100, isInverted: false };

const clamp = (value: number, least: number, most: number): number => Math.min(most, Math.max(least, value));

export function moveViewer(state: ViewerState, act: ViewerAct): ViewerState {
  switch (act.kind) {
    case 'zoom':
      return zoomTo(state, state.zoom * act.by);
    case 'fit':
      return { ...state, zoom: 1, x: 0, y: 0 };
    case 'actual':
      return zoomTo({ ...state, x: 0, y: 0 }, act.fit > 0 ? 1 / act.fit : 1);
    case 'pan':
      return state.zoom === 1 && act.dx === 0 && act.dy === 0 ? state : { ...state, x: state.x + act.dx, y: state.y + act.dy };
    case 'turn':
      return { ...state, turns: (state.turns + act.by + 4) % 4, x: 0, y: 0 };
    case 'mirror':
      return { ...state, isMirrored: !state.isMirrored };
    case 'invert':
      return { ...state, isInverted: !state.isInverted };
    case 'brightness':
    case 'contrast':
      return { ...state, [act.kind]: clamp(act.value, 20, 300) };
    case 'look_at':
      return lookAt(state, act);
    case 'reset':
      return FIRST_VIEW;
  }
}

function zoomTo(state: ViewerState, wanted: number): ViewerState {
  const zoom = clamp(wanted, Math.min(1, wanted, 1), MAX_ZOOM);
  const bounded = Math.max(0.25, zoom);
  const ratio = bounded / state.zoom;
  // The middle of the stage stays where it is.
  return { ...state, zoom: bounded, x: state.x * ratio, y: state.y * ratio };
}

function lookAt(state: ViewerState, { box, picture, stage }: Extract<ViewerAct, { kind: 'look_at' }>): ViewerState {
  const fit = fitScale(picture, stage, state.turns);
  const [width, height] = [box.width * picture.width * fit, box.height * picture.height * fit];
  const zoom = clamp(BOX_SHARE * Math.min(stage.width / Math.max(1, width), stage.height / Math.max(1, height)), 1, MAX_ZOOM);
  const fromMiddle = { x: (box.x + box.width / 2 - 0.5) * picture.width * fit * zoom, y: (box.y + box.height / 2 - 0.5) * picture.height * fit * zoom };
  const turned = turnPoint({ x: state.isMirrored ? -fromMiddle.x : fromMiddle.x, y: fromMiddle.y }, state.turns);
  return { ...state, zoom, x: -turned.x, y: -turned.y };
}

function turnPoint(point: { x: number; y: number }, turns: number): { x: number; y: number } {
  switch (turns) {
    case 1:
      return { x: -point.y, y: point.x };
    case 2:
      return { x: -point.x, y: -point.y };
    case 3:
      return { x: point.y, y: -point.x };
    default:
      return point;
  }
}

/** CSS pixels per pixel of a picture that fits the stage. */
export function fitScale(picture: Size, stage: Size, turns: number): number {
  const [width, height] = turns % 2 === 1 ? [picture.height, picture.width] : [picture.width, picture.height];
  if (width === 0 || height === 0) return 1;
  return Math.min(stage.width / width, stage.height / height);
}

/** The layer's transform: it turns about its own middle, then moves. */
export function toTransform(state: ViewerState, scale = 1): string {
  const zoom = state.zoom * scale;
  const mirror = state.isMirrored ? -1 : 1;
  return `translate(${state.x * scale}px, ${state.y * scale}px) rotate(${state.turns * 90}deg) scale(${zoom * mirror}, ${zoom})`;
}

export const toFilter = (state: ViewerState): string =>
  `brightness(${state.brightness}%) contrast(${state.contrast}%)${state.isInverted ? ' invert(1)' : ''}`;

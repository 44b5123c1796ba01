// The picture viewer: fit, 1:1, up to 8×, pan, turn, mirror, light, invert, loupe, and boxes of findings. Everything has a button.
import { type CSSProperties, type PointerEvent, useEffect, useReducer, useRef, useState } from 'react';
import type { CaseImage, FindingBox } from '../../api/models';
import { useConsole } from '../../app/context';
import { useShortcuts } from '../../keys/ShortcutProvider';
import { ErrorNote } from '../../ui/ErrorNote';
import { Spinner } from '../../../shared/ui/parts';
import { findingWord } from '../../ui/words';
import type { LoadedImage } from './useCaseImages';
import { useElementSize, usePictureSize } from './useStage';
import { ViewerTools } from './ViewerTools';
import { FIRST_VIEW, fitScale, moveViewer, toFilter, toTransform } from './viewerState';

const ZOOM_STEP = 1.5;
const PAN_STEP = 60;
const LOUPE_SCALE = 2.5;

export interface ViewerProps {
  image: CaseImage;
  label: string;
  loaded: LoadedImage | undefined;
}

export function Viewer({ image, label, loaded }: ViewerProps) {
  const ui = useConsole();
  const { t } = ui;
  const [view, act] = useReducer(moveViewer, FIRST_VIEW);
  const [hasLoupe, setLoupe] = useState(false);
  const [showsBoxes, setShowsBoxes] = useState(true);
  const [pointer, setPointer] = useState<{ x: number; y: number } | null>(null);
  const [stage, size] = useElementSize<HTMLDivElement>();
  const url = loaded?.url ?? null;
  const picture = usePictureSize(url);
  const fit = fitScale(picture, size, view.turns);
  const drag = useDrag((dx, dy) => act({ kind: 'pan', dx, dy }));
  useWheelZoom(stage, (by) => act({ kind: 'zoom', by }));

  const pan = (dx: number, dy: number): void => act({ kind: 'pan', dx: dx * PAN_STEP, dy: dy * PAN_STEP });
  useShortcuts({
    zoom_in: () => act({ kind: 'zoom', by: ZOOM_STEP }),
    zoom_out: () => act({ kind: 'zoom', by: 1 / ZOOM_STEP }),
    fit: () => act({ kind: 'fit' }),
    rotate: () => act({ kind: 'turn', by: 1 }),
    invert: () => act({ kind: 'invert' }),
  });
  const layer: CSSProperties = { width: picture.width * fit, height: picture.height * fit, transform: toTransform(view), filter: toFilter(view) };
  const onPointer = (event: PointerEvent<HTMLDivElement>): void => {
    const place = event.currentTarget.getBoundingClientRect();
    setPointer({ x: event.clientX - place.left, y: event.clientY - place.top });
    drag.onPointerMove(event);
  };
  return (
    <div className="viewer">
      <ViewerTools
        view={view}
        act={act}
        zoomStep={ZOOM_STEP}
        fit={fit}
        pan={pan}
        loupe={{ isOn: hasLoupe, toggle: () => setLoupe(!hasLoupe) }}
        boxes={image.boxes.length > 0 ? { isOn: showsBoxes, toggle: () => setShowsBoxes(!showsBoxes) } : null}
      />
      <div
        ref={stage}
        className="stage"
        role="group"
        tabIndex={0}
        aria-label={t('viewer.stage', { name: label })}
        data-zoomed={view.zoom > 1 ? '' : undefined}
        {...drag}
        onPointerMove={onPointer}
        onPointerLeave={() => setPointer(null)}
        onKeyDown={(event) => {
          const arrows: Record<string, [number, number]> = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
          const arrow = arrows[event.key];
          if (!arrow || event.ctrlKey || event.metaKey || event.altKey) return;
          event.preventDefault();
          pan(...arrow);
        }}
      >
        {loaded?.error ? <ErrorNote error={loaded.error} /> : null}
        {!loaded && <Spinner large />}
        {url && (
          <div className="layer" style={layer}>
            <img src={url} alt={label} draggable={false} />
            {showsBoxes && image.boxes.map((box, index) => <BoxMark key={index} box={box} number={index + 1} title={findingWord(ui, box.finding)} />)}
          </div>
        )}
        {url && hasLoupe && <Loupe url={url} layer={layer} view={toTransform(view, LOUPE_SCALE)} filter={toFilter(view)} at={pointer ?? { x: size.width / 2, y: size.height / 2 }} stage={size} />}
      </div>
      {image.boxes.length > 0 && (
        <ol className="box-list" aria-label={t('viewer.findings')}>
          {image.boxes.map((box, index) => (
            <li key={index}>
              <button type="button" className="button quiet" onClick={() => act({ kind: 'look_at', box, picture, stage: size })}>
                {index + 1}. {findingWord(ui, box.finding)}
              </button>
            </li>
          ))}
        </ol>
      )}
    </div>
  );
}

const percent = (share: number): string => `${share * 100}%`;

function BoxMark({ box, number, title }: { box: FindingBox; number: number; title: string }) {
  const place = { left: percent(box.x), top: percent(box.y), width: percent(box.width), height: percent(box.height) };
  return (
    <span className="box-mark" style={place} title={title}>
      <span aria-hidden="true">{number}</span>
    </span>
  );
}

interface LoupeProps {
  url: string;
  layer: CSSProperties;
  view: string;
  filter: string;
  at: { x: number; y: number };
  stage: { width: number; height: number };
}

/** The picture around the pointer, enlarged. Without a pointer it shows the middle, which the arrow keys move. */
function Loupe({ url, layer, view, filter, at, stage }: LoupeProps) {
  const move = `translate(${(stage.width / 2 - at.x) * LOUPE_SCALE}px, ${(stage.height / 2 - at.y) * LOUPE_SCALE}px) ${view}`;
  return (
    <div className="loupe" style={{ left: at.x, top: at.y }} aria-hidden="true">
      <img src={url} alt="" style={{ ...layer, transform: move, filter }} draggable={false} />
    </div>
  );
}

/** Pans with the main button or one finger. Buttons and arrow keys do the same (WCAG 2.2 SC 2.5.7). */
function useDrag(move: (dx: number, dy: number) => void) {
  const last = useRef<{ x: number; y: number } | null>(null);
  const end = (): void => {
    last.current = null;
  };
  return {
    onPointerDown: (event: PointerEvent<HTMLDivElement>) => {
      if (event.button !== 0) return;
      last.current = { x: event.clientX, y: event.clientY };
      event.currentTarget.setPointerCapture(event.pointerId);
    },
    onPointerMove: (event: PointerEvent<HTMLDivElement>) => {
      if (!last.current) return;
      move(event.clientX - last.current.x, event.clientY - last.current.y);
      last.current = { x: event.clientX, y: event.clientY };
    },
    onPointerUp: end,
    onPointerCancel: end,
  };
}

/** Ctrl and the wheel, or two fingers on a touchpad, zoom; the wheel alone scrolls the page. */
function useWheelZoom(stage: { current: HTMLElement | null }, zoom: (by: number) => void): void {
  const latest = useRef(zoom);
  latest.current = zoom;
  useEffect(() => {
    const element = stage.current;
    if (!element) return undefined;
    const onWheel = (event: WheelEvent): void => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      latest.current(Math.exp(-event.deltaY / 300));
    };
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  }, [stage]);
}

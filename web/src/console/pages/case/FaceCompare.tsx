// Two faces: beside each other, one over the other with a slider, or in turns; with score, threshold and engine.
import { useEffect, useState } from 'react';
import type { ReviewCheck } from '../../api/models';
import { useConsole } from '../../app/context';
import { useShortcuts } from '../../keys/ShortcutProvider';
import { SelectField } from '../../ui/fields';
import { ScoreLine } from './ScoreLine';
import { type FaceCrop, widenBox } from './caseImages';
import type { LoadedImage } from './useCaseImages';
import { placeFace, toFaceStyle } from './faceAlign';
import { usePictureSize } from './useStage';

const MODES = ['side', 'overlay', 'flicker'] as const;
type FaceMode = (typeof MODES)[number];
/** Twice a second: below the three flashes of WCAG 2.3.1. */
const FLICKER_TIME = 500;

interface FaceCompareProps {
  faces: readonly FaceCrop[];
  loaded: Record<string, LoadedImage>;
  checks: readonly ReviewCheck[];
  label: (name: string) => string;
}

export function FaceCompare({ faces, loaded, checks, label }: FaceCompareProps) {
  const { t } = useConsole();
  const [mode, setMode] = useState<FaceMode>('side');
  const [pair, setPair] = useState<[number, number]>([0, Math.min(1, faces.length - 1)]);
  const [opacity, setOpacity] = useState(50);
  const isSecond = useFlicker(mode === 'flicker');
  useShortcuts({ faces: () => setMode(MODES[(MODES.indexOf(mode) + 1) % MODES.length] ?? 'side') });
  const [left, right] = [faces[pair[0]], faces[pair[1]]];
  if (!left || !right || faces.length < 2) return <p className="empty">{t('case.one_face')}</p>;
  const options = faces.map((face, index) => ({ value: String(index), label: label(face.image.name) }));
  const shown = (face: FaceCrop) => <FacePicture face={face} url={loaded[face.image.name]?.url ?? null} label={label(face.image.name)} />;
  return (
    <div className="stack">
      <div className="columns">
        <SelectField id="face-left" label={t('faces.left')} value={String(pair[0])} onChange={(value) => setPair([Number(value), pair[1]])} options={options} />
        <SelectField id="face-right" label={t('faces.right')} value={String(pair[1])} onChange={(value) => setPair([pair[0], Number(value)])} options={options} />
      </div>
      <div className="actions start" role="group" aria-label={t('faces.mode')}>
        {MODES.map((each) => (
          <button key={each} type="button" className="button secondary" aria-pressed={mode === each} onClick={() => setMode(each)}>
            {t(`faces.${each}`)}
          </button>
        ))}
      </div>
      {mode === 'side' && (
        <div className="faces">
          {shown(left)}
          {shown(right)}
        </div>
      )}
      {mode !== 'side' && (
        <div className="faces over">
          {shown(left)}
          <div className="face-top" style={{ opacity: mode === 'overlay' ? opacity / 100 : isSecond ? 1 : 0 }}>
            {shown(right)}
          </div>
        </div>
      )}
      {mode === 'overlay' && (
        <label className="light" htmlFor="face-opacity">
          <span>{t('faces.opacity')}</span>
          <input id="face-opacity" type="range" min={0} max={100} step={5} value={opacity} onChange={(event) => setOpacity(Number(event.target.value))} />
        </label>
      )}
      {checks.filter((check) => check.check === 'face_match' || check.check === 'liveness').map((check) => <ScoreLine key={check.check} check={check} />)}
    </div>
  );
}

function FacePicture({ face, url, label }: { face: FaceCrop; url: string | null; label: string }) {
  const size = usePictureSize(url);
  const place = placeFace(face.image.eyes, size);
  if (url && place) {
    return (
      <figure className="face">
        <div className="face-crop face-aligned">
          <img src={url} alt={label} style={toFaceStyle(place)} />
        </div>
        <figcaption>{label}</figcaption>
      </figure>
    );
  }
  const box = face.box && widenBox(face.box, 0.35);
  const crop = box && {
    width: `${100 / box.width}%`,
    height: `${100 / box.height}%`,
    left: `${(-100 * box.x) / box.width}%`,
    top: `${(-100 * box.y) / box.height}%`,
  };
  const shape = box && size.height > 0 ? { aspectRatio: `${box.width * size.width} / ${box.height * size.height}` } : undefined;
  return (
    <figure className="face">
      <div className={crop ? 'face-crop' : 'face-whole'} style={shape}>
        {url && <img src={url} alt={label} style={crop ?? undefined} />}
      </div>
      <figcaption>{label}</figcaption>
    </figure>
  );
}

function useFlicker(isOn: boolean): boolean {
  const [isSecond, setSecond] = useState(false);
  useEffect(() => {
    if (!isOn) return undefined;
    const timer = setInterval(() => setSecond((before) => !before), FLICKER_TIME);
    return () => clearInterval(timer);
  }, [isOn]);
  return isSecond;
}

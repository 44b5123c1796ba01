// One side of the document: by the camera, or as a file; then a look whether it can be read.
import { type ChangeEvent, useCallback, useEffect, useRef, useState } from 'react';
import { useFlow } from '../../app/context';
import { OtherDeviceButton } from '../../app/TroubleScreen';
import { CameraChoice, CameraTroubleScreen } from '../../camera/CameraTroubleScreen';
import { GUIDE_MARGIN, type GreyImage, type CaptureHint, type SteadyHint, toGreyImage, isTimeToShoot, observeDocument, updateSteadyHint } from '../../camera/measure';
import { DOCUMENT_SIDE, PictureError, encodeJpeg, encodeFileAsJpeg, findShownPart, widenPart } from '../../camera/picture';
import { useCamera } from '../../camera/useCamera';
import { hasBackSide } from '../../flow/screens';
import type { DocumentSide } from '../../flow/session';
import { Button, Notice, Spinner, Title } from '../../../shared/ui/parts';
import { Icon } from '../../../shared/ui/pictures';

export function CaptureSide({ side }: { side: DocumentSide }) {
  const { t, session, snapshot, go, announce } = useFlow();
  const [shot, setShot] = useState<Blob | null>(snapshot.pictures[side]?.blob ?? null);
  const [problem, setProblem] = useState<string>();
  const type = snapshot.choice?.type ?? '';

  const take = useCallback(
    (picture: Blob) => {
      setProblem(undefined);
      setShot(picture);
      announce(t('document.taken'));
    },
    [announce, t],
  );

  async function choose(event: ChangeEvent<HTMLInputElement>): Promise<void> {
    const file = event.target.files?.[0];
    event.target.value = '';
    if (!file) return;
    try {
      take(await encodeFileAsJpeg(file));
    } catch (error) {
      const reason = error instanceof PictureError ? error.reason : 'unreadable';
      setProblem(t(reason === 'large' ? 'document.big_file' : reason === 'small' ? 'document.small_picture' : 'document.bad_file'));
    }
  }

  function use(): void {
    if (!shot) return;
    if (shot !== snapshot.pictures[side]?.blob) session.keepPicture(side, shot);
    go(side === 'front' && hasBackSide(type) ? 'back' : 'reading');
  }

  if (shot) return <PicturePreview side={side} shot={shot} onUse={use} onRetake={() => setShot(null)} />;
  const upload = (
    <label className="button quiet upload">
      <input type="file" accept="image/*" className="hidden" onChange={(event) => void choose(event)} />
      <Icon name="upload" />
      <span>{t('document.upload')}</span>
    </label>
  );
  return (
    <>
      {problem && (
        <div role="alert" className="above">
          <Notice kind="problem">{problem}</Notice>
        </div>
      )}
      <LiveCapture side={side} isPassport={!hasBackSide(type)} onShot={take}>
        {upload}
      </LiveCapture>
    </>
  );
}

function PicturePreview({ side, shot, onUse, onRetake }: { side: DocumentSide; shot: Blob; onUse: () => void; onRetake: () => void }) {
  const { t } = useFlow();
  const url = useObjectUrl(shot);
  return (
    <section className="stack" data-screen={`preview-${side}`}>
      <Title>{t('document.preview_title')}</Title>
      <p className="lead">{t('document.preview_lead')}</p>
      <div className="preview">{url && <img src={url} alt={t(`document.preview_${side}`)} />}</div>
      <div className="actions">
        <Button onClick={onUse}>{t('document.use')}</Button>
        <Button kind="secondary" onClick={onRetake}>
          {t('document.retake')}
        </Button>
      </div>
    </section>
  );
}

export function useObjectUrl(blob: Blob): string | null {
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    const made = URL.createObjectURL(blob);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [blob]);
  return url;
}

/** How often the picture is looked at, in milliseconds: an old phone has to keep up. */
const OBSERVE_INTERVAL = 140;
/** The width of what is looked at, in pixels. */
const OBSERVED_WIDTH = 620;
/** After so long without a picture, in milliseconds, the button is pointed out. */
const MANUAL_HINT_DELAY = 9_000;
/** Hints are read out this far apart, in milliseconds. */
const ANNOUNCE_INTERVAL = 3_000;

function LiveCapture({ side, isPassport, onShot, children }: { side: DocumentSide; isPassport: boolean; onShot: (picture: Blob) => void; children: React.ReactNode }) {
  const { t, announce } = useFlow();
  const camera = useCamera('environment');
  const video = useRef<HTMLVideoElement>(null);
  const guide = useRef<HTMLDivElement>(null);
  const [hint, setHint] = useState<CaptureHint>('search');
  const [isSlow, setSlow] = useState(false);
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
    const part = findShownPart(sizeOf(picture), boxOf(picture), widenPart(boxOf(frame), GUIDE_MARGIN * 0.8));
    navigator.vibrate?.(40);
    encodeJpeg(picture, part, DOCUMENT_SIDE).then(onShot, () => (isDone.current = false));
  }, [onShot]);

  useEffect(() => {
    if (!stream) return;
    const canvas = document.createElement('canvas');
    const context = canvas.getContext('2d', { willReadFrequently: true });
    let steady: SteadyHint | null = null;
    let before: GreyImage | null = null;
    let told = { hint: '' as CaptureHint | '', at: 0 };
    const timer = setInterval(() => {
      const [picture, frame] = [video.current, guide.current];
      if (!context || !picture?.videoWidth || !frame || document.visibilityState !== 'visible') return;
      const part = findShownPart(sizeOf(picture), boxOf(picture), widenPart(boxOf(frame), GUIDE_MARGIN));
      canvas.width = OBSERVED_WIDTH;
      canvas.height = Math.round((OBSERVED_WIDTH * part.height) / part.width);
      context.drawImage(picture, part.left, part.top, part.width, part.height, 0, 0, canvas.width, canvas.height);
      const seen = observeDocument(toGreyImage(context.getImageData(0, 0, canvas.width, canvas.height)), before);
      before = seen.small;
      const now = performance.now();
      steady = updateSteadyHint(steady, seen.hint, now);
      setHint(steady.hint);
      if (steady.hint !== told.hint && now - told.at > ANNOUNCE_INTERVAL) {
        told = { hint: steady.hint, at: now };
        announce(t(`hint.${steady.hint}`));
      }
      if (isTimeToShoot(steady, now)) shoot();
    }, OBSERVE_INTERVAL);
    const patience = setTimeout(() => setSlow(true), MANUAL_HINT_DELAY);
    return () => {
      clearInterval(timer);
      clearTimeout(patience);
    };
  }, [stream, shoot, announce, t]);

  if (camera.state.is === 'trouble') {
    return (
      <CameraTroubleScreen camera={camera} trouble={camera.state.trouble} label={camera.state.label}>
        {children}
      </CameraTroubleScreen>
    );
  }
  return (
    <section className="stack capture" data-screen={side}>
      <Title>{t(side === 'back' ? 'document.back_title' : isPassport ? 'document.front_title_passport' : 'document.front_title')}</Title>
      <p className="lead">{t(side === 'back' ? 'document.back_lead' : 'document.front_lead')}</p>
      <div className="stage document-stage" data-hint={hint}>
        <video ref={video} muted playsInline autoPlay aria-label={t('face.stage')} />
        <div ref={guide} className={isPassport ? 'guide passport' : 'guide'}>
          <i />
          <i />
          <i />
          <i />
        </div>
        <div className="stage-hint">
          {stream ? <p key={hint}>{t(`hint.${hint}`)}</p> : <p><Spinner /> {t('document.starting')}</p>}
          {isSlow && hint !== 'good' && <small>{t('hint.manual')}</small>}
        </div>
        <button type="button" className="shutter" aria-label={t('document.shutter')} onClick={shoot} disabled={!stream} />
      </div>
      <div className="actions flat">
        {children}
        <CameraChoice camera={camera} />
        <OtherDeviceButton />
      </div>
    </section>
  );
}

const sizeOf = (video: HTMLVideoElement) => ({ width: video.videoWidth, height: video.videoHeight });

function boxOf(element: Element) {
  const { left, top, width, height } = element.getBoundingClientRect();
  return { left, top, width, height };
}

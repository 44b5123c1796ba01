// One side of the document: a picture by the camera or from a file, then a preview.
import { type ChangeEvent, type ReactNode, useCallback, useEffect, useState } from 'react';
import { Button, Notice, Spinner, Title } from '../../../shared/ui/parts';
import { Icon } from '../../../shared/ui/pictures';
import { OtherDeviceButton } from '../../app/TroubleScreen';
import { useFlow } from '../../app/context';
import { CameraChoice, CameraTroubleScreen } from '../../camera/CameraTroubleScreen';
import { PictureError, encodeFileAsJpeg } from '../../camera/picture';
import { hasBackSide, isBackKept } from '../../flow/screens';
import type { DocumentSide } from '../../flow/session';
import { useDocumentCapture } from './useDocumentCapture';

const FILE_ERRORS = { large: 'document.big_file', small: 'document.small_picture', unreadable: 'document.bad_file' } as const;

export function CaptureSide({ side }: { side: DocumentSide }) {
  const { t, session, snapshot, flow, go, announce } = useFlow();
  const [shot, setShot] = useState<Blob | null>(snapshot.pictures[side]?.blob ?? null);
  const [problem, setProblem] = useState<string>();
  const type = snapshot.choice?.type ?? '';

  const showShot = useCallback(
    (picture: Blob) => {
      setProblem(undefined);
      setShot(picture);
      announce(t('document.taken'));
    },
    [announce, t],
  );

  async function chooseFile(event: ChangeEvent<HTMLInputElement>): Promise<void> {
    const file = event.target.files?.[0];
    event.target.value = '';
    if (!file) return;
    try {
      showShot(await encodeFileAsJpeg(file));
    } catch (error) {
      setProblem(t(FILE_ERRORS[error instanceof PictureError ? error.reason : 'unreadable']));
    }
  }

  function acceptShot(): void {
    if (!shot) return;
    if (shot !== snapshot.pictures[side]?.blob) session.keepPicture(side, shot);
    go(side === 'front' && hasBackSide(type) && !isBackKept(flow, type) ? 'back' : 'reading');
  }

  if (shot) return <PicturePreview side={side} shot={shot} onUse={acceptShot} onRetake={() => setShot(null)} />;
  const upload = (
    <label className="button quiet upload">
      <input type="file" accept="image/*" className="hidden" onChange={(event) => void chooseFile(event)} />
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
      <LiveCapture side={side} isPassport={!hasBackSide(type)} onShot={showShot}>
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

function useObjectUrl(blob: Blob): string | null {
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    const made = URL.createObjectURL(blob);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [blob]);
  return url;
}

interface LiveCaptureProps {
  side: DocumentSide;
  isPassport: boolean;
  onShot: (picture: Blob) => void;
  children: ReactNode;
}

function LiveCapture({ side, isPassport, onShot, children }: LiveCaptureProps) {
  const { t } = useFlow();
  const { camera, video, guide, isRunning, hint, isSlow, shoot } = useDocumentCapture(onShot);
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
          {isRunning ? <p key={hint}>{t(`hint.${hint}`)}</p> : <p><Spinner /> {t('document.starting')}</p>}
          {isSlow && hint !== 'good' && <small>{t('hint.manual')}</small>}
        </div>
        <button type="button" className="shutter" aria-label={t('document.shutter')} onClick={shoot} disabled={!isRunning} />
      </div>
      <div className="actions flat">
        {children}
        <CameraChoice camera={camera} />
        <OtherDeviceButton />
      </div>
    </section>
  );
}

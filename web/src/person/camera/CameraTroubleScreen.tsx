// The screen for a camera that does not work, with instructions for this browser; and the list of cameras.
import { type ReactNode, useEffect } from 'react';
import type { TextKey } from '../../shared/i18n';
import { useFlow } from '../app/context';
import { Button, Notice, Title } from '../../shared/ui/parts';
import { CameraOffPicture } from '../../shared/ui/pictures';
import { chooseCameraInstructions } from './browser';
import type { CameraHandle } from './useCamera';
import type { CameraTroubleKind as Trouble } from './openCamera';

export function CameraTroubleScreen({ camera, trouble, label, children }: { camera: CameraHandle; trouble: Trouble; label: string; children?: ReactNode }) {
  const { t, go, embedder } = useFlow();
  useEffect(() => {
    if (trouble !== 'virtual') embedder.post({ type: 'error', code: 'camera_unavailable' });
  }, [embedder, trouble]);
  const steps = trouble === 'denied' ? t(chooseCameraInstructions(navigator.userAgent, navigator.maxTouchPoints)).split('|') : [];
  const text = trouble === 'virtual' ? t('camera.virtual', { camera: label }) : t(`camera.${trouble}` satisfies TextKey);
  return (
    <section className="stack" data-trouble={trouble}>
      <CameraOffPicture />
      <Title>{t(`camera.title_${trouble}`)}</Title>
      <Notice kind="problem">{text}</Notice>
      {steps.length > 0 && (
        <ol className="numbered">
          {steps.map((step) => (
            <li key={step}>{step}</li>
          ))}
        </ol>
      )}
      <CameraChoice camera={camera} always={trouble === 'virtual'} />
      <div className="actions">
        <Button onClick={camera.retry}>{t('app.try_again')}</Button>
        {children}
        {trouble === 'virtual' && (
          <Button kind="quiet" onClick={camera.useAnyway}>
            {t('camera.use_anyway')}
          </Button>
        )}
        <Button kind="quiet" onClick={() => go('handoff')}>
          {t('device.switch')}
        </Button>
      </div>
    </section>
  );
}

export function CameraChoice({ camera, always = false }: { camera: CameraHandle; always?: boolean }) {
  const { t } = useFlow();
  const current = camera.state.is === 'on' ? camera.state.stream.getVideoTracks()[0]?.getSettings().deviceId : undefined;
  if (camera.devices.length < (always ? 1 : 2)) return null;
  return (
    <label className="camera-choice">
      <span>{t('camera.choose')}</span>
      <select value={current ?? ''} onChange={(event) => camera.choose(event.target.value)}>
        {!current && <option value="" />}
        {camera.devices.map((device) => (
          <option key={device.id} value={device.id}>
            {device.label}
          </option>
        ))}
      </select>
    </label>
  );
}

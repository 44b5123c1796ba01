// The face step's screens around a check: in progress, failed, interrupted, paused.
import { type ReactNode, Suspense, lazy } from 'react';
import { formatRelativeTime } from '../../../shared/i18n/format';
import { Button, Notice, Spinner, Title } from '../../../shared/ui/parts';
import { ClockPicture, FacePicture } from '../../../shared/ui/pictures';
import { LoadingIndicator } from '../../app/LoadingScreen';
import { useSecondsUntil } from '../../app/PageFrame';
import { useFlow } from '../../app/context';
import { chooseCameraInstructions } from '../../camera/browser';
import type { AwsTrouble } from './aws/props';
import { chooseFaceAdvice } from './faceAdvice';

const TroubleWords = lazy(() => import('./aws/TroubleWords'));

export function JudgingScreen({ isStarting }: { isStarting: boolean }) {
  const { t } = useFlow();
  return (
    <section className="stack centred" data-screen="judging">
      <div className="pulse">
        <FacePicture />
      </div>
      <Title>{t('face.judging_title')}</Title>
      <p className="lead" role="status">
        <Spinner /> {t(isStarting ? 'face.starting' : 'face.judging_lead')}
      </p>
    </section>
  );
}

interface TryAgainScreenProps {
  title: string;
  lead: string;
  screen: string;
  onAgain: (() => void) | undefined;
  /** After several failures: the way to another device is shown as a full button. */
  isStuck?: boolean;
  children?: ReactNode;
}

export function TryAgainScreen({ title, lead, screen, onAgain, isStuck = false, children }: TryAgainScreenProps) {
  const { t, go } = useFlow();
  return (
    <section className="stack" data-screen={screen}>
      <FacePicture />
      <Title>{title}</Title>
      <p className="lead">{lead}</p>
      {children}
      <div className="actions">
        {onAgain && <Button onClick={onAgain}>{t('face.retry')}</Button>}
        <Button kind={isStuck ? 'secondary' : 'quiet'} onClick={() => go('handoff')}>
          {t('device.switch')}
        </Button>
      </div>
    </section>
  );
}

export function FailedScreen({ codes, isStuck, onAgain }: { codes: readonly string[]; isStuck: boolean; onAgain: () => void }) {
  const { t } = useFlow();
  return (
    <TryAgainScreen title={t('face.failed_title')} lead={t('face.failed_lead')} screen="failed" onAgain={onAgain} isStuck={isStuck}>
      <Notice kind="note">
        <ul className="dotted">
          {chooseFaceAdvice(codes).map((advice) => (
            <li key={advice}>{t(advice)}</li>
          ))}
        </ul>
      </Notice>
    </TryAgainScreen>
  );
}

export function ProviderTroubleScreen({ trouble, onAgain }: { trouble: AwsTrouble; onAgain: (() => void) | undefined }) {
  const { language } = useFlow();
  return (
    <Suspense fallback={<LoadingIndicator />}>
      <TroubleWords language={language} trouble={trouble}>
        {({ title, advice }) => (
          <TryAgainScreen title={title} lead={advice} screen={`face-${trouble}`} onAgain={onAgain}>
            {trouble === 'camera' && <CameraInstructions />}
          </TryAgainScreen>
        )}
      </TroubleWords>
    </Suspense>
  );
}

/** How to allow the camera in this browser. */
function CameraInstructions() {
  const { t } = useFlow();
  return (
    <ol className="numbered">
      {t(chooseCameraInstructions(navigator.userAgent, navigator.maxTouchPoints))
        .split('|')
        .map((step) => (
          <li key={step}>{step}</li>
        ))}
    </ol>
  );
}

export function PausedScreen({ until, onAgain }: { until: number; onAgain: () => void }) {
  const { t, language } = useFlow();
  const seconds = useSecondsUntil(until);
  const rounded = seconds >= 90 ? Math.ceil(seconds / 60) * 60 : seconds;
  return (
    <section className="stack centred" data-screen="paused">
      <ClockPicture />
      <Title>{t('face.paused_title')}</Title>
      <p className="lead">{t('face.paused_lead', { time: formatRelativeTime(language, rounded) })}</p>
      <div className="actions">
        <Button onClick={onAgain} busy={seconds > 0}>
          {t('face.retry')}
        </Button>
      </div>
    </section>
  );
}

// The face step: shows the screen of its current stage. The server decides who judges, and judges.
import { useState } from 'react';
import { useFlow } from '../../app/context';
import { FaceIntro, type FaceOptions } from './FaceIntro';
import { FailedScreen, JudgingScreen, PausedScreen, ProviderTroubleScreen, TryAgainScreen } from './FaceScreens';
import { LocalFaceCheck } from './LocalFaceCheck';
import { ProviderFaceCheck } from './ProviderFaceCheck';
import { type FaceCheck, useFaceCheck } from './useFaceCheck';
import './face.css';

/** After so many failed checks the way to another device is shown as a full button. */
const STUCK_AFTER = 2;

export default function FaceStep() {
  const [options, setOptions] = useState<FaceOptions>(() => ({
    isSlow: false,
    isSpoken: false,
    withoutFlashing: matchMedia('(prefers-reduced-motion: reduce)').matches,
  }));
  const check = useFaceCheck(options.withoutFlashing);
  const start = (): void => void check.start();

  switch (check.stage.is) {
    case 'intro':
      return <FaceIntro options={options} onChange={(changed) => setOptions((before) => ({ ...before, ...changed }))} onStart={start} />;
    case 'local':
    case 'provider':
      return <RunningCheck check={check} options={options} />;
    case 'starting':
    case 'judging':
      return <JudgingScreen isStarting={check.stage.is === 'starting'} />;
    default:
      return <EndedCheck check={check} onAgain={start} />;
  }
}

function RunningCheck({ check, options }: { check: FaceCheck; options: FaceOptions }) {
  const { flow } = useFlow();
  const { stage, setStage } = check;
  if (stage.is === 'local') {
    return (
      <LocalFaceCheck
        isSlow={options.isSlow}
        isSpoken={options.isSpoken}
        createSession={check.createSession}
        onTaken={(session, frames) => void check.judgeFrames(session, frames)}
        onError={check.showError}
        onInterrupted={() => setStage({ is: 'interrupted' })}
      />
    );
  }
  if (stage.is !== 'provider' || flow.liveness.provider !== 'aws') return null;
  return (
    <ProviderFaceCheck
      session={stage.session}
      flashing={!options.withoutFlashing}
      onDone={() => void check.conclude(stage.session)}
      onCancel={() => setStage({ is: 'intro' })}
      onError={(trouble, retry) => setStage({ is: 'trouble', trouble, retry })}
    />
  );
}

function EndedCheck({ check: { stage, failures }, onAgain }: { check: FaceCheck; onAgain: () => void }) {
  const { t } = useFlow();
  switch (stage.is) {
    case 'failed':
      return <FailedScreen codes={stage.codes} isStuck={failures >= STUCK_AFTER} onAgain={onAgain} />;
    case 'trouble':
      return <ProviderTroubleScreen trouble={stage.trouble} onAgain={stage.retry ? onAgain : undefined} />;
    case 'paused':
      return <PausedScreen until={stage.until} onAgain={onAgain} />;
    case 'interrupted':
      return <TryAgainScreen title={t('face.interrupted_title')} lead={t('face.interrupted_lead')} screen="interrupted" onAgain={onAgain} />;
    case 'expired':
      return <TryAgainScreen title={t('face.expired_title')} lead={t('face.expired_lead')} screen="face-expired" onAgain={onAgain} />;
    default:
      return null;
  }
}

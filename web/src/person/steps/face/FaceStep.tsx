// The face: an introduction, the check, and what came of it. Who judges is the server's matter; the check itself is a part of its own.
import { Suspense, lazy, useCallback, useState } from 'react';
import { ApiError, type ApiSchemas, callApi } from '../../../shared/api/client';
import { withRetries } from '../../../shared/api/retry';
import { useFlow } from '../../app/context';
import { useSecondsUntil } from '../../app/PageFrame';
import { OtherDeviceButton } from '../../app/TroubleScreen';
import { LoadingIndicator } from '../../app/LoadingScreen';
import { chooseCameraInstructions } from '../../camera/browser';
import { formatRelativeTime } from '../../../shared/i18n/format';
import { Button, Notice, Spinner, Title } from '../../../shared/ui/parts';
import { ClockPicture, FacePicture, Icon } from '../../../shared/ui/pictures';
import { chooseFaceAdvice } from './faceAdvice';
import { LocalFaceCheck, type TakenFrames } from './LocalFaceCheck';
import type { AwsTrouble } from './aws/props';
import { canSpeak } from './speech';
import './face.css';

const AwsFace = lazy(() => import('./aws'));
const AwsWords = lazy(() => import('./aws/TroubleWords'));

type FaceSession = ApiSchemas['SessionResponse'];
type FaceStage =
  | { is: 'intro' }
  | { is: 'local' }
  | { is: 'starting' }
  | { is: 'provider'; session: string }
  | { is: 'judging' }
  | { is: 'failed'; codes: string[] }
  | { is: 'trouble'; trouble: AwsTrouble; retry: boolean }
  | { is: 'paused'; until: number }
  | { is: 'interrupted' }
  | { is: 'expired' };

/** How long the page waits for a provider's finding, and how often it asks, in milliseconds. */
const RESULT_INTERVAL = 1_500;
const MAX_RESULT_CALLS = 20;

export default function FaceStep() {
  const { t, language, flow, session, go, announce } = useFlow();
  const [stage, setStage] = useState<FaceStage>({ is: 'intro' });
  const [isSlow, setSlow] = useState(false);
  const [isSpoken, setSpoken] = useState(false);
  const [noFlash, setNoFlash] = useState(() => matchMedia('(prefers-reduced-motion: reduce)').matches);
  const [tries, setTries] = useState(0);
  const { token } = session.access;
  const provider = flow.liveness;

  const makeSession = useCallback(
    () =>
      withRetries(
        () => callApi('post', '/api/face-liveness/session', { token, json: provider.provider === 'aws' && noFlash ? { challengeType: 'FaceMovementChallenge' } : {} }),
        { attempts: 5, except: [429] },
      ),
    [token, provider.provider, noFlash],
  );

  const explain = useCallback(
    (error: unknown): void => {
      if (error instanceof ApiError && error.status === 429) setStage({ is: 'paused', until: Date.now() + (error.retryAfter ?? 60) * 1_000 });
      else if (error instanceof ApiError && (error.status === 404 || error.status === 410)) setStage({ is: 'expired' });
      else setStage({ is: 'failed', codes: [] });
      if (error instanceof ApiError && error.status === 401) void session.loadFlow('once');
    },
    [session],
  );

  /** What the server found; the person goes on only with that. */
  const conclude = useCallback(
    async (id: string): Promise<void> => {
      setStage({ is: 'judging' });
      try {
        let found = await fetchResult(token, id);
        for (let asked = 1; found.status !== 'SUCCEEDED' && found.status !== 'FAILED' && asked < MAX_RESULT_CALLS; asked += 1) {
          await new Promise((resolve) => setTimeout(resolve, RESULT_INTERVAL));
          found = await fetchResult(token, id);
        }
        if (!found.isLive) {
          setTries((before) => before + 1);
          setStage({ is: 'failed', codes: found.feedback.map((one) => one.Code) });
          return;
        }
        if (found.referenceImage) await session.saveFacePhoto(decodeJpeg(found.referenceImage.bytes));
        await session.loadFlow();
        announce(t('face.done'));
        go('details');
      } catch (error) {
        explain(error);
      }
    },
    [token, session, announce, t, go, explain],
  );

  const judge = useCallback(
    async (made: FaceSession, taken: TakenFrames): Promise<void> => {
      setStage({ is: 'judging' });
      const id = made.sessionId;
      try {
        await withRetries(() => callApi('post', '/api/face-liveness/session/{sessionId}/frames', { token, params: { sessionId: id }, form: buildFramesForm(made, taken) }), { attempts: 6 });
      } catch (error) {
        // The answer to an earlier attempt was lost: the frames have arrived.
        if (!(error instanceof ApiError && error.status === 409)) return explain(error);
      }
      await conclude(id);
    },
    [token, conclude, explain],
  );

  async function start(): Promise<void> {
    if (provider.provider === 'local') return setStage({ is: 'local' });
    setStage({ is: 'starting' });
    try {
      const made = await makeSession();
      setStage({ is: 'provider', session: made.sessionId });
    } catch (error) {
      explain(error);
    }
  }

  switch (stage.is) {
    case 'local':
      return (
        <LocalFaceCheck
          isSlow={isSlow}
          isSpoken={isSpoken}
          makeSession={makeSession}
          onTaken={(made, taken) => void judge(made, taken)}
          onError={explain}
          onInterrupted={() => setStage({ is: 'interrupted' })}
        />
      );
    case 'provider':
      return provider.provider === 'aws' ? (
        <section className="stack" data-screen="face-provider">
          <Title>{t('face.title')}</Title>
          <Suspense fallback={<LoadingIndicator />}>
            <AwsFace
              session={stage.session}
              region={provider.region ?? ''}
              stream={provider.stream}
              credentials={async () => (await withRetries(() => callApi('get', '/api/aws/credentials', { token }), { attempts: 3 })).data}
              onDone={() => void conclude(stage.session)}
              onCancel={() => setStage({ is: 'intro' })}
              onError={(trouble, retry) => setStage({ is: 'trouble', trouble, retry })}
              language={language}
              flashing={!noFlash}
            />
          </Suspense>
        </section>
      ) : null;
    case 'starting':
    case 'judging':
      return (
        <section className="stack centred" data-screen="judging">
          <div className="pulse">
            <FacePicture />
          </div>
          <Title>{t('face.judging_title')}</Title>
          <p className="lead" role="status">
            <Spinner /> {t(stage.is === 'judging' ? 'face.judging_lead' : 'face.starting')}
          </p>
        </section>
      );
    case 'failed':
      return (
        <TryAgainScreen title={t('face.failed_title')} lead={t('face.failed_lead')} screen="failed" onAgain={() => void start()} isStuck={tries >= 2}>
          <Notice kind="note">
            <ul className="dotted">
              {chooseFaceAdvice(stage.codes).map((advice) => (
                <li key={advice}>{t(advice)}</li>
              ))}
            </ul>
          </Notice>
        </TryAgainScreen>
      );
    case 'trouble':
      return (
        <Suspense fallback={<LoadingIndicator />}>
          <AwsWords language={language} trouble={stage.trouble}>
            {({ title, advice }) => (
              <TryAgainScreen title={title} lead={advice} screen={`face-${stage.trouble}`} onAgain={stage.retry ? () => void start() : undefined}>
                {stage.trouble === 'camera' && <CameraSteps />}
              </TryAgainScreen>
            )}
          </AwsWords>
        </Suspense>
      );
    case 'paused':
      return <PausedScreen until={stage.until} onAgain={() => void start()} />;
    case 'interrupted':
      return <TryAgainScreen title={t('face.interrupted_title')} lead={t('face.interrupted_lead')} screen="interrupted" onAgain={() => void start()} />;
    case 'expired':
      return <TryAgainScreen title={t('face.expired_title')} lead={t('face.expired_lead')} screen="face-expired" onAgain={() => void start()} />;
    case 'intro':
      break;
  }

  return (
    <section className="stack" data-screen="face">
      <FacePicture />
      <Title>{t('face.title')}</Title>
      <p className="lead">{t(provider.provider === 'local' ? 'face.lead' : 'face.lead_oval')}</p>
      <ul className="needs">
        <li>
          <Icon name="light" />
          {t('face.tip_light')}
        </li>
        <li>
          <Icon name="glasses" />
          {t('face.tip_glasses')}
        </li>
        <li>
          <Icon name="person" />
          {t('face.tip_alone')}
        </li>
      </ul>
      {provider.provider === 'local' ? (
        <div className="options">
          <OptionCheckbox checked={isSlow} onChange={setSlow} label={t('face.slow')} />
          {canSpeak(language) && <OptionCheckbox checked={isSpoken} onChange={setSpoken} label={t('face.speak')} />}
        </div>
      ) : (
        <>
          {!noFlash && <Notice kind="note">{t('face.flash_warning')}</Notice>}
          <div className="options">
            <OptionCheckbox checked={noFlash} onChange={setNoFlash} label={t('face.no_flash')} />
          </div>
        </>
      )}
      <div className="actions">
        <Button onClick={() => void start()}>{t('face.start')}</Button>
        <OtherDeviceButton />
      </div>
    </section>
  );
}

function OptionCheckbox({ checked, onChange, label }: { checked: boolean; onChange: (checked: boolean) => void; label: string }) {
  return (
    <label className="tick plain">
      <input type="checkbox" checked={checked} onChange={(event) => onChange(event.target.checked)} />
      <span>{label}</span>
    </label>
  );
}

function TryAgainScreen({ title, lead, screen, onAgain, isStuck = false, children }: { title: string; lead: string; screen: string; onAgain: (() => void) | undefined; isStuck?: boolean; children?: React.ReactNode }) {
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

/** How this browser is given leave to use the camera. */
function CameraSteps() {
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

function PausedScreen({ until, onAgain }: { until: number; onAgain: () => void }) {
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

async function fetchResult(token: string, sessionId: string): Promise<ApiSchemas['Results']> {
  return (await withRetries(() => callApi('get', '/api/face-liveness/results/{sessionId}', { token, params: { sessionId } }), { attempts: 6 })).data;
}

function buildFramesForm(made: FaceSession, taken: TakenFrames): FormData {
  const form = new FormData();
  form.set('nonce', made.challenge?.nonce ?? '');
  form.set('frames', JSON.stringify(taken.map(({ step, time }) => ({ step, time }))));
  taken.forEach(({ picture }, i) => form.set(`frame_${i + 1}`, picture, `frame_${i + 1}.jpg`));
  return form;
}

function decodeJpeg(base64: string): Blob {
  const text = atob(base64);
  const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  return new Blob([bytes], { type: 'image/jpeg' });
}


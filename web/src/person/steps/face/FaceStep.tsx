// The face: an introduction, the check, and what came of it. Who judges is the server's matter; the check itself is a part of its own.
import { Suspense, lazy, useCallback, useState } from 'react';
import { ApiError, type Schemas, call } from '../../../shared/api/client';
import { retrying } from '../../../shared/api/retry';
import { useApp } from '../../app/context';
import { useSecondsUntil } from '../../app/Shell';
import { OtherDevice } from '../../app/Trouble';
import { LoadingPart } from '../../app/Loading';
import { instructionsFor } from '../../camera/browser';
import { inTime } from '../../../shared/i18n/format';
import { Button, Notice, Spinner, Title } from '../../../shared/ui/parts';
import { Clock, FaceHint, Icon } from '../../../shared/ui/pictures';
import { faceAdvice } from './advice';
import { Local, type Taken } from './Local';
import type { AwsTrouble } from './aws/props';
import { canSpeak } from './speech';
import './face.css';

const AwsFace = lazy(() => import('./aws'));
const AwsWords = lazy(() => import('./aws/Words'));

type Made = Schemas['SessionResponse'];
type Stage =
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
const RESULT_EVERY = 1_500;
const RESULT_TRIES = 20;

export default function FaceStep() {
  const { t, language, flow, session, go, announce } = useApp();
  const [stage, setStage] = useState<Stage>({ is: 'intro' });
  const [isSlow, setSlow] = useState(false);
  const [isSpoken, setSpoken] = useState(false);
  const [noFlash, setNoFlash] = useState(() => matchMedia('(prefers-reduced-motion: reduce)').matches);
  const [tries, setTries] = useState(0);
  const { token } = session.access;
  const provider = flow.liveness;

  const makeSession = useCallback(
    () =>
      retrying(
        () => call('post', '/api/face-liveness/session', { token, json: provider.provider === 'aws' && noFlash ? { challengeType: 'FaceMovementChallenge' } : {} }),
        { attempts: 5, except: [429] },
      ),
    [token, provider.provider, noFlash],
  );

  const explain = useCallback(
    (error: unknown): void => {
      if (error instanceof ApiError && error.status === 429) setStage({ is: 'paused', until: Date.now() + (error.retryAfter ?? 60) * 1_000 });
      else if (error instanceof ApiError && (error.status === 404 || error.status === 410)) setStage({ is: 'expired' });
      else setStage({ is: 'failed', codes: [] });
      if (error instanceof ApiError && error.status === 401) void session.load('once');
    },
    [session],
  );

  /** What the server found; the person goes on only with that. */
  const conclude = useCallback(
    async (id: string): Promise<void> => {
      setStage({ is: 'judging' });
      try {
        let found = await result(token, id);
        for (let asked = 1; found.status !== 'SUCCEEDED' && found.status !== 'FAILED' && asked < RESULT_TRIES; asked += 1) {
          await new Promise((resolve) => setTimeout(resolve, RESULT_EVERY));
          found = await result(token, id);
        }
        if (!found.isLive) {
          setTries((before) => before + 1);
          setStage({ is: 'failed', codes: found.feedback.map((one) => one.Code) });
          return;
        }
        if (found.referenceImage) await session.keepFace(blobOf(found.referenceImage.bytes));
        await session.load();
        announce(t('face.done'));
        go('details');
      } catch (error) {
        explain(error);
      }
    },
    [token, session, announce, t, go, explain],
  );

  const judge = useCallback(
    async (made: Made, taken: Taken): Promise<void> => {
      setStage({ is: 'judging' });
      const id = made.sessionId;
      try {
        await retrying(() => call('post', '/api/face-liveness/session/{sessionId}/frames', { token, at: { sessionId: id }, form: formOf(made, taken) }), { attempts: 6 });
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
        <Local
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
          <Suspense fallback={<LoadingPart />}>
            <AwsFace
              session={stage.session}
              region={provider.region ?? ''}
              stream={provider.stream}
              credentials={async () => (await retrying(() => call('get', '/api/aws/credentials', { token }), { attempts: 3 })).data}
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
            <FaceHint />
          </div>
          <Title>{t('face.judging_title')}</Title>
          <p className="lead" role="status">
            <Spinner /> {t(stage.is === 'judging' ? 'face.judging_lead' : 'face.starting')}
          </p>
        </section>
      );
    case 'failed':
      return (
        <Again title={t('face.failed_title')} lead={t('face.failed_lead')} screen="failed" onAgain={() => void start()} isStuck={tries >= 2}>
          <Notice kind="note">
            <ul className="dotted">
              {faceAdvice(stage.codes).map((advice) => (
                <li key={advice}>{t(advice)}</li>
              ))}
            </ul>
          </Notice>
        </Again>
      );
    case 'trouble':
      return (
        <Suspense fallback={<LoadingPart />}>
          <AwsWords language={language} trouble={stage.trouble}>
            {({ title, advice }) => (
              <Again title={title} lead={advice} screen={`face-${stage.trouble}`} onAgain={stage.retry ? () => void start() : undefined}>
                {stage.trouble === 'camera' && <CameraSteps />}
              </Again>
            )}
          </AwsWords>
        </Suspense>
      );
    case 'paused':
      return <Paused until={stage.until} onAgain={() => void start()} />;
    case 'interrupted':
      return <Again title={t('face.interrupted_title')} lead={t('face.interrupted_lead')} screen="interrupted" onAgain={() => void start()} />;
    case 'expired':
      return <Again title={t('face.expired_title')} lead={t('face.expired_lead')} screen="face-expired" onAgain={() => void start()} />;
    case 'intro':
      break;
  }

  return (
    <section className="stack" data-screen="face">
      <FaceHint />
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
          <Tick checked={isSlow} onChange={setSlow} label={t('face.slow')} />
          {canSpeak(language) && <Tick checked={isSpoken} onChange={setSpoken} label={t('face.speak')} />}
        </div>
      ) : (
        <>
          {!noFlash && <Notice kind="note">{t('face.flash_warning')}</Notice>}
          <div className="options">
            <Tick checked={noFlash} onChange={setNoFlash} label={t('face.no_flash')} />
          </div>
        </>
      )}
      <div className="actions">
        <Button onClick={() => void start()}>{t('face.start')}</Button>
        <OtherDevice />
      </div>
    </section>
  );
}

function Tick({ checked, onChange, label }: { checked: boolean; onChange: (checked: boolean) => void; label: string }) {
  return (
    <label className="tick plain">
      <input type="checkbox" checked={checked} onChange={(event) => onChange(event.target.checked)} />
      <span>{label}</span>
    </label>
  );
}

function Again({ title, lead, screen, onAgain, isStuck = false, children }: { title: string; lead: string; screen: string; onAgain: (() => void) | undefined; isStuck?: boolean; children?: React.ReactNode }) {
  const { t, go } = useApp();
  return (
    <section className="stack" data-screen={screen}>
      <FaceHint />
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
  const { t } = useApp();
  return (
    <ol className="numbered">
      {t(instructionsFor(navigator.userAgent, navigator.maxTouchPoints))
        .split('|')
        .map((step) => (
          <li key={step}>{step}</li>
        ))}
    </ol>
  );
}

function Paused({ until, onAgain }: { until: number; onAgain: () => void }) {
  const { t, language } = useApp();
  const seconds = useSecondsUntil(until);
  const rounded = seconds >= 90 ? Math.ceil(seconds / 60) * 60 : seconds;
  return (
    <section className="stack centred" data-screen="paused">
      <Clock />
      <Title>{t('face.paused_title')}</Title>
      <p className="lead">{t('face.paused_lead', { time: inTime(language, rounded) })}</p>
      <div className="actions">
        <Button onClick={onAgain} busy={seconds > 0}>
          {t('face.retry')}
        </Button>
      </div>
    </section>
  );
}

async function result(token: string, sessionId: string): Promise<Schemas['Results']> {
  return (await retrying(() => call('get', '/api/face-liveness/results/{sessionId}', { token, at: { sessionId } }), { attempts: 6 })).data;
}

function formOf(made: Made, taken: Taken): FormData {
  const form = new FormData();
  form.set('nonce', made.challenge?.nonce ?? '');
  form.set('frames', JSON.stringify(taken.map(({ step, time }) => ({ step, time }))));
  taken.forEach(({ picture }, i) => form.set(`frame_${i + 1}`, picture, `frame_${i + 1}.jpg`));
  return form;
}

function blobOf(base64: string): Blob {
  const text = atob(base64);
  const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  return new Blob([bytes], { type: 'image/jpeg' });
}


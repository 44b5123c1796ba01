// The handoff to another device: a QR code, a code to type, and a list that follows the other device.
import { useCallback, useEffect, useState } from 'react';
import { encode } from 'uqr';
import { useFlow } from '../../app/context';
import { useSecondsUntil } from '../../app/PageFrame';
import { COUNTED_STEPS, findOpenScreen, compareStep } from '../../flow/screens';
import { formatDuration } from '../../../shared/i18n/format';
import { Button, Spinner, Title } from '../../../shared/ui/parts';
import { Icon } from '../../../shared/ui/pictures';
import './handoff.css';

interface HandoffCode {
  code: string;
  url: string;
  expires: string;
}

export default function Handoff() {
  const { t, flow, go } = useFlow();
  const { code, secondsLeft, renewCode } = useHandoffCode();
  const hasMoved = useFollowedStep();
  return (
    <section className="stack" data-screen="handoff">
      <Title>{t('handoff.title')}</Title>
      <p className="lead">{t('handoff.lead')}</p>
      <CodePanel code={code} secondsLeft={secondsLeft} onRenew={renewCode} />
      <div className="panel">
        <h2>{t('handoff.follow')}</h2>
        <FollowedSteps />
        {!hasMoved && (
          <p className="fine waiting">
            <Spinner /> {t('handoff.waiting')}
          </p>
        )}
      </div>
      <div className="actions">
        <Button kind="secondary" onClick={() => go(findOpenScreen(flow))}>
          {t('handoff.stay')}
        </Button>
      </div>
    </section>
  );
}

function useHandoffCode() {
  const { session } = useFlow();
  const [code, setCode] = useState<HandoffCode | null>(null);
  const secondsLeft = useSecondsUntil(code ? Date.parse(code.expires) : null);
  const renewCode = useCallback(async () => {
    try {
      setCode(await session.createHandoff());
    } catch {
      setCode(null);
    }
  }, [session]);
  useEffect(() => void renewCode(), [renewCode]);
  return { code, secondsLeft, renewCode };
}

/** Announces each step that the other device reaches; true once there was one. */
function useFollowedStep(): boolean {
  const { t, flow, announce } = useFlow();
  const [firstStep] = useState(flow.step);
  useEffect(() => {
    if (flow.step !== firstStep && flow.step !== 'outcome') announce(t(`steps.${flow.step}`));
  }, [flow.step, firstStep, announce, t]);
  return flow.step !== firstStep;
}

function CodePanel({ code, secondsLeft, onRenew }: { code: HandoffCode | null; secondsLeft: number; onRenew: () => Promise<void> }) {
  const { t, announce, language } = useFlow();
  const isOver = code !== null && secondsLeft === 0;
  const rounded = secondsLeft >= 90 ? Math.ceil(secondsLeft / 60) * 60 : secondsLeft;
  return (
    <div className="handoff">
      <div className={isOver ? 'square over' : 'square'}>
        {code ? <QrCode text={code.url} label={t('handoff.qr')} /> : <Spinner large />}
        {isOver && (
          <Button kind="secondary" onClick={() => void onRenew().then(() => announce(t('handoff.renewed')))}>
            {t('handoff.new')}
          </Button>
        )}
      </div>
      <div className="code">
        <p>{t('handoff.or', { url: code ? code.url.replace(/#.*$/, '').replace(/^https?:\/\//, '') : '…' })}</p>
        <p className="letters" data-code>
          <span className="hidden">{t('handoff.code')}: </span>
          {code?.code ?? '····-····'}
        </p>
        <p className="fine">{isOver ? t('handoff.expired') : code && t('handoff.valid', { time: formatDuration(language, rounded) })}</p>
      </div>
    </div>
  );
}

function FollowedSteps() {
  const { t, flow } = useFlow();
  return (
    <ol className="follow">
      {COUNTED_STEPS.map((step) => {
        const state = compareStep(step, flow);
        return (
          <li key={step} className={state} aria-current={state === 'now' ? 'step' : undefined}>
            <i aria-hidden="true">{state === 'done' && <Icon name="check" />}</i>
            <span>{t(`steps.${step}`)}</span>
            <small>{t(`handoff.${state}`)}</small>
          </li>
        );
      })}
    </ol>
  );
}

/** Dark squares on white in every theme: some readers cannot read the inverse. */
function QrCode({ text, label }: { text: string; label: string }) {
  const { data, size } = encode(text, { ecc: 'M', border: 2 });
  const path = data.flatMap((row, y) => row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : ''))).join('');
  return (
    <svg viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shapeRendering="crispEdges">
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#0b0f19" />
    </svg>
  );
}

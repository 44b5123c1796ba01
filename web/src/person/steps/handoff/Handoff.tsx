// From here to another device: a square to scan, a code to type, and a list that follows along.
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
  const { t, session, flow, go, announce, language } = useFlow();
  const [code, setCode] = useState<HandoffCode | null>(null);
  const [firstStep] = useState(flow.step);
  const seconds = useSecondsUntil(code ? Date.parse(code.expires) : null);
  const isOver = code !== null && seconds === 0;

  const renew = useCallback(async () => {
    try {
      setCode(await session.createHandoff());
    } catch {
      setCode(null);
    }
  }, [session]);

  useEffect(() => void renew(), [renew]);

  useEffect(() => {
    if (flow.step !== firstStep && flow.step !== 'outcome') announce(t(`steps.${flow.step}`));
  }, [flow.step, firstStep, announce, t]);

  const hasMoved = flow.step !== firstStep;
  return (
    <section className="stack" data-screen="handoff">
      <Title>{t('handoff.title')}</Title>
      <p className="lead">{t('handoff.lead')}</p>
      <div className="handoff">
        <div className={isOver ? 'square over' : 'square'}>
          {code ? <QrCode text={code.url} label={t('handoff.qr')} /> : <Spinner large />}
          {isOver && (
            <Button kind="secondary" onClick={() => void renew().then(() => announce(t('handoff.renewed')))}>
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
          <p className="fine">{isOver ? t('handoff.expired') : code && t('handoff.valid', { time: formatDuration(language, seconds >= 90 ? Math.ceil(seconds / 60) * 60 : seconds) })}</p>
        </div>
      </div>
      <div className="panel">
        <h2>{t('handoff.follow')}</h2>
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

/** Dark squares on white in every theme: not every reader takes the inverse. */
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

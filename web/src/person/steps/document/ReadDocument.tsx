// The pictures are sent and read. If another picture would help, this screen says so at once.
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import { Button, Notice, Spinner, Title } from '../../../shared/ui/parts';
import { Icon, ReadingPicture } from '../../../shared/ui/pictures';
import { useFlow } from '../../app/context';
import type { PictureAdvice } from '../../flow/pictureAdvice';
import { formatRelativeTime } from '../../../shared/i18n/format';
import { useSecondsUntil } from '../../app/PageFrame';
import { findOpenScreen } from '../../flow/screens';

/** After so long, in milliseconds, the person may go on: what is read arrives later. */
const SKIP_DELAY = 8_000;

export function ReadDocument() {
  const { t, snapshot, flow, go } = useFlow();
  const { reading, unsent } = snapshot;
  const isSlow = useReading();
  const isSent = flow.step !== 'document' && unsent === 0;
  const advice = reading.state === 'done' ? reading.advice : [];
  const isOver = (reading.state === 'done' && advice.length === 0) || reading.state === 'failed';
  useEffect(() => {
    // `readDocument` reloads the flow at its end: until then the server may still say "document".
    if (isOver && flow.step !== 'document') go(findOpenScreen(flow));
  }, [isOver, flow, go]);

  if (advice.length > 0) {
    return (
      <ReadingFrame screen="advice" title={t('document.advice_title')} lead={t('document.advice_lead')}>
        <AdviceList advice={advice} />
      </ReadingFrame>
    );
  }
  return (
    <ReadingFrame screen="reading" isCentred title={t('document.checking_title')} lead={t('document.checking_lead')}>
      <ReadingProgress isSending={unsent > 0} />
      <QueueNotice until={reading.state === 'queued' ? reading.until : null} />
      {isSlow && isSent && (
        <div className="actions">
          <Button kind="secondary" onClick={() => go(findOpenScreen(flow))}>
            {t('app.continue')}
          </Button>
        </div>
      )}
    </ReadingFrame>
  );
}

/** Starts the reading once; true when it takes long. */
function useReading(): boolean {
  const { session } = useFlow();
  const [isSlow, setSlow] = useState(false);
  const hasBegun = useRef(false);

  useEffect(() => {
    if (hasBegun.current) return;
    hasBegun.current = true;
    void session.readDocument();
  }, [session]);

  useEffect(() => {
    const timer = setTimeout(() => {
      setSlow(true);
      void session.loadFlow('once');
    }, SKIP_DELAY);
    return () => clearTimeout(timer);
  }, [session]);

  return isSlow;
}

interface ReadingFrameProps {
  screen: string;
  isCentred?: boolean;
  title: string;
  lead: string;
  children: ReactNode;
}

/** One frame for both screens: the heading keeps the focus when advice replaces the progress. */
function ReadingFrame({ screen, isCentred = false, title, lead, children }: ReadingFrameProps) {
  return (
    <section className={isCentred ? 'stack centred' : 'stack'} data-screen={screen}>
      <ReadingPicture />
      <Title>{title}</Title>
      <p className="lead">{lead}</p>
      {children}
    </section>
  );
}

function AdviceList({ advice }: { advice: readonly PictureAdvice[] }) {
  const { t, session, flow, go } = useFlow();
  function retake(): void {
    session.discardPictures();
    go('front');
  }
  return (
    <>
      <Notice kind="note">
        <ul className="dotted">
          {advice.map((sentence) => (
            <li key={sentence}>{t(sentence)}</li>
          ))}
        </ul>
      </Notice>
      <div className="actions">
        <Button onClick={retake}>{t('document.retake')}</Button>
        <Button kind="secondary" onClick={() => go(findOpenScreen(flow))}>
          {t('document.advice_use')}
        </Button>
        <Button kind="quiet" onClick={() => go('document')}>
          {t('document.other')}
        </Button>
      </div>
    </>
  );
}

/** Says how long the person waits for their turn. Screen readers hear the first time, and not the countdown. */
function QueueNotice({ until }: { until: number | null }) {
  const { t, language } = useFlow();
  const seconds = useSecondsUntil(until);
  const describeWait = (left: number): string =>
    t('document.queued', { time: left > 1 ? formatRelativeTime(language, left) : t('net.soon') });
  const announced = useMemo(
    () => (until === null ? '' : describeWait(Math.ceil((until - Date.now()) / 1_000))),
    // A new wait is announced; the seconds that pass are not.
    [until],
  );
  return (
    <>
      {until !== null && (
        <div data-queue-notice>
          <Notice kind="note">
            <span aria-hidden="true">{describeWait(seconds)}</span>
          </Notice>
        </div>
      )}
      <p className="hidden" role="status" data-queue-status>
        {announced}
      </p>
    </>
  );
}

function ReadingProgress({ isSending }: { isSending: boolean }) {
  const { t } = useFlow();
  return (
    <div role="status">
      <ul className="ticks">
        <li className={isSending ? 'now' : 'done'}>
          {isSending ? <Spinner /> : <Icon name="check" />} {t('document.checking_upload')}
        </li>
        <li className={isSending ? 'todo' : 'now'}>
          {isSending ? <i /> : <Spinner />} {t('document.checking_read')}
        </li>
      </ul>
    </div>
  );
}

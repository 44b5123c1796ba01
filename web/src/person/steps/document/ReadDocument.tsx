// The pictures leave, and are read. If another picture would help, this is the moment to say so.
import { useEffect, useRef, useState } from 'react';
import { useFlow } from '../../app/context';
import { findOpenScreen } from '../../flow/screens';
import { Button, Notice, Spinner, Title } from '../../../shared/ui/parts';
import { Icon, ReadingPicture as Picture } from '../../../shared/ui/pictures';

/** After so long, in milliseconds, nobody needs to wait any more: what is read arrives later. */
const SKIP_DELAY = 8_000;

export function ReadDocument() {
  const { t, session, snapshot, flow, go } = useFlow();
  const { reading, unsent } = snapshot;
  const [isSlow, setSlow] = useState(false);
  const hasBegun = useRef(false);
  const isSent = flow.step !== 'document' && unsent === 0;

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

  const advice = reading.state === 'done' ? reading.advice : [];
  const isOver = (reading.state === 'done' && advice.length === 0) || reading.state === 'failed';
  useEffect(() => {
    // `read` looks where the person is when it is through: until then the server may still say "document".
    if (isOver && flow.step !== 'document') go(findOpenScreen(flow));
  }, [isOver, flow, go]);

  if (reading.state === 'done' && advice.length > 0) {
    return (
      <section className="stack" data-screen="advice">
        <Picture />
        <Title>{t('document.advice_title')}</Title>
        <p className="lead">{t('document.advice_lead')}</p>
        <Notice kind="note">
          <ul className="dotted">
            {advice.map((sentence) => (
              <li key={sentence}>{t(sentence)}</li>
            ))}
          </ul>
        </Notice>
        <div className="actions">
          <Button
            onClick={() => {
              session.discardPictures();
              go('front');
            }}
          >
            {t('document.retake')}
          </Button>
          <Button kind="secondary" onClick={() => go(findOpenScreen(flow))}>
            {t('document.advice_use')}
          </Button>
          <Button kind="quiet" onClick={() => go('document')}>
            {t('document.other')}
          </Button>
        </div>
      </section>
    );
  }

  return (
    <section className="stack centred" data-screen="reading">
      <Picture />
      <Title>{t('document.checking_title')}</Title>
      <p className="lead">{t('document.checking_lead')}</p>
      <div role="status">
        <ul className="ticks">
        <li className={unsent > 0 ? 'now' : 'done'}>
          {unsent > 0 ? <Spinner /> : <Icon name="check" />} {t('document.checking_upload')}
        </li>
        <li className={unsent > 0 ? 'todo' : 'now'}>
          {unsent > 0 ? <i /> : <Spinner />} {t('document.checking_read')}
        </li>
      </ul>
      </div>
      {isSlow && isSent && (
        <div className="actions">
          <Button kind="secondary" onClick={() => go(findOpenScreen(flow))}>
            {t('app.continue')}
          </Button>
        </div>
      )}
    </section>
  );
}

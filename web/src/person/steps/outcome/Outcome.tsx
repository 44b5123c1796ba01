// The outcome screen: pending, verified or rejected, and what happens next.
import { useEffect } from 'react';
import { useFlow } from '../../app/context';
import { SupportLinks } from '../../app/TroubleScreen';
import { toOutcomeWord } from '../../flow/outcomeWord';
import { buildReturnUrl } from '../../flow/redirect';
import { formatDateTime, regionalLocale } from '../../../shared/i18n/format';
import { Title } from '../../../shared/ui/parts';
import { DonePicture, NotVerifiedPicture, PendingPicture } from '../../../shared/ui/pictures';

/** How often the decision is polled, in milliseconds: often at first, because it may come at once. */
const FIRST_POLL_DELAY = 5_000;
const MAX_POLL_DELAY = 60_000;

export default function Outcome() {
  const { t, brand, language, session, flow, embedder } = useFlow();
  const status = toOutcomeWord(flow);
  const submitted = flow.outcome?.submitted;
  // In a frame the site goes on by itself: a link would load its next page inside of the frame.
  const back = embedder.isFramed ? null : buildReturnUrl(flow.redirect_url, flow.id, status);

  useEffect(() => {
    if (status !== 'pending') return;
    let wait = FIRST_POLL_DELAY;
    let timer = setTimeout(function poll() {
      if (document.visibilityState === 'visible' && navigator.onLine) void session.loadFlow('once');
      wait = Math.min(MAX_POLL_DELAY, wait * 1.5);
      timer = setTimeout(poll, wait);
    }, wait);
    return () => clearTimeout(timer);
  }, [status, session]);

  return (
    <section className="stack centred" data-screen="outcome" data-status={status}>
      {status === 'verified' ? <DonePicture /> : status === 'rejected' ? <NotVerifiedPicture /> : <PendingPicture />}
      <Title key={status}>{t(`outcome.${status}_title`)}</Title>
      <p className="lead">{status === 'pending' ? t('outcome.pending_lead') : t(`outcome.${status}_lead`, { brand })}</p>
      {status === 'pending' && (
        <div className="panel">
          <h2>{t('outcome.next')}</h2>
          <ul className="dotted">
            <li>{t('outcome.pending_next_1')}</li>
            <li>{t('outcome.pending_next_2', { brand })}</li>
          </ul>
        </div>
      )}
      {status === 'rejected' && (
        <div className="panel">
          <h2>{t('outcome.next')}</h2>
          <p>{t('outcome.rejected_next', { brand })}</p>
          <SupportLinks />
        </div>
      )}
      {submitted && <p className="fine">{t('outcome.submitted', { date: formatDateTime(regionalLocale(language), new Date(submitted)) })}</p>}
      {back ? (
        <div className="actions">
          <a className="button primary" href={back} rel="noreferrer">
            <span>{t('outcome.return', { brand })}</span>
          </a>
        </div>
      ) : (
        status !== 'pending' && !embedder.isFramed && <p className="fine">{t('outcome.close')}</p>
      )}
    </section>
  );
}

// What came of it, in plain words, and what happens next.
import { useEffect } from 'react';
import { useApp } from '../../app/context';
import { Support } from '../../app/Trouble';
import { returnUrl } from '../../flow/redirect';
import { dateTime, regional } from '../../../shared/i18n/format';
import { Title } from '../../../shared/ui/parts';
import { Done, NotVerified, Pending } from '../../../shared/ui/pictures';

/** How often a decision is looked for, in milliseconds: at first it may come at once. */
const FIRST_LOOK = 5_000;
const LAST_LOOK = 60_000;

export default function Outcome() {
  const { t, brand, language, session, flow } = useApp();
  const said = flow.outcome?.status;
  const status = said === 'verified' || said === 'rejected' ? said : 'pending';
  const submitted = flow.outcome?.submitted;
  const back = returnUrl(flow.redirect_url, flow.id, status);

  useEffect(() => {
    if (status !== 'pending') return;
    let wait = FIRST_LOOK;
    let timer = setTimeout(function look() {
      if (document.visibilityState === 'visible' && navigator.onLine) void session.load('once');
      wait = Math.min(LAST_LOOK, wait * 1.5);
      timer = setTimeout(look, wait);
    }, wait);
    return () => clearTimeout(timer);
  }, [status, session]);

  return (
    <section className="stack centred" data-screen="outcome" data-status={status}>
      {status === 'verified' ? <Done /> : status === 'rejected' ? <NotVerified /> : <Pending />}
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
          <Support />
        </div>
      )}
      {submitted && <p className="fine">{t('outcome.submitted', { date: dateTime(regional(language), new Date(submitted)) })}</p>}
      {back ? (
        <div className="actions">
          <a className="button primary" href={back} rel="noreferrer">
            <span>{t('outcome.return', { brand })}</span>
          </a>
        </div>
      ) : (
        status !== 'pending' && <p className="fine">{t('outcome.close')}</p>
      )}
    </section>
  );
}

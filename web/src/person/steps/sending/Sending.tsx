// The screen while everything is sent: shows how far it is, and offers another try after a failure.
import { useEffect } from 'react';
import { useFlow } from '../../app/context';
import { collectDeviceSignals } from '../../flow/signals';
import { Button, Spinner, Title } from '../../../shared/ui/parts';
import { BrokenLinkPicture, Icon, ReadingPicture } from '../../../shared/ui/pictures';

const STAGES = ['pictures', 'record', 'request'] as const;

export default function Sending() {
  const { t, brand, boot, session, snapshot, flow, go } = useFlow();
  const { stage, failed } = snapshot.sending;

  useEffect(() => {
    if (snapshot.refused) go('details', 'replace');
  }, [snapshot.refused, go]);

  if (failed) {
    return (
      <section className="stack centred" data-screen="sending-failed">
        <BrokenLinkPicture />
        <Title>{t('sending.failed_title')}</Title>
        <p className="lead">{t('sending.failed_lead', { brand })}</p>
        <div className="actions">
          <Button onClick={() => void session.submitDetails(flow.details ?? {}, collectDeviceSignals(boot, flow.id))}>{t('app.try_again')}</Button>
          <Button kind="quiet" onClick={() => go('details', 'replace')}>
            {t('app.back')}
          </Button>
        </div>
      </section>
    );
  }
  return (
    <section className="stack centred" data-screen="sending">
      <ReadingPicture />
      <Title>{t('sending.title')}</Title>
      <p className="lead">{t('sending.lead')}</p>
      <div className="meter" role="progressbar" aria-label={t('sending.title')} aria-valuemin={0} aria-valuemax={STAGES.length} aria-valuenow={stage}>
        <i data-stage={stage} />
      </div>
      <div role="status">
        <ul className="ticks">
        {STAGES.map((name, i) => (
          <li key={name} className={i < stage ? 'done' : i === stage ? 'now' : 'todo'}>
            {i < stage ? <Icon name="check" /> : i === stage ? <Spinner /> : <i />} {t(`sending.${name}`)}
          </li>
        ))}
      </ul>
      </div>
    </section>
  );
}

// On a computer: a phone has the better camera.
import { useApp } from '../../app/context';
import { screenFor } from '../../flow/screens';
import { Button, Title } from '../../../shared/ui/parts';
import { Devices } from '../../../shared/ui/pictures';

export function Device() {
  const { t, go, flow } = useApp();
  return (
    <section className="stack centred" data-screen="device">
      <Devices />
      <Title>{t('device.title')}</Title>
      <p className="lead">{t('device.lead')}</p>
      <div className="actions">
        <Button onClick={() => go('handoff')}>{t('device.phone')}</Button>
        <Button kind="secondary" onClick={() => go(screenFor(flow))}>
          {t('device.here')}
        </Button>
      </div>
    </section>
  );
}

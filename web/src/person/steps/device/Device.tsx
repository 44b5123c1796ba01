// Offers a computer's user to go on with a phone, which has the better camera.
import { useFlow } from '../../app/context';
import { findOpenScreen } from '../../flow/screens';
import { Button, Title } from '../../../shared/ui/parts';
import { DevicesPicture } from '../../../shared/ui/pictures';

export function Device() {
  const { t, go, flow } = useFlow();
  return (
    <section className="stack centred" data-screen="device">
      <DevicesPicture />
      <Title>{t('device.title')}</Title>
      <p className="lead">{t('device.lead')}</p>
      <div className="actions">
        <Button onClick={() => go('handoff')}>{t('device.phone')}</Button>
        <Button kind="secondary" onClick={() => go(findOpenScreen(flow))}>
          {t('device.here')}
        </Button>
      </div>
    </section>
  );
}

// The face step's first screen: what happens, what helps, and the person's options.
import { Button, Notice, Title } from '../../../shared/ui/parts';
import { FacePicture, Icon } from '../../../shared/ui/pictures';
import { OtherDeviceButton } from '../../app/TroubleScreen';
import { useFlow } from '../../app/context';
import { canSpeak } from './speech';

export interface FaceOptions {
  isSlow: boolean;
  isSpoken: boolean;
  withoutFlashing: boolean;
}

interface FaceIntroProps {
  options: FaceOptions;
  onChange: (changed: Partial<FaceOptions>) => void;
  onStart: () => void;
}

export function FaceIntro({ options, onChange, onStart }: FaceIntroProps) {
  const { t, flow } = useFlow();
  const isLocal = flow.liveness.provider === 'local';
  return (
    <section className="stack" data-screen="face">
      <FacePicture />
      <Title>{t('face.title')}</Title>
      <p className="lead">{t(isLocal ? 'face.lead' : 'face.lead_oval')}</p>
      <FaceTips />
      {isLocal ? <LocalOptions options={options} onChange={onChange} /> : <ProviderOptions options={options} onChange={onChange} />}
      <div className="actions">
        <Button onClick={onStart}>{t('face.start')}</Button>
        <OtherDeviceButton />
      </div>
    </section>
  );
}

function FaceTips() {
  const { t } = useFlow();
  return (
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
  );
}

type OptionsProps = Omit<FaceIntroProps, 'onStart'>;

function LocalOptions({ options, onChange }: OptionsProps) {
  const { t, language } = useFlow();
  return (
    <div className="options">
      <OptionCheckbox checked={options.isSlow} onChange={(isSlow) => onChange({ isSlow })} label={t('face.slow')} />
      {canSpeak(language) && <OptionCheckbox checked={options.isSpoken} onChange={(isSpoken) => onChange({ isSpoken })} label={t('face.speak')} />}
    </div>
  );
}

function ProviderOptions({ options, onChange }: OptionsProps) {
  const { t } = useFlow();
  return (
    <>
      {!options.withoutFlashing && <Notice kind="note">{t('face.flash_warning')}</Notice>}
      <div className="options">
        <OptionCheckbox checked={options.withoutFlashing} onChange={(withoutFlashing) => onChange({ withoutFlashing })} label={t('face.no_flash')} />
      </div>
    </>
  );
}

function OptionCheckbox({ checked, onChange, label }: { checked: boolean; onChange: (checked: boolean) => void; label: string }) {
  return (
    <label className="tick plain">
      <input type="checkbox" checked={checked} onChange={(event) => onChange(event.target.checked)} />
      <span>{label}</span>
    </label>
  );
}

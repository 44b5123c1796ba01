// The person chooses the country and the kind of their document.
import { useState } from 'react';
import { COUNTRIES } from '../../../shared/i18n/countries';
import { Button, Notice, Title } from '../../../shared/ui/parts';
import { Icon } from '../../../shared/ui/pictures';
import { OtherDeviceButton } from '../../app/TroubleScreen';
import { useFlow } from '../../app/context';
import { findOpenScreen } from '../../flow/screens';
import { CountrySelect } from '../CountrySelect';

const DOCUMENT_TYPES = ['passport', 'national_id', 'driving_license', 'residence_permit'] as const;
type DocumentType = (typeof DOCUMENT_TYPES)[number];

const isDocumentType = (word: string): word is DocumentType => DOCUMENT_TYPES.includes(word as DocumentType);

export function ChooseDocument() {
  const { t, session, snapshot, flow, go } = useFlow();
  const [country, setCountry] = useState(snapshot.choice?.country || flow.document.country || guessCountry());
  const [type, setType] = useState(snapshot.choice?.type ?? flow.document.type);
  const [isTried, setTried] = useState(false);
  const isComplete = flow.step !== 'document' && flow.step !== 'consent';
  const noCountry = isTried && !country ? t('document.country_missing') : undefined;
  const noType = isTried && !isDocumentType(type) ? t('document.type_missing') : undefined;

  function confirmChoice(): void {
    setTried(true);
    if (!country) return document.getElementById('country')?.focus();
    if (!isDocumentType(type)) return document.getElementById(`type-${DOCUMENT_TYPES[0]}`)?.focus();
    session.chooseDocument({ country, type });
    go('front');
  }

  return (
    <section className="stack" data-screen="document">
      <Title>{t('document.title')}</Title>
      <p className="lead">{t('document.lead')}</p>
      {isComplete && (
        <Notice kind="good">
          <p>{t('document.kept')}</p>
          <Button kind="quiet" onClick={() => go(findOpenScreen(flow))}>
            {t('document.keep')}
          </Button>
        </Notice>
      )}
      <CountrySelect label={t('document.country')} country={country} error={noCountry} onChange={setCountry} />
      <TypeChoice type={type} error={noType} onChange={setType} />
      <div className="actions">
        <Button onClick={confirmChoice}>{t('app.continue')}</Button>
        <OtherDeviceButton />
      </div>
    </section>
  );
}

interface TypeChoiceProps {
  type: string;
  error: string | undefined;
  onChange: (type: string) => void;
}

function TypeChoice({ type, error, onChange }: TypeChoiceProps) {
  const { t } = useFlow();
  return (
    <fieldset className="choices" aria-describedby={error ? 'type-error' : undefined}>
      <legend>{t('document.type')}</legend>
      {DOCUMENT_TYPES.map((each) => (
        <label key={each} className="choice">
          <input id={`type-${each}`} type="radio" name="type" value={each} checked={type === each} onChange={() => onChange(each)} />
          <Icon name={each} />
          <span>
            <b>{t(`document.${each}`)}</b>
            <small>{t(`document.${each}_hint`)}</small>
          </span>
        </label>
      ))}
      {error && (
        <p className="error" id="type-error" role="alert">
          {error}
        </p>
      )}
    </fieldset>
  );
}

/** The region in the browser's languages: a guess that the person sees and can change. */
function guessCountry(): string {
  for (const language of navigator.languages) {
    const region = /-([A-Z]{2})\b/.exec(language)?.[1];
    if (region && COUNTRIES.includes(region)) return region;
  }
  return '';
}

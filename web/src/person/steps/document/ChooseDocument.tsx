// Which document it is.
import { useMemo, useState } from 'react';
import { useFlow } from '../../app/context';
import { OtherDeviceButton } from '../../app/TroubleScreen';
import { findOpenScreen } from '../../flow/screens';
import { COUNTRIES } from '../../../shared/i18n/countries';
import { sortCountries } from '../../../shared/i18n/format';
import { Button, FormField, Notice, Title, describeField } from '../../../shared/ui/parts';
import { Icon } from '../../../shared/ui/pictures';

export const DOCUMENT_TYPES = ['passport', 'national_id', 'driving_license', 'residence_permit'] as const;
type DocumentType = (typeof DOCUMENT_TYPES)[number];

const isDocumentType = (word: string): word is DocumentType => DOCUMENT_TYPES.includes(word as DocumentType);

export function ChooseDocument() {
  const { t, language, session, snapshot, flow, go } = useFlow();
  const [country, setCountry] = useState(snapshot.choice?.country || flow.document.country || guessCountry());
  const [type, setType] = useState(snapshot.choice?.type ?? flow.document.type);
  const [isTried, setTried] = useState(false);
  const list = useMemo(() => sortCountries(language, COUNTRIES.includes(country) || !country ? COUNTRIES : [country, ...COUNTRIES]), [language, country]);
  const isComplete = flow.step !== 'document' && flow.step !== 'consent';
  const noCountry = isTried && !country ? t('document.country_missing') : undefined;
  const noType = isTried && !isDocumentType(type) ? t('document.type_missing') : undefined;

  function next(): void {
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
      <FormField id="country" label={t('document.country')} error={noCountry}>
        <select id="country" value={country} onChange={(event) => setCountry(event.target.value)} aria-invalid={noCountry ? true : undefined} aria-describedby={describeField('country', { error: noCountry })}>
          <option value="">{t('document.country_placeholder')}</option>
          {list.map(({ code, name }) => (
            <option key={code} value={code}>
              {name}
            </option>
          ))}
        </select>
      </FormField>
      <fieldset className="choices" aria-describedby={noType ? 'type-error' : undefined}>
        <legend>{t('document.type')}</legend>
        {DOCUMENT_TYPES.map((each) => (
          <label key={each} className="choice">
            <input id={`type-${each}`} type="radio" name="type" value={each} checked={type === each} onChange={() => setType(each)} />
            <Icon name={each} />
            <span>
              <b>{t(`document.${each}`)}</b>
              <small>{t(`document.${each}_hint`)}</small>
            </span>
          </label>
        ))}
        {noType && (
          <p className="error" id="type-error" role="alert">
            {noType}
          </p>
        )}
      </fieldset>
      <div className="actions">
        <Button onClick={next}>{t('app.continue')}</Button>
        <OtherDeviceButton />
      </div>
    </section>
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

// The details step: the person checks and corrects what was read on the document. A draft on the server serves other devices.
import { Button, Notice, Spinner, Title } from '../../../shared/ui/parts';
import { Icon } from '../../../shared/ui/pictures';
import { useFlow } from '../../app/context';
import { AddressField, BirthDateField, CountryField, GenderField, TextField } from './DetailFields';
import { DETAIL_NAMES, type DetailErrors, findFocusId } from './detailsForm';
import { hasDetails, useDetailsForm, useFocusOnFailure } from './useDetailsForm';
import './details.css';

export default function DetailsStep() {
  const { t, snapshot, flow } = useFlow();
  const { fields, date, errors, changeField, changeDate, submit } = useDetailsForm();
  const [summary, submitOrFocus] = useFocusOnFailure(submit);
  const isReading = snapshot.reading.state === 'busy';
  return (
    <form className="stack" data-screen="details" onSubmit={(event) => { event.preventDefault(); submitOrFocus(); }} noValidate>
      <Title>{t('details.title')}</Title>
      <p className="lead">{hasDetails(flow.details) || isReading ? t('details.lead') : t('details.lead_empty')}</p>
      {isReading && (
        <p className="fine busy" role="status">
          <Spinner /> {t('details.reading')}
        </p>
      )}
      {DETAIL_NAMES.some((name) => errors[name]) && (
        <div ref={summary} tabIndex={-1} className="summary">
          <ErrorSummary errors={errors} />
        </div>
      )}
      <TextField name="name" hint={t('details.name_hint')} value={fields.name} error={errors.name} onChange={changeField} autoComplete="name" />
      <TextField name="document_number" value={fields.document_number} error={errors.document_number} onChange={changeField} autoComplete="off" isCode />
      <BirthDateField date={date} error={errors.date_of_birth} onChange={changeDate} />
      <CountryField value={fields.country} error={errors.country} onChange={changeField} />
      <GenderField value={fields.gender} onChange={changeField} />
      <AddressField value={fields.address} error={errors.address} onChange={changeField} />
      <DocumentPictures />
      <SendActions />
    </form>
  );
}

/** A link to each field with an error. */
function ErrorSummary({ errors }: { errors: DetailErrors<string> }) {
  const { t } = useFlow();
  return (
    <Notice kind="problem">
      <p>{t('details.errors')}</p>
      <ul>
        {DETAIL_NAMES.filter((name) => errors[name]).map((name) => (
          <li key={name}>
            <a href={`#${name}`} onClick={(event) => { event.preventDefault(); document.getElementById(findFocusId(name))?.focus(); }}>
              {t(`details.${name}`)}
            </a>
          </li>
        ))}
      </ul>
    </Notice>
  );
}

function SendActions() {
  const { t, snapshot } = useFlow();
  const { saving } = snapshot;
  return (
    <div className="actions flat">
      <Button type="submit">{t('details.send')}</Button>
      <p className="fine centred">
        {t('details.send_note')} <span className="saved">{saving === 'saving' ? t('details.saving') : saving === 'saved' ? t('details.saved') : ''}</span>
      </p>
    </div>
  );
}

/** The pictures that this browser has; another device's are not fetched for a look. */
function DocumentPictures() {
  const { t, snapshot, go } = useFlow();
  const sides = (['front', 'back'] as const).filter((side) => snapshot.pictures[side]);
  return (
    <div className="panel pictures">
      <h2>{t('details.pictures')}</h2>
      <div className="thumbs">
        {sides.map((side) => (
          <img key={side} src={snapshot.pictures[side]?.url} alt={t(`document.preview_${side}`)} />
        ))}
        {sides.length === 0 && <Icon name="check" />}
      </div>
      <Button kind="quiet" onClick={() => go('document')}>
        {t('details.change')}
      </Button>
    </div>
  );
}

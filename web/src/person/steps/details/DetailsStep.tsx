// What the document says, to be checked and corrected. What is typed is kept as a draft on the server, so that another device has it.
import { type FormEvent, useEffect, useMemo, useRef, useState } from 'react';
import type { PersonDetails as Fields } from '../../../shared/api/flow';
import { useFlow } from '../../app/context';
import { type DateParts, toIsoDate, toDateParts } from '../../flow/date';
import { collectDeviceSignals } from '../../flow/signals';
import { COUNTRIES } from '../../../shared/i18n/countries';
import { sortCountries, findDateOrder, listMonthNames, regionalLocale } from '../../../shared/i18n/format';
import { Button, FormField, Notice, Spinner, Title, describeField } from '../../../shared/ui/parts';
import { Icon } from '../../../shared/ui/pictures';
import './details.css';

type DetailName = keyof Fields;
type DetailErrors = Partial<Record<DetailName, string>>;

const DETAIL_NAMES = ['name', 'document_number', 'date_of_birth', 'country', 'gender', 'address'] as const satisfies DetailName[];
const REQUIRED_DETAILS: readonly DetailName[] = ['name', 'document_number', 'date_of_birth', 'country'];
const MAX_LENGTHS: Partial<Record<DetailName, number>> = { address: 2_000 };
const GENDERS = ['female', 'male', 'unknown'] as const;

export default function DetailsStep() {
  const { t, language, boot, session, snapshot, flow, go, announce } = useFlow();
  const { reading, saving, refused } = snapshot;
  const [fields, setFields] = useState<Fields>(() => ({ ...flow.details, country: flow.details?.country || flow.document.country }));
  const [date, setDate] = useState<DateParts>(() => toDateParts(flow.details?.date_of_birth));
  const [errors, setErrors] = useState<DetailErrors>(() => toFieldErrors(refused, t('details.required'), t('details.too_long')));
  const touched = useRef(new Set<DetailName>());
  const summary = useRef<HTMLDivElement>(null);
  const hasRead = Object.values(flow.details ?? {}).some((value) => value);

  // After a reload, or on another device, nobody has read the pictures yet.
  useEffect(() => {
    if (!hasRead && session.snapshot().reading.state === 'none') void session.readDocument();
  }, [hasRead, session]);

  // What is read, or typed elsewhere, fills what has not been touched here.
  useEffect(() => {
    const news = flow.details;
    if (!news) return;
    setFields((before) => {
      const untouched = DETAIL_NAMES.filter((name) => !touched.current.has(name) && news[name]);
      return untouched.length > 0 ? { ...before, ...Object.fromEntries(untouched.map((name) => [name, news[name]])) } : before;
    });
    if (!touched.current.has('date_of_birth') && news.date_of_birth) setDate(toDateParts(news.date_of_birth));
  }, [flow.details]);

  // The page may go at any moment.
  useEffect(() => {
    const leave = (): void => void (document.visibilityState === 'hidden' && session.saveDraft());
    document.addEventListener('visibilitychange', leave);
    return () => {
      document.removeEventListener('visibilitychange', leave);
      void session.saveDraft();
    };
  }, [session]);

  function changeField(name: DetailName, value: string): void {
    touched.current.add(name);
    const next = { ...fields, [name]: value };
    setFields(next);
    setErrors(({ [name]: _, ...rest }) => rest);
    session.scheduleDraft(next);
  }

  function changeDate(part: keyof DateParts, value: string): void {
    touched.current.add('date_of_birth');
    const next = { ...date, [part]: value };
    setDate(next);
    setErrors(({ date_of_birth: _, ...rest }) => rest);
    const found = toIsoDate(next, new Date());
    if ('iso' in found) {
      const all = { ...fields, date_of_birth: found.iso };
      setFields(all);
      session.scheduleDraft(all);
    }
  }

  function findErrors(): DetailErrors {
    const found: DetailErrors = {};
    for (const name of DETAIL_NAMES) {
      if (name === 'date_of_birth') continue;
      const value = fields[name]?.trim() ?? '';
      if (!value && REQUIRED_DETAILS.includes(name)) found[name] = t('details.required');
      if (value.length > (MAX_LENGTHS[name] ?? 255)) found[name] = t('details.too_long');
    }
    const born = toIsoDate(date, new Date());
    if ('wrong' in born) found.date_of_birth = t(born.wrong === 'missing' ? 'details.required' : born.wrong === 'bad' ? 'details.bad_date' : 'details.future_date');
    return found;
  }

  function submit(event: FormEvent): void {
    event.preventDefault();
    const found = findErrors();
    setErrors(found);
    if (Object.keys(found).length > 0) {
      announce(t('details.errors'), 'now');
      requestAnimationFrame(() => summary.current?.focus());
      return;
    }
    const born = toIsoDate(date, new Date());
    const entries = Object.entries({ ...fields, date_of_birth: 'iso' in born ? born.iso : '' });
    const all = Object.fromEntries(entries.map(([name, value]) => [name, (value ?? '').trim()])) as Fields;
    void session.submitDetails(all, collectDeviceSignals(boot, flow.id));
    go('sending', 'replace');
  }

  const label = (name: DetailName): string => t(`details.${name}`);
  const wrong = DETAIL_NAMES.filter((name) => errors[name]);
  return (
    <form className="stack" data-screen="details" onSubmit={submit} noValidate>
      <Title>{t('details.title')}</Title>
      <p className="lead">{hasRead || reading.state === 'busy' ? t('details.lead') : t('details.lead_empty')}</p>
      {reading.state === 'busy' && (
        <p className="fine busy" role="status">
          <Spinner /> {t('details.reading')}
        </p>
      )}
      {wrong.length > 0 && (
        <div ref={summary} tabIndex={-1} className="summary">
          <Notice kind="problem">
            <p>{t('details.errors')}</p>
            <ul>
              {wrong.map((name) => (
                <li key={name}>
                  <a href={`#${name}`} onClick={(event) => { event.preventDefault(); document.getElementById(name === 'date_of_birth' ? 'birth-day' : name)?.focus(); }}>
                    {label(name)}
                  </a>
                </li>
              ))}
            </ul>
          </Notice>
        </div>
      )}
      <TextField name="name" label={label('name')} hint={t('details.name_hint')} value={fields.name} error={errors.name} onChange={changeField} complete="name" />
      <TextField name="document_number" label={label('document_number')} value={fields.document_number} error={errors.document_number} onChange={changeField} complete="off" code />
      <BirthDateField date={date} error={errors.date_of_birth} onChange={changeDate} />
      <CountryField value={fields.country ?? ''} error={errors.country} onChange={changeField} language={language} />
      <fieldset className="pills" id="gender">
        <legend>
          {label('gender')} <small>({t('details.optional')})</small>
        </legend>
        <div>
          {GENDERS.map((each) => (
            <label key={each}>
              <input type="radio" name="gender" value={each} checked={fields.gender === each} onChange={() => changeField('gender', each)} />
              <span>{t(`details.gender_${each}`)}</span>
            </label>
          ))}
        </div>
      </fieldset>
      <FormField id="address" label={label('address')} optional={t('details.optional')} error={errors.address}>
        <textarea id="address" rows={2} value={fields.address ?? ''} autoComplete="street-address" onChange={(event) => changeField('address', event.target.value)} aria-invalid={errors.address ? true : undefined} aria-describedby={describeField('address', { error: errors.address })} />
      </FormField>
      <DocumentPictures />
      <div className="actions flat">
        <Button type="submit">{t('details.send')}</Button>
        <p className="fine centred">
          {t('details.send_note')} <span className="saved">{saving === 'saving' ? t('details.saving') : saving === 'saved' ? t('details.saved') : ''}</span>
        </p>
      </div>
    </form>
  );
}

/** The server's field names are the form's. Its words are for programs: ours stand beside the field. */
function toFieldErrors(refused: Record<string, string> | null, required: string, long: string): DetailErrors {
  const entries = DETAIL_NAMES.filter((name) => refused?.[name]).map((name) => [name, /long|at most/i.test(refused?.[name] ?? '') ? long : required]);
  return Object.fromEntries(entries) as DetailErrors;
}

function TextField({ name, label, hint, value, error, onChange, complete, code = false }: { name: DetailName; label: string; hint?: string; value: string | undefined; error: string | undefined; onChange: (name: DetailName, value: string) => void; complete: string; code?: boolean }) {
  return (
    <FormField id={name} label={label} hint={hint} error={error}>
      <input id={name} value={value ?? ''} onChange={(event) => onChange(name, event.target.value)} autoComplete={complete} spellCheck={false} {...(code && { autoCapitalize: 'characters', autoCorrect: 'off', className: 'figures' })} aria-required aria-invalid={error ? true : undefined} aria-describedby={describeField(name, { hint, error })} />
    </FormField>
  );
}

function BirthDateField({ date, error, onChange }: { date: DateParts; error: string | undefined; onChange: (part: keyof DateParts, value: string) => void }) {
  const { t, language } = useFlow();
  const months = useMemo(() => listMonthNames(language), [language]);
  const digits = (text: string, length: number): string => text.replace(/\D/g, '').slice(0, length);
  const described = error ? { 'aria-invalid': true, 'aria-describedby': 'birth-error' } : {};
  const parts = {
    day: (
      <label key="day">
        <span>{t('details.day')}</span>
        <input id="birth-day" inputMode="numeric" autoComplete="bday-day" value={date.day} onChange={(event) => onChange('day', digits(event.target.value, 2))} {...described} />
      </label>
    ),
    month: (
      <label key="month" className="month">
        <span>{t('details.month')}</span>
        <select autoComplete="bday-month" value={date.month} onChange={(event) => onChange('month', event.target.value)} {...described}>
          <option value="" />
          {months.map((name, i) => (
            <option key={name} value={i + 1}>
              {name}
            </option>
          ))}
        </select>
      </label>
    ),
    year: (
      <label key="year">
        <span>{t('details.year')}</span>
        <input inputMode="numeric" autoComplete="bday-year" value={date.year} onChange={(event) => onChange('year', digits(event.target.value, 4))} {...described} />
      </label>
    ),
  };
  return (
    <fieldset className="birth" id="date_of_birth" data-wrong={error ? '' : undefined}>
      <legend>{t('details.date_of_birth')}</legend>
      <div>{findDateOrder(regionalLocale(language)).map((part) => parts[part])}</div>
      {error && (
        <p className="error" id="birth-error">
          {error}
        </p>
      )}
    </fieldset>
  );
}

function CountryField({ value, error, onChange, language }: { value: string; error: string | undefined; onChange: (name: DetailName, value: string) => void; language: string }) {
  const { t } = useFlow();
  const list = useMemo(() => sortCountries(language, !value || COUNTRIES.includes(value) ? COUNTRIES : [value, ...COUNTRIES]), [language, value]);
  return (
    <FormField id="country" label={t('details.country')} error={error}>
      <select id="country" value={value} onChange={(event) => onChange('country', event.target.value)} aria-invalid={error ? true : undefined} aria-describedby={describeField('country', { error })}>
        <option value="">{t('document.country_placeholder')}</option>
        {list.map(({ code, name }) => (
          <option key={code} value={code}>
            {name}
          </option>
        ))}
      </select>
    </FormField>
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

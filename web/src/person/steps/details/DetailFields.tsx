// The fields of the details form.
import { useMemo } from 'react';
import { findDateOrder, listMonthNames, regionalLocale } from '../../../shared/i18n/format';
import { FormField, describeField } from '../../../shared/ui/parts';
import { useFlow } from '../../app/context';
import type { DateParts } from '../../flow/date';
import { CountrySelect } from '../CountrySelect';
import { type DetailName, GENDERS } from './detailsForm';

interface FieldProps {
  value: string | undefined;
  error: string | undefined;
  onChange: (name: DetailName, value: string) => void;
}

interface TextFieldProps extends FieldProps {
  name: DetailName;
  hint?: string;
  autoComplete: string;
  /** Letters and figures that are no words: capitals, no correction. */
  isCode?: boolean;
}

export function TextField({ name, hint, value, error, onChange, autoComplete, isCode = false }: TextFieldProps) {
  const { t } = useFlow();
  const codeProps = isCode && { autoCapitalize: 'characters', autoCorrect: 'off', className: 'figures' };
  return (
    <FormField id={name} label={t(`details.${name}`)} hint={hint} error={error}>
      <input
        id={name}
        value={value ?? ''}
        onChange={(event) => onChange(name, event.target.value)}
        autoComplete={autoComplete}
        spellCheck={false}
        {...codeProps}
        aria-required
        aria-invalid={error ? true : undefined}
        aria-describedby={describeField(name, { hint, error })}
      />
    </FormField>
  );
}

export function BirthDateField({ date, error, onChange }: { date: DateParts; error: string | undefined; onChange: (part: keyof DateParts, value: string) => void }) {
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

export function CountryField({ value, error, onChange }: FieldProps) {
  const { t } = useFlow();
  return <CountrySelect label={t('details.country')} country={value ?? ''} error={error} onChange={(country) => onChange('country', country)} />;
}

export function GenderField({ value, onChange }: Omit<FieldProps, 'error'>) {
  const { t } = useFlow();
  return (
    <fieldset className="pills" id="gender">
      <legend>
        {t('details.gender')} <small>({t('details.optional')})</small>
      </legend>
      <div>
        {GENDERS.map((gender) => (
          <label key={gender}>
            <input type="radio" name="gender" value={gender} checked={value === gender} onChange={() => onChange('gender', gender)} />
            <span>{t(`details.gender_${gender}`)}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

export function AddressField({ value, error, onChange }: FieldProps) {
  const { t } = useFlow();
  return (
    <FormField id="address" label={t('details.address')} optional={t('details.optional')} error={error}>
      <textarea
        id="address"
        rows={2}
        value={value ?? ''}
        autoComplete="street-address"
        onChange={(event) => onChange('address', event.target.value)}
        aria-invalid={error ? true : undefined}
        aria-describedby={describeField('address', { error })}
      />
    </FormField>
  );
}

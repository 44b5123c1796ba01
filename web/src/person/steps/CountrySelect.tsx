// The list of countries, sorted as the page's language sorts them.
import { useMemo } from 'react';
import { COUNTRIES } from '../../shared/i18n/countries';
import { sortCountries } from '../../shared/i18n/format';
import { FormField, describeField } from '../../shared/ui/parts';
import { usePage } from '../app/context';

interface CountrySelectProps {
  label: string;
  /** A code that the list does not have is added to it. */
  country: string;
  error: string | undefined;
  onChange: (country: string) => void;
}

export function CountrySelect({ label, country, error, onChange }: CountrySelectProps) {
  const { t, language } = usePage();
  const isListed = !country || COUNTRIES.includes(country);
  const options = useMemo(() => sortCountries(language, isListed ? COUNTRIES : [country, ...COUNTRIES]), [language, country, isListed]);
  return (
    <FormField id="country" label={label} error={error}>
      <select
        id="country"
        value={country}
        onChange={(event) => onChange(event.target.value)}
        aria-invalid={error ? true : undefined}
        aria-describedby={describeField('country', { error })}
      >
        <option value="">{t('document.country_placeholder')}</option>
        {options.map(({ code, name }) => (
          <option key={code} value={code}>
            {name}
          </option>
        ))}
      </select>
    </FormField>
  );
}

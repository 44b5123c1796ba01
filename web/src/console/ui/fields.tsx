// Form fields: text, password, choice, tick, longer text. Each has a label, and names its hint and its problem for screen readers.
import { type HTMLInputTypeAttribute, type ReactNode, useState } from 'react';
import { FormField, describeField } from '../../shared/ui/parts';
import { useConsole } from '../app/context';

interface FieldProps {
  id: string;
  label: string;
  hint?: string | undefined;
  error?: string | undefined;
  value: string;
  onChange: (value: string) => void;
  required?: boolean;
}

interface TextFieldProps extends FieldProps {
  type?: HTMLInputTypeAttribute;
  autoComplete?: string;
  maxLength?: number;
  min?: number | string;
  max?: number | string;
  pattern?: string;
  placeholder?: string;
  disabled?: boolean;
}

const describe = ({ id, hint, error }: FieldProps) => ({
  'aria-invalid': error ? (true as const) : undefined,
  'aria-describedby': describeField(id, { hint, error }),
});

export function TextField(props: TextFieldProps) {
  const { id, label, hint, error, value, onChange, type = 'text', ...rest } = props;
  return (
    <FormField id={id} label={label} hint={hint} error={error}>
      <input id={id} type={type} value={value} {...describe(props)} {...rest} onChange={(event) => onChange(event.target.value)} />
    </FormField>
  );
}

/** A new password, which the user can look at. */
export function PasswordField(props: FieldProps & { current?: boolean }) {
  const { t } = useConsole();
  const { id, label, hint, error, value, onChange, current = false } = props;
  const [isShown, setShown] = useState(false);
  return (
    <FormField id={id} label={label} hint={hint} error={error}>
      <span className="with-button">
        <input
          id={id}
          type={isShown ? 'text' : 'password'}
          autoComplete={current ? 'current-password' : 'new-password'}
          spellCheck={false}
          autoCapitalize="none"
          minLength={current ? undefined : 12}
          maxLength={256}
          required
          value={value}
          {...describe(props)}
          onChange={(event) => onChange(event.target.value)}
        />
        <button type="button" className="button quiet" aria-pressed={isShown} onClick={() => setShown(!isShown)}>
          {t('field.show_password')}
        </button>
      </span>
    </FormField>
  );
}

export function SelectField(props: FieldProps & { options: readonly { value: string; label: string }[]; disabled?: boolean }) {
  const { id, label, hint, error, value, onChange, options, required, disabled } = props;
  return (
    <FormField id={id} label={label} hint={hint} error={error}>
      <select id={id} value={value} required={required} disabled={disabled} {...describe(props)} onChange={(event) => onChange(event.target.value)}>
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </FormField>
  );
}

export function TextAreaField(props: FieldProps & { rows?: number; maxLength?: number }) {
  const { id, label, hint, error, value, onChange, rows = 3, ...rest } = props;
  return (
    <FormField id={id} label={label} hint={hint} error={error}>
      <textarea id={id} rows={rows} value={value} {...describe(props)} {...rest} onChange={(event) => onChange(event.target.value)} />
    </FormField>
  );
}

export function CheckField({ id, label, hint, value, onChange, disabled }: { id: string; label: ReactNode; hint?: string; value: boolean; onChange: (value: boolean) => void; disabled?: boolean }) {
  return (
    <div className="check">
      <input id={id} type="checkbox" checked={value} disabled={disabled} aria-describedby={hint ? `${id}-hint` : undefined} onChange={(event) => onChange(event.target.checked)} />
      <label htmlFor={id}>{label}</label>
      {hint && (
        <p className="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

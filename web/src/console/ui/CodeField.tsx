// The field for a code of the second factor, or a recovery code.
import { FormField, describeField } from '../../shared/ui/parts';

export function CodeField({ id, label, hint, value, onChange, error }: { id: string; label: string; hint?: string; value: string; onChange: (value: string) => void; error?: string | undefined }) {
  return (
    <FormField id={id} label={label} hint={hint} error={error}>
      <input
        id={id}
        className="figures code"
        autoComplete="one-time-code"
        autoCapitalize="none"
        spellCheck={false}
        required
        maxLength={40}
        value={value}
        aria-invalid={error ? true : undefined}
        aria-describedby={describeField(id, { hint, error })}
        onChange={(event) => onChange(event.target.value.trim())}
      />
    </FormField>
  );
}

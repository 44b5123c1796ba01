// The screen at /go: exchanges a handoff code for access. The code comes with the address, or is typed.
import { useState } from 'react';
import { ApiError, ConnectionError, callApi } from '../../../shared/api/client';
import { withRetries } from '../../../shared/api/retry';
import type { FlowAccess } from '../../flow/token';
import { usePage } from '../../app/context';
import { PageFrame } from '../../app/PageFrame';
import { formatDuration } from '../../../shared/i18n/format';
import { Button, FormField, Title, describeField } from '../../../shared/ui/parts';
import { DevicesPicture } from '../../../shared/ui/pictures';

const CODE_LENGTH = 8;

const normalizeCode = (text: string): string => text.toUpperCase().replace(/[^A-Z0-9]/g, '').slice(0, CODE_LENGTH);
const formatCode = (code: string): string => (code.length > 4 ? `${code.slice(0, 4)}-${code.slice(4)}` : code);

interface CodeEntryProps {
  /** The code in the address, or empty. */
  code: string;
  onAccess: (access: FlowAccess) => void;
}

function useCodeEntry({ code: first, onAccess }: CodeEntryProps) {
  const { t, language } = usePage();
  const [code, setCode] = useState(first);
  const [error, setError] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  /** The code came with the address and is unchanged. */
  const isFilled = first.length === CODE_LENGTH && code === first && !error;

  async function submit(): Promise<void> {
    if (isBusy) return;
    setError(undefined);
    if (code.length < CODE_LENGTH) return showError(t('go.missing'));
    setBusy(true);
    try {
      // A code works once, so few retries: an attempt whose answer was lost may have used it.
      const answer = await withRetries(() => callApi('post', '/api/flow/redeem', { json: { code } }), { attempts: 3, except: [429] });
      onAccess({ profile: answer.data.id, token: answer.data.flow_token });
    } catch (problem) {
      setBusy(false);
      if (problem instanceof ApiError && problem.status === 429) showError(t('go.too_many', { time: formatDuration(language, problem.retryAfter ?? 60) }));
      else if (problem instanceof ConnectionError) showError(t('trouble.offline'));
      else showError(problem instanceof ApiError && problem.status >= 500 ? t('trouble.server') : t('go.wrong'));
    }
  }

  function showError(text: string): void {
    setError(text);
    document.getElementById('code')?.focus();
  }

  return { code, setCode, error, isBusy, isFilled, submit };
}

export default function CodeEntry(props: CodeEntryProps) {
  const { t } = usePage();
  const { code, setCode, error, isBusy, isFilled, submit } = useCodeEntry(props);
  return (
    <PageFrame>
      <form className="stack" data-screen="go" onSubmit={(event) => { event.preventDefault(); void submit(); }} noValidate>
        <DevicesPicture />
        <Title>{t('go.title')}</Title>
        <p className="lead">{isFilled ? t('go.lead_filled') : t('go.lead')}</p>
        <FormField id="code" label={t('go.label')} error={error}>
          <input
            id="code"
            className="letters"
            value={formatCode(code)}
            onChange={(event) => setCode(normalizeCode(event.target.value))}
            autoComplete="one-time-code"
            autoCapitalize="characters"
            autoCorrect="off"
            spellCheck={false}
            inputMode="text"
            maxLength={12}
            aria-invalid={error ? true : undefined}
            aria-describedby={describeField('code', { error })}
          />
        </FormField>
        <p className="hidden" role="alert">
          {error}
        </p>
        <div className="actions">
          <Button type="submit" busy={isBusy}>
            {t('go.submit')}
          </Button>
        </div>
      </form>
    </PageFrame>
  );
}

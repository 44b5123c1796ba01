// Tests of the providers: a button for each, which has the server make one harmless call, and what came of it.
import { useMutation } from '@tanstack/react-query';
import { useConsole } from '../../app/context';
import { type ProviderName, type ProviderTest, testProvider } from '../../api/settings';
import { Button } from '../../../shared/ui/parts';
import { Badge, type Tone } from '../../ui/Badge';
import { ErrorNote } from '../../ui/ErrorNote';

const PROVIDERS: readonly ProviderName[] = ['records', 'files', 'mail', 'liveness', 'document_reader', 'fingerprint'];
const TONES: Record<ProviderTest['result'], Tone> = { ok: 'good', failed: 'bad', not_configured: 'plain' };

export function ProviderTests() {
  const { t } = useConsole();
  return (
    <section className="stack" aria-labelledby="provider-tests">
      <h3 id="provider-tests">{t('provider.tests')}</h3>
      <p className="fine">{t('provider.tests_text')}</p>
      <ul className="provider-tests">
        {PROVIDERS.map((name) => (
          <ProviderRow key={name} name={name} />
        ))}
      </ul>
    </section>
  );
}

function ProviderRow({ name }: { name: ProviderName }) {
  const { t, announce } = useConsole();
  const test = useMutation({
    mutationFn: () => testProvider(name),
    onSuccess: (done) => announce(`${t(`provider.of_${name}`)}: ${t(`provider.test_${done.result}`)}`),
  });
  const { data, error } = test;
  return (
    <li data-provider={name}>
      <div className="provider-row">
        <strong>{t(`provider.of_${name}`)}</strong>
        <Button kind="secondary" busy={test.isPending} onClick={() => test.mutate()} aria-label={`${t('provider.test')}: ${t(`provider.of_${name}`)}`}>
          {t('provider.test')}
        </Button>
        {data && !test.isPending && <Badge tone={TONES[data.result]}>{t(`provider.test_${data.result}`)}</Badge>}
        {data && !test.isPending && data.result !== 'not_configured' && <span className="fine">{t('provider.duration', { milliseconds: String(data.duration_ms) })}</span>}
      </div>
      {data?.problem && !test.isPending && (
        <p className="fine">
          {data.problem.charAt(0).toUpperCase() + data.problem.slice(1)}. {data.remedy}.
        </p>
      )}
      {error && <ErrorNote error={error} />}
    </li>
  );
}

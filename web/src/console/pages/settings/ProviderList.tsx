// The state of the server and of each provider, from the health report.
import type { HealthReport } from '../../api/models';
import { formatSpan } from '../../ui/formatAge';
import { useConsole } from '../../app/context';
import { translateWord } from '../../i18n';
import { Badge, type Tone } from '../../ui/Badge';

const toneOf = (word: string): Tone => {
  if (/^(OK|configured|authenticated)$/.test(word)) return 'good';
  return /^(error|DEGRADED|unauthenticated|unreachable)$/.test(word) ? 'bad' : 'plain';
};

export function ProviderList({ report }: { report: HealthReport }) {
  const ui = useConsole();
  const { t, language } = ui;
  const rows: [label: string, word: string][] = [
    [t('provider.server'), report.status],
    [t('provider.liveness'), report.liveness_provider],
    [t('provider.reader'), report.document_reader],
    ['AWS Face Liveness', report.aws_faceliveness_status],
    [`OpenAI (${report.openai_model})`, report.openai_status],
    ['Fingerprint', report.fingerprint_status],
    ['PocketBase', report.pocketbase_status],
  ];
  return (
    <dl className="facts">
      {rows.map(([label, word]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>
            <Badge tone={toneOf(word)}>{translateWord(ui, 'provider', word.toLowerCase())}</Badge>
          </dd>
        </div>
      ))}
      <div>
        <dt>{t('provider.threshold')}</dt>
        <dd>{report.faceliveness_threshold}</dd>
      </div>
      <div>
        <dt>{t('provider.uptime')}</dt>
        <dd>{formatSpan(language, report.uptime)}</dd>
      </div>
      <div>
        <dt>{t('provider.memory')}</dt>
        <dd>{report.memory.rss}</dd>
      </div>
    </dl>
  );
}

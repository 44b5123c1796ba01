// Overview: the numbers of the last 30 days, the queue by age, own claims, and the state of the server and its providers.
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { callData, callWhole } from '../../api/call';
import { readCounts } from '../../api/reviews';
import type { AnalyticsOverview, HealthReport, ReviewCounts, ReviewRow } from '../../api/models';
import { refreshEvery } from '../../app/liveUpdates';
import { useCan, useConsole } from '../../app/context';
import { Spinner } from '../../../shared/ui/parts';
import { DataTable } from '../../ui/DataTable';
import { ErrorNote } from '../../ui/ErrorNote';
import { Page, Panel } from '../../ui/Page';
import { useList } from '../../ui/useList';
import { BarList } from '../analytics/BarList';
import { formatRate, formatShare } from '../analytics/reportMath';
import { useQueueColumns } from '../queue/queueColumns';
import { ProviderList } from '../settings/ProviderList';

const REFRESH = 30_000;
const refetchInterval = refreshEvery(REFRESH);

export function OverviewPage() {
  const { t } = useConsole();
  const seesReviews = useCan('reviews:read');
  const seesNumbers = useCan('analytics:read');
  const seesHealth = useCan('health:read');
  return (
    <Page title={t('overview.title')}>
      {seesNumbers && <Numbers />}
      <div className="grid-2">
        {seesReviews && <QueueByAge />}
        {seesHealth && <ServerState />}
      </div>
      {seesReviews && <OwnClaims />}
      {!seesReviews && !seesNumbers && !seesHealth && <p>{t('overview.nothing')}</p>}
    </Page>
  );
}

function Numbers() {
  const { t, language } = useConsole();
  const numbers = useQuery({ queryKey: ['analytics', 'overview'], queryFn: () => callData<AnalyticsOverview>('GET', '/api/analytics/overview'), refetchInterval });
  const seesReviews = useCan('reviews:read');
  const counts = useQuery({ queryKey: ['reviews', 'counts'], queryFn: readCounts, refetchInterval, enabled: seesReviews });
  if (numbers.error) return <ErrorNote error={numbers.error} onRetry={() => void numbers.refetch()} />;
  if (!numbers.data) return <Spinner large />;
  const pending = numbers.data.pending_reviews ?? (counts.data && counts.data.open + counts.data.second_look);
  const figures = [
    { id: 'total', value: new Intl.NumberFormat(language).format(numbers.data.total_verifications), fine: t('overview.days') },
    { id: 'pending', value: pending === undefined ? '–' : new Intl.NumberFormat(language).format(pending), fine: t('overview.now') },
    { id: 'success', value: formatShare(language, numbers.data.success_rate.value), fine: formatRate(language, numbers.data.success_rate) },
    { id: 'active', value: new Intl.NumberFormat(language).format(numbers.data.active_users), fine: t('overview.minutes') },
  ] as const;
  return (
    <dl className="figures-row">
      {figures.map((figure) => (
        <div key={figure.id} className="figure">
          <dt>{t(`overview.${figure.id}`)}</dt>
          <dd>{figure.value}</dd>
          <dd className="fine">{figure.fine}</dd>
        </div>
      ))}
    </dl>
  );
}

const AGES = ['1h', '4h', '24h', 'older'] as const;

function QueueByAge() {
  const { t } = useConsole();
  const counts = useQuery({ queryKey: ['reviews', 'counts'], queryFn: readCounts, refetchInterval });
  return (
    <Panel title={t('overview.ages')} aside={<Link to="/queue">{t('nav.queue')}</Link>}>
      {counts.error && <ErrorNote error={counts.error} onRetry={() => void counts.refetch()} />}
      {counts.data && <BarList label={t('overview.ages')} bars={toAgeBars(counts.data).map((bar) => ({ ...bar, label: t(`overview.age_${bar.id}`) }))} />}
    </Panel>
  );
}

export function toAgeBars(counts: ReviewCounts) {
  const most = Math.max(1, ...AGES.map((age) => counts.ages[age]));
  return AGES.map((age) => ({ id: age, share: counts.ages[age] / most, text: String(counts.ages[age]) }));
}

function ServerState() {
  const { t } = useConsole();
  const report = useQuery({ queryKey: ['health'], queryFn: () => callWhole<HealthReport>('GET', '/'), refetchInterval });
  return (
    <Panel title={t('overview.state')}>
      {report.error && <ErrorNote error={report.error} onRetry={() => void report.refetch()} />}
      {report.data && <ProviderList report={report.data} />}
    </Panel>
  );
}

function OwnClaims() {
  const { t } = useConsole();
  const list = useList<ReviewRow>({ key: ['reviews', 'list'], path: '/api/reviews', query: { assignee: 'me', state: ['claimed', 'deciding'] }, every: REFRESH });
  const columns = useQueueColumns('mine');
  return (
    <Panel title={t('overview.claims')}>
      {list.error && <ErrorNote error={list.error} onRetry={() => void list.refetch()} />}
      {list.data && <DataTable caption={t('overview.claims')} columns={columns} rows={list.rows} rowKey={(row) => row.id} empty={t('overview.no_claims')} />}
    </Panel>
  );
}

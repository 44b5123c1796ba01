// The rates of each day as a chart.
import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useMemo } from 'react';
import { type QueryValue, callData } from '../../api/call';
import type { AnalyticsReport } from '../../api/models';
import { useConsole } from '../../app/context';
import { translateWord } from '../../i18n';
import { Spinner } from '../../../shared/ui/parts';
import { toDaySeries } from './reportMath';

const DayChart = lazy(() => import('./DayChart').then((file) => ({ default: file.DayChart })));

export function RateChart({ query }: { query: Record<string, QueryValue> }) {
  const ui = useConsole();
  const days = useQuery({
    queryKey: ['analytics', 'rates', 'day', query],
    queryFn: ({ signal }) => callData<AnalyticsReport>('GET', '/api/analytics/rates', { query: { ...query, by: 'day' }, signal }),
  });
  const data = useMemo(() => toDaySeries(days.data?.rows ?? []), [days.data]);
  const names = useMemo(() => data.series.map((each) => translateWord(ui, 'report', each.name)), [data, ui]);
  // One day is a point: the table says it better.
  if (data.days.length < 2) return null;
  return (
    <div className="panel">
      <Suspense fallback={<Spinner large />}>
        <DayChart data={data} label={ui.t('analytics.chart')} names={names} />
      </Suspense>
    </div>
  );
}

// Analytics: reports over a window of days, each with a table, and a chart where a picture says more.
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { callData, fetchExport, withQuery } from '../../api/call';
import type { AnalyticsReport } from '../../api/models';
import { useConsole } from '../../app/context';
import { Button, Spinner } from '../../../shared/ui/parts';
import { ErrorNote } from '../../ui/ErrorNote';
import { SelectField, TextField } from '../../ui/fields';
import { Page } from '../../ui/Page';
import { saveBlob } from '../../ui/saveFile';
import { TimeText } from '../../ui/TimeText';
import { useFilterForm } from '../../ui/useFilterForm';
import { GROUPINGS, REPORTS, type AnalyticsSearch, openReport, toReportQuery } from './analyticsSearch';
import { RateChart } from './RateChart';
import { ReportView } from './ReportView';
import { formatShare } from './reportMath';

export function AnalyticsPage() {
  const { t, language, toast } = useConsole();
  const search = useSearch({ strict: false }) as AnalyticsSearch;
  const name = openReport(search);
  const query = toReportQuery(search);
  const report = useQuery({ queryKey: ['analytics', name, query], queryFn: ({ signal }) => callData<AnalyticsReport>('GET', `/api/analytics/${name}`, { query, signal }) });
  const save = (): void => {
    fetchExport(withQuery(`/api/analytics/${name}`, { ...query, format: 'csv' })).then(
      (blob) => saveBlob(`${name}.csv`, blob),
      () => toast(t('error.unexpected'), 'bad'),
    );
  };
  const csv = (
    <Button kind="secondary" onClick={save}>
      {t('audit.export', { format: 'CSV' })}
    </Button>
  );
  return (
    <Page title={t('nav.analytics')} aside={csv}>
      <ul className="tabs" aria-label={t('analytics.reports')}>
        {REPORTS.map((each) => (
          <li key={each}>
            <Link to="/analytics" search={{ ...search, report: each }} aria-current={name === each ? 'page' : undefined}>
              {t(`analytics.${each}`)}
            </Link>
          </li>
        ))}
      </ul>
      <AnalyticsFilters search={search} />
      {report.error && <ErrorNote error={report.error} onRetry={() => void report.refetch()} />}
      {report.isPending && <Spinner large />}
      {report.data && (
        <>
          <p className="fine">
            {t('analytics.counted')} <TimeText value={report.data.counted_at} relative />
            {report.data.open_share !== null && <> · {t('analytics.open_share', { share: formatShare(language, report.data.open_share) })}</>}
          </p>
          {name === 'rates' && <RateChart query={query} />}
          <ReportView name={name} rows={report.data.rows} />
          <p className="fine">{t(`analytics.${name}_text`)}</p>
        </>
      )}
    </Page>
  );
}

function AnalyticsFilters({ search }: { search: AnalyticsSearch }) {
  const { t } = useConsole();
  const navigate = useNavigate();
  const form = useFilterForm<keyof AnalyticsSearch>(search);
  return (
    <form
      className="filters"
      onSubmit={(event) => {
        event.preventDefault();
        void navigate({ to: '/analytics', search: form.complete() });
      }}
    >
      <TextField id="analytics-from" type="date" label={t('common.from')} value={form.draft.from ?? ''} onChange={form.set('from')} />
      <TextField id="analytics-to" type="date" label={t('common.to')} value={form.draft.to ?? ''} onChange={form.set('to')} />
      <TextField id="analytics-team" label={t('field.team')} value={form.draft.team ?? ''} onChange={form.set('team')} maxLength={255} />
      {openReport(search) === 'breakdown' && (
        <SelectField
          id="analytics-by"
          label={t('analytics.by')}
          value={form.draft.by ?? GROUPINGS[0]}
          onChange={form.set('by')}
          options={GROUPINGS.map((each) => ({ value: each, label: t(each === 'country' ? 'field.country' : 'field.document') }))}
        />
      )}
      <div className="actions start">
        <Button kind="secondary" type="submit">
          {t('common.apply')}
        </Button>
      </div>
    </form>
  );
}

// The address of the analytics: report, days, team and grouping.
import type { QueryValue } from '../../api/call';
import { readFilters } from '../../ui/useFilterForm';

export const REPORTS = ['funnel', 'rates', 'times', 'reasons', 'breakdown', 'reviewers'] as const;
export type ReportName = (typeof REPORTS)[number];

export const GROUPINGS = ['country', 'document_type'] as const;

const FILTERS = ['report', 'from', 'to', 'team', 'by'] as const;
export type AnalyticsSearch = { [F in (typeof FILTERS)[number]]?: string };

export const readAnalyticsSearch = (search: Record<string, unknown>): AnalyticsSearch => readFilters(FILTERS, search);

export const openReport = (search: AnalyticsSearch): ReportName => REPORTS.find((each) => each === search.report) ?? 'funnel';

/** A day in UTC, as all numbers are counted. */
const toTime = (day: string | undefined, shift: number): string | undefined => {
  if (!day || !/^\d{4}-\d{2}-\d{2}$/.test(day)) return undefined;
  const [year, month, date] = day.split('-').map(Number) as [number, number, number];
  return new Date(Date.UTC(year, month - 1, date + shift)).toISOString().replace('T', ' ');
};

/** The query of a report. The end is the day behind the last one, and the page shows the last one. */
export function toReportQuery(search: AnalyticsSearch): Record<string, QueryValue> {
  const report = openReport(search);
  return {
    from: toTime(search.from, 0),
    to: toTime(search.to, 1),
    team: search.team,
    by: report === 'breakdown' ? (search.by ?? GROUPINGS[0]) : undefined,
  };
}

// Numbers of reports as texts, and the series of a chart.
import type { Rate, ReportRow } from '../../api/models';

export function formatShare(language: string, share: number | null | undefined): string {
  if (share === null || share === undefined) return '–';
  return new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 1 }).format(share);
}

/** A rate with what it is of and its interval: a share of few says little. */
export function formatRate(language: string, rate: Rate | null): string {
  if (!rate || rate.value === null) return '–';
  const share = (value: number | null): string => formatShare(language, value);
  return `${share(rate.value)} (${share(rate.low)} – ${share(rate.high)})`;
}

export interface DaySeries {
  /** Seconds since 1970, ascending: what the chart takes. */
  days: number[];
  series: { name: string; values: (number | null)[] }[];
}

/** The rates of each day as series of a chart. A day without decisions is a gap and not zero. */
export function toDaySeries(rows: readonly ReportRow[]): DaySeries {
  const days = [...new Set(rows.map((row) => row.group).filter((group): group is string => group !== null))].sort();
  const names = [...new Set(rows.map((row) => row.name))];
  const value = (name: string, day: string): number | null => rows.find((row) => row.name === name && row.group === day)?.rate?.value ?? null;
  return {
    days: days.map((day) => Date.parse(`${day}T00:00:00Z`) / 1_000),
    series: names.map((name) => ({ name, values: days.map((day) => value(name, day)) })),
  };
}

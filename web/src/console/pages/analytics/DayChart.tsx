// Rates over days as lines (uPlot, loaded with this chart). Its colours are the theme's; a table stands below it.
import { useEffect, useRef } from 'react';
import 'uplot/dist/uPlot.min.css';
import type uPlot from 'uplot';
import { useConsole } from '../../app/context';
import { useThemeVersion } from '../../app/useThemeVersion';
import type { DaySeries } from './reportMath';
import { formatShare } from './reportMath';

const HEIGHT = 280;
const LINES = ['--link', '--good', '--note', '--bad', '--muted'];
const DASHES = [[], [8, 4], [2, 4], [12, 4, 2, 4], [4, 4]];

export function DayChart({ data, label, names }: { data: DaySeries; label: string; names: readonly string[] }) {
  const { t, language } = useConsole();
  const theme = useThemeVersion();
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = place.current;
    if (!element) return undefined;
    let chart: uPlot | null = null;
    let isWanted = true;
    const observer = new ResizeObserver(() => chart?.setSize({ width: element.clientWidth, height: HEIGHT }));
    void import('uplot').then(({ default: Plot }) => {
      if (!isWanted) return;
      chart = new Plot(chartOptions(element, names, language, t('analytics.day')), [data.days, ...data.series.map((each) => each.values)], element);
      observer.observe(element);
    });
    return () => {
      isWanted = false;
      observer.disconnect();
      chart?.destroy();
    };
  }, [data, names, language, t, theme]);
  return <div ref={place} className="chart" role="img" aria-label={label} />;
}

function chartOptions(element: HTMLElement, names: readonly string[], language: string, dayLabel: string): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string): string => style.getPropertyValue(name).trim();
  const axis = { stroke: colour('--muted'), grid: { stroke: colour('--line'), width: 1 }, ticks: { stroke: colour('--line'), width: 1 } };
  const date = new Intl.DateTimeFormat(language, { dateStyle: 'short', timeZone: 'UTC' });
  return {
    width: element.clientWidth,
    height: HEIGHT,
    scales: { x: { time: true }, y: { range: [0, 1] } },
    axes: [
      { ...axis, space: 90, incrs: [86_400, 7 * 86_400, 28 * 86_400], values: (_plot, days) => days.map((day) => date.format(day * 1_000)) },
      { ...axis, values: (_plot, shares) => shares.map((share) => formatShare(language, share)) },
    ],
    series: [
      { label: dayLabel, value: (_plot, day) => (day === null ? '–' : date.format(day * 1_000)) },
      ...names.map((name, index) => ({
        label: name,
        stroke: colour(LINES[index % LINES.length] ?? '--link'),
        dash: DASHES[index % DASHES.length] ?? [],
        width: 2,
        value: (_plot: uPlot, share: number | null) => formatShare(language, share),
      })),
    ],
  };
}

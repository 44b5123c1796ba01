// A report as bars and a table.
import type { ReportRow } from '../../api/models';
import { useConsole } from '../../app/context';
import { translateWord } from '../../i18n';
import { type Column, DataTable } from '../../ui/DataTable';
import { formatSpan } from '../../ui/formatAge';
import { countryWord, documentWord } from '../../ui/words';
import { BarList } from './BarList';
import type { ReportName } from './analyticsSearch';
import { formatRate, formatShare } from './reportMath';

export function ReportView({ name, rows }: { name: ReportName; rows: readonly ReportRow[] }) {
  const ui = useConsole();
  const { t, language } = ui;
  const rowName = (row: ReportRow): string => {
    if (name === 'reasons') return translateWord(ui, row.group === 'finding' ? 'finding' : 'reason', row.name);
    return translateWord(ui, 'report', row.name);
  };
  const groupName = ({ group, label }: ReportRow): string => {
    if (group === null) return '–';
    if (name === 'reviewers') return label ?? group;
    if (name === 'breakdown') return group.length <= 3 ? countryWord(ui, group) : documentWord(ui, group);
    return translateWord(ui, 'report', group);
  };
  const time = (seconds: number | null): string => (seconds === null ? '–' : formatSpan(language, seconds));
  const columns: Column<ReportRow>[] = [
    ...(['breakdown', 'reasons', 'reviewers'].includes(name) ? [{ id: 'group', title: t('analytics.group'), cell: (row: ReportRow) => groupName(row) }] : []),
    { id: 'name', title: t('analytics.number'), cell: rowName },
    { id: 'count', title: t('analytics.count'), cell: (row: ReportRow) => row.shown ?? '–', isNumber: true },
    ...(name === 'times' || name === 'reviewers'
      ? [
          { id: 'median', title: t('analytics.median'), cell: (row: ReportRow) => time(row.median_seconds), isNumber: true },
          { id: 'p90', title: t('analytics.p90'), cell: (row: ReportRow) => time(row.p90_seconds), isNumber: true },
        ]
      : []),
    ...(name === 'times' || name === 'reviewers'
      ? []
      : [
          { id: 'rate', title: t('analytics.rate'), cell: (row: ReportRow) => formatRate(language, row.rate), isNumber: true },
          { id: 'of', title: t('analytics.of'), cell: (row: ReportRow) => row.rate?.of ?? '–', isNumber: true },
        ]),
  ];
  const bars = rows
    .filter((row) => row.rate?.value !== null && row.rate !== null)
    .map((row) => ({ id: `${row.group}/${row.name}`, label: rowName(row), share: row.rate?.value ?? 0, text: `${row.shown} · ${formatShare(language, row.rate?.value)}` }));
  return (
    <>
      {name === 'funnel' && bars.length > 0 && (
        <div className="panel">
          <BarList bars={bars} label={t('analytics.funnel')} />
        </div>
      )}
      <div className="table-box">
        <DataTable caption={t(`analytics.${name}`)} columns={columns} rows={rows} rowKey={(row) => `${row.group ?? ''}/${row.name}`} empty={t('analytics.empty')} />
      </div>
    </>
  );
}


// Declared, submitted and read data side by side, with differences marked and what was revealed.
import { useMemo } from 'react';
import type { ReviewCase } from '../../api/models';
import { useConsole } from '../../app/context';
import { translateWord } from '../../i18n';
import { Badge } from '../../ui/Badge';
import { countryWord, documentWord } from '../../ui/words';
import { type ComparedCell, compareFields, mergeRevealed } from './compareFields';

export function DataComparison({ review, revealed }: { review: ReviewCase; revealed: Record<string, string | null> }) {
  const ui = useConsole();
  const { t } = ui;
  const sources = useMemo(
    () => [
      { id: 'declared', fields: review.profile_data },
      { id: 'submitted', fields: mergeRevealed(review.record, revealed) },
      ...review.read.map((read) => ({ id: read.source, fields: read.fields })),
    ],
    [review.profile_data, review.record, review.read, revealed],
  );
  const rows = compareFields(sources.map((source) => source.fields));
  const different = rows.filter((row) => row.differs).length;
  const show = (field: string, text: string): string => {
    if (field === 'country' || field === 'issuing_state') return `${countryWord(ui, text)}`;
    return field === 'document_type' ? documentWord(ui, text) : text;
  };
  if (rows.length === 0) return <p className="empty">{t('list.empty')}</p>;
  return (
    <div className="stack">
      <p className="fine">{different === 0 ? t('compare.no_difference') : t('compare.differences', { count: different })}</p>
      <table className="table compare">
        <caption className="hidden">{t('compare.title')}</caption>
        <thead>
          <tr>
            <th scope="col">{t('compare.field')}</th>
            {sources.map((source) => (
              <th key={source.id} scope="col">
                {translateWord(ui, 'source', source.id)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.field} data-differs={row.differs ? '' : undefined}>
              <th scope="row" data-label={t('compare.field')}>
                {translateWord(ui, 'field', row.field)}
              </th>
              {row.cells.map((cell, index) => (
                <td key={index} data-label={translateWord(ui, 'source', sources[index]?.id)}>
                  <CellText cell={cell} text={show(row.field, cell.text)} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function CellText({ cell, text }: { cell: ComparedCell; text: string }) {
  const { t } = useConsole();
  if (cell.text === '') return <span className="fine none">–</span>;
  return (
    <span className="cell">
      <span className={cell.isMasked ? 'masked' : undefined}>{text}</span>
      {cell.differs && <Badge tone="bad">{t('compare.differs')}</Badge>}
    </span>
  );
}

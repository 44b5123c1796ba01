// A table of records. On a narrow screen each row becomes a card, in which every value names its column.
import type { ReactNode } from 'react';

export interface Column<Row> {
  id: string;
  title: string;
  cell: (row: Row) => ReactNode;
  /** Figures: aligned at the end. */
  isNumber?: boolean;
}

export interface DataTableProps<Row> {
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string;
  empty: ReactNode;
  /** The row that the keys `j` and `k` stand on. */
  currentKey?: string | null;
}

export function DataTable<Row>({ caption, columns, rows, rowKey, empty, currentKey }: DataTableProps<Row>) {
  if (rows.length === 0) return <div className="empty">{empty}</div>;
  return (
    <table className="table">
      <caption className="hidden">{caption}</caption>
      <thead>
        <tr>
          {columns.map((column) => (
            <th key={column.id} scope="col" className={column.isNumber ? 'number' : undefined}>
              {column.title}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={rowKey(row)} data-row={rowKey(row)} data-current={currentKey === rowKey(row) ? '' : undefined}>
            {columns.map((column, index) =>
              index === 0 ? (
                <th key={column.id} scope="row" data-label={column.title}>
                  <div>{column.cell(row)}</div>
                </th>
              ) : (
                <td key={column.id} data-label={column.title} className={column.isNumber ? 'number' : undefined}>
                  <div>{column.cell(row)}</div>
                </td>
              ),
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

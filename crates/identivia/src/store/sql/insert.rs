//! Inserts: one row each, or several rows in one PostgreSQL statement.

use super::commit_error::{CommitError, CommitResult};
use super::search_rows::{RETURNED, SearchRows};
use super::table::Table;
use super::{Dialect, Execution, SqlRow, SqlStatement, SqlTransaction, SqlValue};
use crate::records::{FieldMap, RecordKind};
use crate::store::{CommitOutcome, IfExists, Result};

/// The most inserts in one statement. A longer commit is rare, and a statement is prepared for each sequence of kinds.
const MAX_JOINED: usize = 4;

/// A new record, converted to column values before the transaction begins.
pub(super) struct PreparedInsert {
    table: &'static Table,
    values: Vec<SqlValue<'static>>,
    search_rows: Option<SearchRows>,
    /// What the commit returns when the record was added.
    fields: FieldMap,
    if_exists: IfExists,
}

impl PreparedInsert {
    pub(super) fn prepare(kind: RecordKind, fields: FieldMap, if_exists: IfExists) -> Result<Self> {
        let table = Table::of_kind(kind);
        let search_rows = SearchRows::of_record(kind, &fields);
        Ok(Self { values: table.to_sql_values(&fields)?, search_rows, table, fields, if_exists })
    }

    pub(super) fn fields(&self) -> &FieldMap {
        &self.fields
    }

    /// Sets fields that have columns of their own.
    pub(super) fn set_fields(&mut self, fields: FieldMap) -> Result<()> {
        for (value, column) in self.values.iter_mut().zip(&self.table.columns) {
            if let Some(field) = fields.get(column.field.name) {
                *value = column.to_sql_value(field)?;
            }
        }
        self.fields.extend(fields);
        Ok(())
    }

    /// Says whether the record has that key.
    pub(super) fn has_key(&self, kind: RecordKind, key: &str) -> bool {
        self.table.kind == kind && self.fields.get(kind.key_field()).is_some_and(|own| own == key)
    }

    /// Says whether an existing record refuses the commit.
    pub(super) fn may_refuse(&self) -> bool {
        matches!(self.if_exists, IfExists::Refuse(_))
    }

    /// Adds the record; `None` when one exists and is left as it is.
    pub(super) async fn insert_record(
        mut self,
        transaction: &mut dyn SqlTransaction,
        dialect: &Dialect,
    ) -> CommitResult<Option<FieldMap>> {
        let is_added = transaction.execute(&self.table.insert_row, &self.values).await? == Execution::Changed(1);
        if let Some(rows) = self.search_rows.take().filter(|_| is_added) {
            rows.insert_rows(transaction, dialect).await?;
        }
        self.into_stored(is_added)
    }

    fn into_stored(self, is_added: bool) -> CommitResult<Option<FieldMap>> {
        match self.if_exists {
            _ if is_added => Ok(Some(self.fields)),
            IfExists::Skip => Ok(None),
            IfExists::Refuse(refusal) => Err(CommitError::Refused(refusal)),
        }
    }
}

/// Says whether one statement can make these inserts. It cannot undo an insert, so only the first may refuse the commit.
pub(super) fn can_join_inserts(inserts: &[&PreparedInsert]) -> bool {
    (1..=MAX_JOINED).contains(&inserts.len()) && !inserts.iter().skip(1).any(|insert| insert.may_refuse())
}

/// One statement for several inserts. It answers one row: how many rows each insert has added, as `i0`, `i1`, … When the
/// first may refuse the commit, the others happen only if it has added its row.
/// The words of a record are added if its row was.
pub(super) fn join_inserts(inserts: &mut [PreparedInsert], dialect: &Dialect) -> SqlStatement {
    let is_gated = inserts.first().is_some_and(PreparedInsert::may_refuse);
    let mut statement = SqlStatement::default();
    for (number, insert) in inserts.iter_mut().enumerate() {
        statement.push_text(if number == 0 { "with " } else { ", " });
        statement.push_text(&format!("i{number} as ("));
        statement.push_text(&insert.table.insert_head);
        let depends_on_first = is_gated && number > 0;
        statement.push_text(if depends_on_first { "select " } else { "values (" });
        push_inserted_values(&mut statement, insert);
        statement.push_text(if depends_on_first { " from i0" } else { ")" });
        let search_rows = insert.search_rows.take();
        statement.push_text(" on conflict do nothing returning ");
        statement.push_text(if search_rows.is_some() { RETURNED } else { "1" });
        statement.push_text(")");
        if let Some(rows) = search_rows {
            statement.push_text(&format!(", w{number} as ("));
            rows.push_joined_insert(&mut statement, dialect, &format!("i{number}"));
            statement.push_text(")");
        }
    }
    let counts: Vec<String> =
        (0..inserts.len()).map(|number| format!("(select count(*) from i{number}) as i{number}")).collect();
    statement.push_text(" select ");
    statement.push_text(&counts.join(", "));
    statement
}

fn push_inserted_values(statement: &mut SqlStatement, insert: &mut PreparedInsert) {
    let first = statement.values.len() + 1;
    for index in 0..insert.values.len() {
        statement.push_text(if index == 0 { "" } else { ", " });
        statement.push_text(&insert.table.inserted_value(index, first));
    }
    statement.values.append(&mut insert.values);
}

/// Reads which of the joined inserts have added their row.
pub(super) fn read_joined_row(row: &dyn SqlRow, inserts: usize) -> Result<Vec<bool>> {
    (0..inserts).map(|number| Ok(row.number_named(&format!("i{number}"))? == 1)).collect()
}

/// The outcome of joined inserts.
pub(super) fn joined_outcome(inserts: Vec<PreparedInsert>, are_added: &[bool]) -> Result<CommitOutcome> {
    let stored = inserts.into_iter().zip(are_added).map(|(insert, is_added)| insert.into_stored(*is_added));
    match stored.collect() {
        Ok(stored) => Ok(CommitOutcome::Done(stored)),
        Err(CommitError::Refused(refusal)) => Ok(CommitOutcome::Refused(refusal)),
        Err(CommitError::Failed(error)) => Err(error),
    }
}

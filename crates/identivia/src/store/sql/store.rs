//! The store of an SQL database: reads and commits as statements.

use async_trait::async_trait;
use futures_util::FutureExt as _;

use super::commit::PreparedCommit;
use super::dialect::DELETE_ENDED_COUNTS;
use super::file_store::{SELECT_FILE_STORE, change_statement, read_known_store};
use super::insert::{can_join_inserts, join_inserts, joined_outcome, read_joined_row};
use super::list_index::{IndexRows, ListSource, in_index_order, list_sources};
use super::list_statement::{count_statement, list_statement};
use super::record_row::{AFTER_SEQ, read_columns_json};
use super::select::{column_cursor, is_narrow, select_statement};
use super::table::Table;
use super::{Database, SqlRow, SqlStatement, SqlValue, StepUndo, unreadable_row};
use crate::records::RecordKind;
use crate::records::id::RecordId;
use crate::records::time::Millis;
use crate::store::{
    Commit, CommitOutcome, FileStoreChange, KnownFileStore, Order, PoolUsage, ProfileIdentity, Query, Result, Store,
    StoredRecord, WindowCount,
};

/// The most rows that are counted of a place where a list may begin: more are many.
const COUNTED_ROWS: i64 = 5_000;
/// So few rows that no other place is looked for.
const FEW_ROWS: i64 = 100;

/// The records of a database.
pub struct SqlStore<D> {
    pub(in crate::store) database: D,
}

#[async_trait]
impl<D: Database> Store for SqlStore<D> {
    async fn read(&self, query: Query) -> Result<Vec<StoredRecord>> {
        let query = in_index_order(query);
        let statement = self.query_statement(&query).await?;
        let table = Table::of_kind(query.kind);
        let (parts, ordered_by) = (RowParts::of_query(&query), find_order_column(&query, table));
        let read_row = move |row: &dyn SqlRow| parts.read_stored_record(row, table, ordered_by);
        if is_narrow(&query) {
            self.database.read_few(&statement.text, &statement.values, read_row).await
        } else {
            self.database.read_many(statement.text, statement.values, read_row).await
        }
    }

    async fn commit(&self, commit: Commit) -> Result<CommitOutcome> {
        let prepared = PreparedCommit::prepare(commit)?;
        if D::DIALECT.has_inserts_in_with && prepared.as_inserts().is_some_and(|inserts| can_join_inserts(&inserts)) {
            let mut inserts = prepared.into_inserts();
            let (statement, count) = (join_inserts(&mut inserts, &D::DIALECT), inserts.len());
            let read_row = move |row: &dyn SqlRow| read_joined_row(row, count);
            let rows = self.database.write_statement(statement.text, statement.values, read_row).await?;
            let are_added = rows.first().ok_or_else(|| unreadable_row("no counts of inserts"))?;
            return joined_outcome(inserts, are_added);
        }
        let undo = if prepared.may_refuse_after_writing() { StepUndo::Savepoint } else { StepUndo::Unneeded };
        self.database
            .write_step(
                undo,
                Box::new(move |transaction| prepared.run_in_transaction(transaction, &D::DIALECT).boxed()),
            )
            .await
    }

    async fn count_in_window(&self, key: &str, now: Millis, seconds: i64) -> Result<Option<WindowCount>> {
        let Some(statement) = D::DIALECT.count_in_window else { return Ok(None) };
        let (ends, now) = (SqlValue::Number(now.plus_seconds(seconds).0), SqlValue::Number(now.0));
        let values = vec![SqlValue::from_text(key), ends, now.clone()];
        let counted = self.database.write_statement(statement.to_owned(), values, read_window_count).await?;
        // Once for each window is often enough to keep the table small.
        if counted.first().is_some_and(|counted| counted.count == 1) {
            self.database.write_statement(DELETE_ENDED_COUNTS.to_owned(), vec![now], |_: &dyn SqlRow| Ok(())).await?;
        }
        Ok(counted.into_iter().next())
    }

    async fn known_file_store(&self) -> Result<Option<KnownFileStore>> {
        Ok(self.database.read_few(SELECT_FILE_STORE, &[], read_known_store).await?.into_iter().next())
    }

    async fn change_file_store(&self, change: FileStoreChange) -> Result<()> {
        let (statement, value) = change_statement(change);
        self.database.write_statement(statement.to_owned(), vec![value], |_: &dyn SqlRow| Ok(())).await.map(drop)
    }

    async fn profile_identity(&self, team: &str, _: &str, at: Millis) -> Result<ProfileIdentity> {
        Ok(ProfileIdentity { id: RecordId::random_at(at), team: team.to_owned() })
    }

    fn pool_usage(&self) -> Option<PoolUsage> {
        self.database.pool_usage()
    }

    async fn check_ready(&self) -> Result<()> {
        self.database.check_ready().await
    }
}

impl<D: Database> SqlStore<D> {
    /// The database's plan of a list, a line each: for measurements.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn explain_query(&self, query: Query) -> Result<Vec<String>> {
        let SqlStatement { text, values } = self.query_statement(&in_index_order(query)).await?;
        let at = D::DIALECT.plan_column;
        let read_row = move |row: &dyn SqlRow| Ok(row.text_at(at)?.unwrap_or_default().to_owned());
        self.database.read_many(format!("{} {text}", D::DIALECT.explain), values, read_row).await
    }

    async fn query_statement(&self, query: &Query) -> Result<SqlStatement> {
        match self.choose_source(query).await? {
            Some(source) => list_statement(query, &source, &D::DIALECT),
            None => select_statement(query, &D::DIALECT),
        }
    }

    /// Chooses where a list begins: where there are the fewest rows. A filter that many rows match is no start for one that
    /// few match, and which it is follows from the values.
    async fn choose_source(&self, query: &Query) -> Result<Option<ListSource>> {
        let sources = list_sources(query);
        if let [only] = &sources[..] {
            return Ok(Some(only.clone()));
        }
        let is_in_order = |source: &&ListSource| source.rows_for(query) == IndexRows::InOrder;
        let counted: Vec<&ListSource> = sources.iter().filter(|source| !source.is_last_resort()).collect();
        if let [only] = counted[..]
            && is_in_order(&only)
        {
            return Ok(Some(only.clone()));
        }
        let mut best = None;
        let mut fewest = COUNTED_ROWS;
        for source in counted {
            let SqlStatement { text, values } = count_statement(query, source, &D::DIALECT, COUNTED_ROWS)?;
            let counts = self.database.read_many(text, values, |row: &dyn SqlRow| row.number_named("n")).await?;
            let count = counts.first().copied().unwrap_or_default();
            if count < fewest {
                (best, fewest) = (Some(source), count);
            }
            if fewest <= FEW_ROWS {
                break;
            }
        }
        // Of sources with many rows each, one that ends with the page.
        Ok(best.or_else(|| sources.iter().find(is_in_order)).cloned())
    }
}

/// What a row of a query holds.
#[derive(Clone, Copy)]
enum RowParts {
    Key,
    Record,
    /// The record, and behind it the newest verification record without its biometric part: no reader of profiles needs
    /// that.
    RecordAndNewestVerification,
}

impl RowParts {
    fn of_query(query: &Query) -> Self {
        match (query.keys_only, query.with_newest_verification) {
            (true, _) => Self::Key,
            (false, true) => Self::RecordAndNewestVerification,
            (false, false) => Self::Record,
        }
    }

    fn read_stored_record(
        self,
        row: &dyn SqlRow,
        table: &'static Table,
        ordered_by: Option<usize>,
    ) -> Result<StoredRecord> {
        let seq = row.number_at(0)?.ok_or_else(|| unreadable_row("seq"))?;
        let json = match self {
            Self::Key => read_columns_json(row, AFTER_SEQ, table.columns.first())?,
            _ => table.read_json(row, AFTER_SEQ, true)?,
        };
        let joined_at = AFTER_SEQ + table.insert_width();
        let newest_verification = match self {
            Self::RecordAndNewestVerification if row.text_at(joined_at)?.is_some() => {
                Some(Table::of_kind(RecordKind::VerificationHistory).read_json(row, joined_at, false)?)
            }
            _ => None,
        };
        let number = ordered_by.map(|index| row.number_at(index)).transpose()?.flatten();
        let cursor = number.map_or_else(|| seq.to_string(), |number| column_cursor(number, seq));
        Ok(StoredRecord { json, cursor, newest_verification })
    }
}

/// Where a row has the number by which its query is ordered.
fn find_order_column(query: &Query, table: &Table) -> Option<usize> {
    let (Order::Ascending(name) | Order::Descending(name)) = query.order else { return None };
    let index = table.columns.iter().position(|column| column.field.name == name && column.is_number())?;
    (!query.keys_only).then_some(AFTER_SEQ + index)
}

fn read_window_count(row: &dyn SqlRow) -> Result<WindowCount> {
    let count = u32::try_from(row.number_named("count")?).unwrap_or(u32::MAX);
    Ok(WindowCount { count, ends: Millis(row.number_named("ends")?) })
}

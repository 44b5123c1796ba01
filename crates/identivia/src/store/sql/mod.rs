//! Records in an SQL database: one text of each statement for SQLite and PostgreSQL. Here: what a database must do.

mod commit;
mod commit_error;
mod conditions;
mod dialect;
mod file_store;
mod insert;
mod list_index;
mod list_statement;
mod migrations;
mod record_row;
mod search_rows;
mod select;
mod sql_value;
mod store;
mod table;
#[cfg(test)]
mod tests;
mod update;

use futures_util::future::BoxFuture;

use super::{PoolUsage, Result, StoreError};

pub(super) use dialect::{Dialect, POSTGRES, SQLITE};
pub(super) use migrations::{Migration, refuse_newer_migrations};
pub(super) use sql_value::SqlValue;
pub(super) use store::SqlStore;

/// A row of an answer, with borrowed values.
pub trait SqlRow {
    /// The text at an index of the select list, from 0; `None` for null. Only [`record_row`] counts columns, over the same
    /// list that wrote the statement.
    fn text_at(&self, index: usize) -> Result<Option<&str>>;
    /// The number at an index of the select list, from 0; `None` for null.
    fn number_at(&self, index: usize) -> Result<Option<i64>>;
    /// The number in the column of that name.
    fn number_named(&self, name: &str) -> Result<i64>;
}

/// The outcome of a statement that changes rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Execution {
    /// How many rows it changed.
    Changed(u64),
    /// A unique index forbids it. Nothing else can be done in this transaction.
    NotUnique,
}

/// Receives each row of an answer.
pub(super) type RowVisitor<'a> = &'a mut (dyn FnMut(&dyn SqlRow) -> Result<()> + Send);

/// The transaction of a step.
pub trait SqlTransaction: Send {
    /// Runs a statement that changes rows.
    fn execute<'a>(&'a mut self, statement: &'a str, values: &'a [SqlValue<'a>]) -> BoxFuture<'a, Result<Execution>>;
    /// Hands each row of an answer to the visitor.
    fn fetch<'a>(
        &'a mut self,
        statement: &'a str,
        values: &'a [SqlValue<'a>],
        visitor: RowVisitor<'a>,
    ) -> BoxFuture<'a, Result<()>>;
}

/// How a step ends its transaction.
pub enum StepEnd<T> {
    Commit(T),
    RollBack(T),
}

/// What undoes a step that is refused or fails, where several steps share one transaction.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum StepUndo {
    /// A savepoint: the step may have written by then.
    Savepoint,
    /// Nothing: such a step has not written yet. A savepoint keeps each page that a step changes as it was, which costs a sixth
    /// of creating a profile.
    Unneeded,
}

/// Work within one transaction. An error rolls it back.
pub(super) type Step<T> =
    Box<dyn for<'a> FnOnce(&'a mut dyn SqlTransaction) -> BoxFuture<'a, Result<StepEnd<T>>> + Send>;

/// Makes a value of a row. It may run on another thread.
pub trait ReadRow<T>: Fn(&dyn SqlRow) -> Result<T> + Send + Sync + 'static {}
impl<T, F: Fn(&dyn SqlRow) -> Result<T> + Send + Sync + 'static> ReadRow<T> for F {}

/// A database that runs our statements.
pub trait Database: Send + Sync + 'static {
    const DIALECT: Dialect;

    /// Reads a few rows that an index finds.
    fn read_few<T: Send + 'static>(
        &self,
        statement: &str,
        values: &[SqlValue<'_>],
        read_row: impl ReadRow<T>,
    ) -> impl Future<Output = Result<Vec<T>>> + Send;
    /// Reads the rows of a query that may take long.
    fn read_many<T: Send + 'static>(
        &self,
        statement: String,
        values: Vec<SqlValue<'static>>,
        read_row: impl ReadRow<T>,
    ) -> impl Future<Output = Result<Vec<T>>> + Send;
    /// Runs one statement that is a transaction by itself. When this answers, it is on disk.
    fn write_statement<T: Send + 'static>(
        &self,
        statement: String,
        values: Vec<SqlValue<'static>>,
        read_row: impl ReadRow<T>,
    ) -> impl Future<Output = Result<Vec<T>>> + Send;
    /// Runs a step. When this answers, it is on disk.
    fn write_step<T: Send + 'static>(&self, undo: StepUndo, step: Step<T>) -> impl Future<Output = Result<T>> + Send;
    /// How many connections are in use; `None` where there is no pool.
    fn pool_usage(&self) -> Option<PoolUsage> {
        None
    }
    /// Says whether reads and writes work.
    fn check_ready(&self) -> impl Future<Output = Result<()>> + Send;
}

/// A statement with the values of its placeholders.
#[derive(Default)]
struct SqlStatement {
    text: String,
    values: Vec<SqlValue<'static>>,
}

impl SqlStatement {
    fn starting_with(text: &str) -> Self {
        // Most statements are shorter: then the text grows no further.
        let mut whole = String::with_capacity(1_024);
        whole.push_str(text);
        Self { text: whole, values: Vec::with_capacity(4) }
    }

    fn push_text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Adds a placeholder for a value. Its number is the next one: SQLite numbers `$n` by first appearance, PostgreSQL by
    /// n, and the text is the same for both only if these agree.
    fn push_value(&mut self, value: SqlValue<'static>) {
        self.values.push(value);
        self.text.push('$');
        self.text.push_str(&self.values.len().to_string());
    }

    /// Adds placeholders for values, with a comma between them.
    fn push_values(&mut self, values: impl IntoIterator<Item = SqlValue<'static>>) {
        for (number, value) in values.into_iter().enumerate() {
            if number > 0 {
                self.push_text(", ");
            }
            self.push_value(value);
        }
    }
}

fn unreadable_row(cause: &str) -> StoreError {
    StoreError::Failed(format!("a stored row is not one of this program: {cause}"))
}

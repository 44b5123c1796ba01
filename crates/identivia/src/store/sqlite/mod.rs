//! The embedded default: SQLite in the data folder, WAL with `synchronous=FULL`, one writer, readers from a pool.

mod checkpoint;
mod database_copy;
mod error;
mod inspect;
mod log_space;
mod wanted_query;
mod writer;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use futures_util::FutureExt as _;
use futures_util::future::{self, BoxFuture};
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, Row, ToSql, ffi, params_from_iter};

use super::sql::{
    self, Database, Dialect, Execution, Migration, ReadRow, RowVisitor, SqlRow, SqlStore, SqlTransaction, SqlValue,
    Step, StepEnd, StepUndo, refuse_newer_migrations,
};
use super::{Result, StoreError};
use checkpoint::KEPT_LOG_BYTES;
use database_copy::copy_before_migrations;
pub use database_copy::{CopyPace, copy_database};
use error::to_store_error;
pub use inspect::inspect_database;
use wanted_query::WantedQuery;
use writer::Writer;

/// The database of records, in the data folder.
pub const FILE_NAME: &str = "identivia.db";
/// The database of webhooks, in the data folder, where PocketBase stores the records.
pub const DELIVERIES_FILE_NAME: &str = "webhooks.db";
/// How long a statement waits for a lock that another process holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Prepared statements that each connection caches: more than there are statements.
const CACHED_STATEMENTS: usize = 128;
/// Pages that the writer keeps in memory, in the unit of the pragma (negative: KiB). Each new record changes a page anywhere in
/// the indexes of ids: with SQLite's 2 MiB most of them are read from the file again.
const WRITER_CACHE_KIB: i32 = -16 * 1024;

/// A database file and the threads that serve it.
pub struct Sqlite {
    writer: Writer,
    readers: Arc<ReaderPool>,
}

impl Sqlite {
    /// Opens the database of a data folder, making and migrating it as needed.
    ///
    /// # Errors
    /// When the folder cannot be written or the file is no database of this program.
    pub fn open(data_dir: &Path) -> anyhow::Result<SqlStore<Self>> {
        Self::open_file(data_dir, FILE_NAME)
    }

    /// Opens the database in a data folder in which deliveries of webhooks are kept while records are in PocketBase.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_deliveries(data_dir: &Path) -> anyhow::Result<SqlStore<Self>> {
        Self::open_file(data_dir, DELIVERIES_FILE_NAME)
    }

    fn open_file(data_dir: &Path, name: &str) -> anyhow::Result<SqlStore<Self>> {
        let path = data_dir.join(name);
        // SQLite gives its log the mode of the database, so this protects both from other users.
        OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
        let connection = open_connection(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "cache_size", WRITER_CACHE_KIB)?;
        // The writer copies the log into the database after it has answered: within a commit it would delay its callers.
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        connection.pragma_update(None, "journal_size_limit", KEPT_LOG_BYTES)?;
        copy_before_migrations(&path, &connection)?;
        apply_migrations(&connection)?;
        std::fs::File::open(data_dir)?.sync_all()?;
        Self::start(path, connection)
    }

    /// Opens the database of a data folder to read only, also while a server uses it. Where none does, an empty log and
    /// its index may stay behind: readers register themselves there.
    ///
    /// # Errors
    /// When there is none, or it is not of this version.
    pub fn open_to_read(data_dir: &Path) -> anyhow::Result<SqlStore<Self>> {
        Self::open_without_migrating(data_dir, OpenFlags::SQLITE_OPEN_READ_ONLY)
    }

    /// Opens the database of a data folder for a command that reads much and writes little, also while a server uses it.
    ///
    /// # Errors
    /// As [`Self::open_to_read`].
    pub fn open_beside_server(data_dir: &Path) -> anyhow::Result<SqlStore<Self>> {
        Self::open_without_migrating(data_dir, OpenFlags::SQLITE_OPEN_READ_WRITE)
    }

    fn open_without_migrating(data_dir: &Path, flags: OpenFlags) -> anyhow::Result<SqlStore<Self>> {
        let path = data_dir.join(FILE_NAME);
        anyhow::ensure!(path.is_file(), "there is no {FILE_NAME} in {}", data_dir.display());
        let connection = open_connection(&path, flags)?;
        // The server copies the log.
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        let applied = read_applied_migrations(&connection).context("it holds no records of this program")?;
        let migrations = Migration::list_for_sqlite();
        refuse_newer_migrations(&applied, &migrations)?;
        anyhow::ensure!(applied.len() == migrations.len(), "it is of an older version; start this one on it once");
        Self::start(path, connection)
    }

    fn start(path: PathBuf, connection: Connection) -> anyhow::Result<SqlStore<Self>> {
        let writer = Writer::start(connection)?;
        let readers = Arc::new(ReaderPool { path, idle: Mutex::default() });
        Ok(SqlStore { database: Self { writer, readers } })
    }
}

/// Reading connections: as many as were ever needed at once. The next reader uses an idle one.
struct ReaderPool {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl ReaderPool {
    fn run_query<T>(&self, query: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => {
                open_connection(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(|error| to_store_error(&error))?
            }
        };
        let outcome = query(&connection);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        outcome
    }
}

fn open_connection(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    // Without this SQLite prepares a statement again when a bound value might change its plan.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Many steps are in a savepoint, for which SQLite keeps the pages that it changes as they were. Beyond 64 KiB they would
    // go to a file: a write to the disk for each, and persons' data in one more place.
    connection.pragma_update(None, "temp_store", "memory")?;
    Ok(connection)
}

fn read_applied_migrations(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    connection.prepare("select name from migrations")?.query_map([], |row| row.get("name"))?.collect()
}

fn apply_migrations(connection: &Connection) -> anyhow::Result<()> {
    connection.execute_batch("create table if not exists migrations (name text primary key)")?;
    let migrations = Migration::list_for_sqlite();
    refuse_newer_migrations(&read_applied_migrations(connection)?, &migrations)?;
    for Migration { name, text } in &migrations {
        let step = connection.unchecked_transaction()?;
        if step.execute("insert into migrations (name) values ($1) on conflict do nothing", [name])? == 1 {
            step.execute_batch(text)?;
        }
        step.commit()?;
    }
    Ok(())
}

impl Database for Sqlite {
    const DIALECT: Dialect = sql::SQLITE;

    /// On the calling thread: a few microseconds, less than another thread's wake-up takes.
    fn read_few<T: Send + 'static>(
        &self,
        statement: &str,
        values: &[SqlValue<'_>],
        read_row: impl ReadRow<T>,
    ) -> impl Future<Output = Result<Vec<T>>> + Send {
        future::ready(self.readers.run_query(|connection| collect_rows(connection, statement, values, &read_row)))
    }

    /// Off the async threads.
    async fn read_many<T: Send + 'static>(
        &self,
        statement: String,
        values: Vec<SqlValue<'static>>,
        read_row: impl ReadRow<T>,
    ) -> Result<Vec<T>> {
        let readers = self.readers.clone();
        let wanted = WantedQuery::default();
        let shared = wanted.share();
        let query = move || {
            readers.run_query(|connection| {
                let _running = shared.begin_query(connection)?;
                collect_rows(connection, &statement, &values, &read_row)
            })
        };
        tokio::task::spawn_blocking(query).await.unwrap_or_else(|error| Err(StoreError::Failed(error.to_string())))
    }

    async fn write_statement<T: Send + 'static>(
        &self,
        statement: String,
        values: Vec<SqlValue<'static>>,
        read_row: impl ReadRow<T>,
    ) -> Result<Vec<T>> {
        let run = move |connection: &mut Connection| {
            collect_rows(connection, &statement, &values, &read_row).map(StepEnd::Commit)
        };
        // SQLite undoes a statement that fails.
        self.writer.write(StepUndo::Unneeded, run).await
    }

    async fn write_step<T: Send + 'static>(&self, undo: StepUndo, step: Step<T>) -> Result<T> {
        let run = |connection: &mut Connection| {
            let unfinished =
                || Err(StoreError::Failed("a step waited for something else than the database".to_owned()));
            step(&mut WriterTransaction(connection)).now_or_never().unwrap_or_else(unfinished)
        };
        self.writer.write(undo, run).await
    }

    async fn check_ready(&self) -> Result<()> {
        if self.writer.is_broken() {
            return Err(StoreError::Broken);
        }
        let query =
            |connection: &Connection| visit_rows(connection, "select 1 from settings limit 1", &[], &mut |_| Ok(()));
        self.readers.run_query(query)
    }
}

/// The writer's transaction. Each of its futures is ready at once, so a step on it never waits.
struct WriterTransaction<'c>(&'c mut Connection);

impl SqlTransaction for WriterTransaction<'_> {
    fn execute<'a>(&'a mut self, statement: &'a str, values: &'a [SqlValue<'a>]) -> BoxFuture<'a, Result<Execution>> {
        let run = || self.0.prepare_cached(statement)?.execute(params_from_iter(values));
        let outcome = match run() {
            Ok(changed) => Ok(Execution::Changed(changed as u64)),
            Err(error) if is_unique_violation(&error) => Ok(Execution::NotUnique),
            Err(error) => Err(to_store_error(&error)),
        };
        future::ready(outcome).boxed()
    }

    fn fetch<'a>(
        &'a mut self,
        statement: &'a str,
        values: &'a [SqlValue<'a>],
        visitor: RowVisitor<'a>,
    ) -> BoxFuture<'a, Result<()>> {
        future::ready(visit_rows(self.0, statement, values, visitor)).boxed()
    }
}

fn is_unique_violation(error: &rusqlite::Error) -> bool {
    let unique = [ffi::SQLITE_CONSTRAINT_UNIQUE, ffi::SQLITE_CONSTRAINT_PRIMARYKEY];
    match error.sqlite_error() {
        Some(error) => error.code == ErrorCode::ConstraintViolation && unique.contains(&error.extended_code),
        None => false,
    }
}

fn collect_rows<T>(
    connection: &Connection,
    statement: &str,
    values: &[SqlValue<'_>],
    read_row: &impl ReadRow<T>,
) -> Result<Vec<T>> {
    let mut found = Vec::new();
    visit_rows(connection, statement, values, &mut |row| {
        found.push(read_row(row)?);
        Ok(())
    })?;
    Ok(found)
}

/// Hands each row of a query to the visitor. Each connection prepares a statement once.
fn visit_rows(
    connection: &Connection,
    statement: &str,
    values: &[SqlValue<'_>],
    visitor: &mut dyn FnMut(&dyn SqlRow) -> Result<()>,
) -> Result<()> {
    let failed = |error| to_store_error(&error);
    let mut statement = connection.prepare_cached(statement).map_err(failed)?;
    let mut rows = statement.query(params_from_iter(values)).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        visitor(row)?;
    }
    Ok(())
}

impl ToSql for SqlValue<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Number(number) => ValueRef::Integer(*number),
            Self::NullText | Self::NullNumber => ValueRef::Null,
        }))
    }
}

impl SqlRow for Row<'_> {
    fn text_at(&self, index: usize) -> Result<Option<&str>> {
        let value = self.get_ref(index).map_err(|error| to_store_error(&error))?;
        value.as_str_or_null().map_err(|error| StoreError::Failed(error.to_string()))
    }

    fn number_at(&self, index: usize) -> Result<Option<i64>> {
        let value = self.get_ref(index).map_err(|error| to_store_error(&error))?;
        value.as_i64_or_null().map_err(|error| StoreError::Failed(error.to_string()))
    }

    fn number_named(&self, name: &str) -> Result<i64> {
        self.get(name).map_err(|error| to_store_error(&error))
    }
}

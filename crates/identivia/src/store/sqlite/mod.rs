//! The embedded default: SQLite in the data folder, WAL with `synchronous=FULL`, one writer, readers from a pool.

mod writer;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::FutureExt as _;
use futures_util::future::{self, BoxFuture};
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, Row, ToSql, params_from_iter};

use super::sql::{self, Columns, Database, Dialect, Read, Records, Step, Tx, Value};
use super::{Result, StoreError};
use writer::{Writer, store_error};

const FILE: &str = "identivia.db";
const MIGRATIONS: &[(&str, &str)] = &[
    ("0001_records", include_str!("../../../migrations/sqlite/0001_records.sql")),
    ("0002_providers", include_str!("../../../migrations/sqlite/0002_providers.sql")),
    ("0003_checks", include_str!("../../../migrations/sqlite/0003_checks.sql")),
    ("0004_imprints", include_str!("../../../migrations/sqlite/0004_imprints.sql")),
    ("0005_flow", include_str!("../../../migrations/sqlite/0005_flow.sql")),
];
/// How long a statement waits for a lock that another process holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Prepared statements kept for each connection: more than there are statements.
const STATEMENTS: usize = 64;
/// How often the log is looked at, and the sizes from which it is copied into the database and cut back.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(250);
const CHECKPOINT_BYTES: u64 = 4 * 1024 * 1024;
const TRUNCATE_BYTES: u64 = 64 * 1024 * 1024;

/// A database file and the threads that serve it.
pub struct Sqlite {
    writer: Writer,
    readers: Arc<Readers>,
    /// Dropped with the store, which ends the checkpointing thread.
    _checkpoints: mpsc::Sender<()>,
}

impl Sqlite {
    /// Opens the database of a data folder, making and migrating it as needed.
    ///
    /// # Errors
    /// When the folder cannot be written or the file is no database of ours.
    pub fn open(data_dir: &Path) -> anyhow::Result<Records<Self>> {
        let path = data_dir.join(FILE);
        // SQLite gives its log the mode of the database, so this keeps both from other users.
        OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
        let connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        // The log is copied into the database by a thread of its own: on the writer's it would hold up every caller.
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        migrate(&connection)?;
        std::fs::File::open(data_dir)?.sync_all()?;
        let checkpoints = start_checkpoints(&path)?;
        Self::of(path, connection, checkpoints)
    }

    /// Opens the database of a data folder that is only to be read, also while a server uses it. Where none does, an
    /// empty log and its index may stay behind: readers note themselves there.
    ///
    /// # Errors
    /// When there is none, or it is not of this version.
    pub fn open_to_read(data_dir: &Path) -> anyhow::Result<Records<Self>> {
        let path = data_dir.join(FILE);
        anyhow::ensure!(path.is_file(), "there is no {FILE} in {}", data_dir.display());
        let connection = connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let applied = applied(&connection).context("it holds no records of this program")?;
        sql::refuse_newer(applied.iter().map(String::as_str), MIGRATIONS)?;
        anyhow::ensure!(applied.len() == MIGRATIONS.len(), "it is of an older version; start this one on it once");
        // Nothing is ever copied back for a reader.
        Self::of(path, connection, mpsc::channel().0)
    }

    fn of(path: PathBuf, connection: Connection, checkpoints: mpsc::Sender<()>) -> anyhow::Result<Records<Self>> {
        let writer = Writer::start(connection)?;
        let readers = Arc::new(Readers { path, idle: Mutex::default() });
        Ok(Records { database: Self { writer, readers, _checkpoints: checkpoints } })
    }
}

/// Reading connections: as many as have ever been needed at once, kept for the next reader.
struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    fn run<T>(&self, query: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connect(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(|error| store_error(&error))?,
        };
        let outcome = query(&connection);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        outcome
    }
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Without this SQLite prepares a statement anew when a bound value might change its plan.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

/// The names of the migrations that a database has had.
fn applied(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    connection.prepare("select name from migrations")?.query_map([], |row| row.get(0))?.collect()
}

fn migrate(connection: &Connection) -> anyhow::Result<()> {
    connection.execute_batch("create table if not exists migrations (name text primary key)")?;
    let applied = applied(connection)?;
    sql::refuse_newer(applied.iter().map(String::as_str), MIGRATIONS)?;
    for (name, text) in MIGRATIONS {
        let step = connection.unchecked_transaction()?;
        if step.execute("insert into migrations (name) values ($1) on conflict do nothing", [name])? == 1 {
            step.execute_batch(text)?;
        }
        step.commit()?;
    }
    Ok(())
}

fn start_checkpoints(path: &Path) -> anyhow::Result<mpsc::Sender<()>> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let log = path.with_extension("db-wal");
    let (alive, dropped) = mpsc::channel::<()>();
    thread::Builder::new().name("sqlite-checkpoint".to_owned()).spawn(move || {
        while dropped.recv_timeout(CHECKPOINT_EVERY) == Err(mpsc::RecvTimeoutError::Timeout) {
            let bytes = log.metadata().map_or(0, |metadata| metadata.len());
            let mode = if bytes > TRUNCATE_BYTES { "truncate" } else { "passive" };
            if bytes > CHECKPOINT_BYTES
                && let Err(error) = connection.query_row(&format!("pragma wal_checkpoint({mode})"), [], |_| Ok(()))
            {
                tracing::warn!(%error, "the database's log could not be copied back; it is tried again");
            }
        }
    })?;
    Ok(alive)
}

impl Database for Sqlite {
    const DIALECT: Dialect = sql::SQLITE;

    /// On the calling thread: a few microseconds, less than handing it to another would take.
    fn rows<T: Send>(
        &self,
        statement: &'static str,
        values: &[Value<'_>],
        read: Read<T>,
    ) -> impl Future<Output = Result<Vec<T>>> + Send {
        future::ready(self.readers.run(|connection| all(connection, statement, values, read)))
    }

    /// Off the async threads.
    async fn search<T: Send + 'static>(
        &self,
        statement: String,
        values: Vec<Value<'static>>,
        read: Read<T>,
    ) -> Result<Vec<T>> {
        let readers = self.readers.clone();
        let search = move || readers.run(|connection| all(connection, &statement, &values, read));
        tokio::task::spawn_blocking(search).await.unwrap_or_else(|error| Err(StoreError::Failed(error.to_string())))
    }

    async fn write_one<T: Send + 'static>(
        &self,
        statement: String,
        values: Vec<Value<'static>>,
        read: Read<T>,
    ) -> Result<Vec<T>> {
        self.writer.write(move |connection| all(connection, &statement, &values, read)).await
    }

    async fn write<T: Send + 'static>(&self, step: Step<T>) -> Result<T> {
        let at_once = |connection: &mut Connection| {
            let unfinished =
                || Err(StoreError::Failed("a step waited for something else than the database".to_owned()));
            step(&mut Transaction(connection)).now_or_never().unwrap_or_else(unfinished)
        };
        self.writer.write(at_once).await
    }

    async fn ready(&self) -> Result<()> {
        if self.writer.is_broken() {
            return Err(StoreError::Broken);
        }
        self.readers.run(|connection| all(connection, "select 1 from settings limit 1", &[], |_| Ok(()))).map(drop)
    }
}

/// The writer's transaction. What it is asked is done by the time it answers, so a step on it never waits.
struct Transaction<'c>(&'c mut Connection);

impl Tx for Transaction<'_> {
    fn execute<'a>(&'a mut self, statement: &'a str, values: &'a [Value<'a>]) -> BoxFuture<'a, Result<u64>> {
        let run = || self.0.prepare_cached(statement)?.execute(params_from_iter(values));
        let outcome = run().map(|changed| changed as u64).map_err(|error| store_error(&error));
        future::ready(outcome).boxed()
    }

    fn fetch<'a>(
        &'a mut self,
        statement: &'a str,
        values: &'a [Value<'a>],
        take: &'a mut (dyn FnMut(&dyn Columns) -> Result<()> + Send),
    ) -> BoxFuture<'a, Result<()>> {
        future::ready(each(self.0, statement, values, take)).boxed()
    }
}

fn all<T>(connection: &Connection, statement: &str, values: &[Value<'_>], read: Read<T>) -> Result<Vec<T>> {
    let mut found = Vec::new();
    each(connection, statement, values, &mut |row| {
        found.push(read(row)?);
        Ok(())
    })?;
    Ok(found)
}

/// Hands each row of a query, prepared once for each connection, to `take`.
fn each(
    connection: &Connection,
    statement: &str,
    values: &[Value<'_>],
    take: &mut dyn FnMut(&dyn Columns) -> Result<()>,
) -> Result<()> {
    let failed = |error| store_error(&error);
    let mut statement = connection.prepare_cached(statement).map_err(failed)?;
    let mut rows = statement.query(params_from_iter(values)).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        take(row)?;
    }
    Ok(())
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Text(text) | Self::MaybeText(Some(text)) => ValueRef::Text(text.as_bytes()),
            Self::Number(number) => ValueRef::Integer(*number),
            Self::MaybeReal(Some(real)) => ValueRef::Real(*real),
            Self::MaybeText(None) | Self::MaybeReal(None) => ValueRef::Null,
        }))
    }
}

impl Columns for Row<'_> {
    fn text(&self, column: usize) -> Result<String> {
        self.get(column).map_err(|error| store_error(&error))
    }

    fn maybe_text(&self, column: usize) -> Result<Option<String>> {
        self.get(column).map_err(|error| store_error(&error))
    }

    fn number(&self, column: usize) -> Result<i64> {
        self.get(column).map_err(|error| store_error(&error))
    }

    fn maybe_real(&self, column: usize) -> Result<Option<f64>> {
        self.get(column).map_err(|error| store_error(&error))
    }
}

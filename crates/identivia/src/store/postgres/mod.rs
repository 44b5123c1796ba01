//! PostgreSQL: a pool of connections with deadlines. Any number of servers can share one database.

mod inspect;
mod pool;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgRow};
use sqlx::{Arguments as _, AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, Row as _};
use tokio::time::timeout;
use tracing::subscriber::{NoSubscriber, with_default};

use super::sql::{
    self, Database, Dialect, Execution, Migration, ReadRow, RowVisitor, SqlRow, SqlStore, SqlTransaction, SqlValue,
    Step, StepEnd, StepUndo, refuse_newer_migrations,
};
use super::{PoolUsage, Result, StoreError};
pub use inspect::inspect_database;
use pool::Pool;

/// Names the advisory lock under which one server migrates while others wait: the letters of "identiv".
const MIGRATION_LOCK: i64 = 0x0069_6465_6e74_6976;
/// Names the advisory lock of a copy to a database, the letters of "idcopy"; and the lock that its connections share. A
/// killed copy's last step may still run when the next copy begins.
const COPY_LOCK: i64 = 0x6964_636f_7079;
const COPY_WRITES_LOCK: i64 = COPY_LOCK + 1;
/// The settings of each session, in milliseconds. A statement's timeout is shorter than its caller's, so that it ends at
/// the server too. A transaction whose caller is gone releases its locks.
const SESSION_SETTINGS: [(&str, &str); 4] = [
    ("statement_timeout", "8000"),
    ("idle_in_transaction_session_timeout", "15000"),
    ("client_min_messages", "error"),
    ("jit", "off"),
];
/// How long the first connection may take.
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// Prepared statements that each connection caches: more than there are statements.
const CACHED_STATEMENTS: usize = 128;

/// A database behind a pool.
#[derive(Clone)]
pub struct Postgres {
    pool: Arc<Pool>,
}

impl Postgres {
    /// Connects to a database and migrates it as needed.
    ///
    /// # Errors
    /// When it cannot be reached or is no database of this program. The text holds neither the URL nor its password.
    pub async fn open(url: &str, connections: u32) -> anyhow::Result<SqlStore<Self>> {
        let options = parse_options(url)?;
        apply_migrations(&mut open_first_connection(&options).await?)
            .await
            .context("the database cannot be prepared")?;
        Ok(SqlStore { database: Self { pool: Pool::new(options, connections) } })
    }

    /// Connects to a database to read only.
    ///
    /// # Errors
    /// When it cannot be reached, or has never been used by this program.
    pub async fn open_to_read(url: &str) -> anyhow::Result<SqlStore<Self>> {
        Self::open_without_migrating(parse_options(url)?.options([("default_transaction_read_only", "on")])).await
    }

    /// Connects to a database for a command that reads much and writes little, beside servers.
    ///
    /// # Errors
    /// As [`Self::open_to_read`].
    pub async fn open_beside_server(url: &str) -> anyhow::Result<SqlStore<Self>> {
        Self::open_without_migrating(parse_options(url)?).await
    }

    /// Says whether a database has tables of any program in the schema that this program would use.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn has_tables(url: &str) -> anyhow::Result<bool> {
        let mut connection = open_first_connection(&parse_options(url)?).await?;
        let counting = "select exists (select from pg_tables where schemaname = current_schema())";
        let found = sqlx::query_scalar::<_, bool>(counting).fetch_one(&mut connection).await;
        Ok(found.map_err(|error| to_store_error(&error))?)
    }

    async fn open_without_migrating(options: PgConnectOptions) -> anyhow::Result<SqlStore<Self>> {
        let mut connection = open_first_connection(&options).await?;
        let applied = sqlx::query_scalar::<_, String>("select name from migrations").fetch_all(&mut connection).await;
        let applied = applied.map_err(|_| anyhow::anyhow!("the database holds no records of this program"))?;
        let migrations = Migration::list_for_postgres();
        refuse_newer_migrations(&applied, &migrations)?;
        ensure!(applied.len() == migrations.len(), "it is of an older version; start this one on it once");
        Ok(SqlStore { database: Self { pool: Pool::new(options, 2) } })
    }

    /// Connects to the target database of a copy and migrates it. While the lock is held, no other copy can begin.
    ///
    /// # Errors
    /// When it cannot be reached or is no database of this program, or another copy to it runs.
    pub async fn open_for_copy(url: &str, connections: u32) -> anyhow::Result<(SqlStore<Self>, CopyLock)> {
        let options = parse_options(url)?;
        let lock = CopyLock::take(&options).await?;
        apply_migrations(&mut open_first_connection(&options).await?)
            .await
            .context("the database cannot be prepared")?;
        let shared = format!("select pg_advisory_lock_shared({COPY_WRITES_LOCK})");
        let pool = Pool::with_first_statement(options, connections, Some(shared));
        Ok((SqlStore { database: Self { pool } }, lock))
    }

    async fn run_query<T>(
        &self,
        statement: &str,
        values: &[SqlValue<'_>],
        read_row: &impl ReadRow<T>,
    ) -> Result<Vec<T>> {
        self.pool
            .run(async |connection| {
                let rows = connection.fetch_all(bind_values(statement, values)?).await;
                rows.map_err(|error| to_store_error(&error))?.iter().map(|row| read_row(row)).collect()
            })
            .await
    }
}

/// The lock on the target database of a copy.
pub struct CopyLock {
    /// The session that has the lock.
    _connection: PgConnection,
}

impl CopyLock {
    async fn take(options: &PgConnectOptions) -> anyhow::Result<Self> {
        let taken = async {
            let mut connection = options.connect().await?;
            connection.execute("set lock_timeout = '5s'").await?;
            let steps = format!(
                "select pg_advisory_lock({COPY_LOCK}); select pg_advisory_lock({COPY_WRITES_LOCK}); \
                select pg_advisory_unlock({COPY_WRITES_LOCK})"
            );
            connection.execute(AssertSqlSafe(steps)).await?;
            Ok(Self { _connection: connection })
        };
        taken.await.map_err(|error: sqlx::Error| match to_store_error(&error) {
            StoreError::Busy => anyhow::anyhow!("another copy to this database is under way"),
            error => anyhow::anyhow!(error),
        })
    }
}

/// Says whether two URLs lead to one database, by host, port and name.
#[must_use]
pub fn is_same(one: &str, other: &str) -> bool {
    let address = |url: &str| {
        let options: PgConnectOptions = url.parse().ok()?;
        let database = options.get_database().unwrap_or(options.get_username()).to_owned();
        Some((options.get_host().to_owned(), options.get_port(), options.get_socket().cloned(), database))
    };
    address(one).is_some_and(|one| address(other) == Some(one))
}

/// The connection options of a URL.
fn parse_options(url: &str) -> anyhow::Result<PgConnectOptions> {
    // The library's errors and log lines may quote the URL, and with it the password.
    let parsed: std::result::Result<PgConnectOptions, _> = with_default(NoSubscriber::default(), || url.parse());
    let options =
        parsed.map_err(|_| anyhow::anyhow!("must be a URL such as postgres://user:password@host/database"))?;
    // The library does not remove the brackets around an IPv6 address, and then finds no such host.
    let host = options.get_host().trim_matches(['[', ']']).to_owned();
    Ok(options
        .host(&host)
        .application_name("identivia")
        .statement_cache_capacity(CACHED_STATEMENTS)
        .disable_statement_logging()
        .options(SESSION_SETTINGS))
}

async fn open_first_connection(options: &PgConnectOptions) -> anyhow::Result<PgConnection> {
    match timeout(START_TIMEOUT, PgConnection::connect_with(options)).await {
        Ok(connection) => Ok(connection.map_err(|error| to_store_error(&error))?),
        Err(_) => anyhow::bail!("no answer within {} s", START_TIMEOUT.as_secs()),
    }
}

/// Brings the tables up to date. Servers that start together take turns; all but the first find nothing to do.
async fn apply_migrations(connection: &mut PgConnection) -> anyhow::Result<()> {
    let failed = |error| to_store_error(&error);
    let encoding: String =
        sqlx::query_scalar("show server_encoding").fetch_one(&mut *connection).await.map_err(failed)?;
    ensure!(encoding == "UTF8", "its encoding is {encoding}; make it with the encoding UTF8");
    let mut step = connection.begin().await.map_err(failed)?;
    // A server that waits for its turn waits for as long as the other's migration takes.
    step.execute("set local statement_timeout = 0").await.map_err(failed)?;
    let lock = sqlx::query("select pg_advisory_xact_lock($1)").bind(MIGRATION_LOCK);
    lock.execute(&mut *step).await.map_err(failed)?;
    step.execute("create table if not exists migrations (name text primary key)").await.map_err(failed)?;
    let applied = sqlx::query_scalar("select name from migrations").fetch_all(&mut *step).await;
    let applied: Vec<String> = applied.map_err(failed)?;
    let migrations = Migration::list_for_postgres();
    refuse_newer_migrations(&applied, &migrations)?;
    for Migration { name, text } in migrations {
        if applied.iter().any(|done| done == name) {
            continue;
        }
        // A text of this program. It holds several statements, so it cannot be a prepared one.
        step.execute(AssertSqlSafe(text)).await.map_err(failed)?;
        let remember = sqlx::query("insert into migrations (name) values ($1)").bind(name);
        remember.execute(&mut *step).await.map_err(failed)?;
    }
    Ok(step.commit().await.map_err(failed)?)
}

impl Database for Postgres {
    const DIALECT: Dialect = sql::POSTGRES;

    fn pool_usage(&self) -> Option<PoolUsage> {
        Some(self.pool.usage())
    }

    async fn read_few<T: Send + 'static>(
        &self,
        statement: &str,
        values: &[SqlValue<'_>],
        read_row: impl ReadRow<T>,
    ) -> Result<Vec<T>> {
        self.run_query(statement, values, &read_row).await
    }

    async fn read_many<T: Send + 'static>(
        &self,
        statement: String,
        values: Vec<SqlValue<'static>>,
        read_row: impl ReadRow<T>,
    ) -> Result<Vec<T>> {
        self.run_query(&statement, &values, &read_row).await
    }

    /// In a task of its own: see [`Database::write_step`].
    async fn write_statement<T: Send + 'static>(
        &self,
        statement: String,
        values: Vec<SqlValue<'static>>,
        read_row: impl ReadRow<T>,
    ) -> Result<Vec<T>> {
        let database = self.clone();
        join_task(tokio::spawn(async move { database.run_query(&statement, &values, &read_row).await })).await
    }

    /// In a task of its own: a cancelled request does not stop a transaction half way.
    /// In a transaction of its own, which undoes it.
    async fn write_step<T: Send + 'static>(&self, _: StepUndo, step: Step<T>) -> Result<T> {
        let database = self.clone();
        join_task(tokio::spawn(async move {
            let work = async |connection: &mut PgConnection| run_step(connection, step).await;
            database.pool.run(work).await
        }))
        .await
    }

    async fn check_ready(&self) -> Result<()> {
        let read_row = |_: &dyn SqlRow| Ok(());
        self.run_query("select 1 from settings limit 1", &[], &read_row).await.map(drop)
    }
}

async fn run_step<T>(connection: &mut PgConnection, step: Step<T>) -> Result<T> {
    let failed = |error| to_store_error(&error);
    let mut transaction = connection.begin().await.map_err(failed)?;
    let outcome = step(&mut PoolTransaction(&mut transaction)).await;
    let ended = match outcome {
        Ok(StepEnd::Commit(_)) => transaction.commit().await,
        Ok(StepEnd::RollBack(_)) | Err(_) => transaction.rollback().await,
    };
    let (StepEnd::Commit(value) | StepEnd::RollBack(value)) = ended.map_err(failed).and(outcome)?;
    Ok(value)
}

async fn join_task<T>(task: tokio::task::JoinHandle<Result<T>>) -> Result<T> {
    task.await.unwrap_or_else(|error| Err(StoreError::Failed(error.to_string())))
}

struct PoolTransaction<'c>(&'c mut PgConnection);

impl SqlTransaction for PoolTransaction<'_> {
    fn execute<'a>(&'a mut self, statement: &'a str, values: &'a [SqlValue<'a>]) -> BoxFuture<'a, Result<Execution>> {
        async move {
            match self.0.execute(bind_values(statement, values)?).await {
                Ok(done) => Ok(Execution::Changed(done.rows_affected())),
                Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(Execution::NotUnique),
                Err(error) => Err(to_store_error(&error)),
            }
        }
        .boxed()
    }

    fn fetch<'a>(
        &'a mut self,
        statement: &'a str,
        values: &'a [SqlValue<'a>],
        visitor: RowVisitor<'a>,
    ) -> BoxFuture<'a, Result<()>> {
        async move {
            let rows = self.0.fetch_all(bind_values(statement, values)?).await;
            rows.map_err(|error| to_store_error(&error))?.iter().try_for_each(|row| visitor(row))
        }
        .boxed()
    }
}

/// A statement with its values. The texts are this program's: no text of a caller is ever part of one.
fn bind_values(
    statement: &str,
    values: &[SqlValue<'_>],
) -> Result<sqlx::query::Query<'static, sqlx::Postgres, PgArguments>> {
    let mut arguments = PgArguments::default();
    for value in values {
        let added = match value {
            SqlValue::Text(text) => arguments.add(text.as_ref()),
            SqlValue::NullText => arguments.add(None::<&str>),
            SqlValue::Number(number) => arguments.add(*number),
            SqlValue::NullNumber => arguments.add(None::<i64>),
        };
        added.map_err(|error| StoreError::Failed(error.to_string()))?;
    }
    Ok(sqlx::query_with(AssertSqlSafe(statement.to_owned()), arguments))
}

impl SqlRow for PgRow {
    fn text_at(&self, index: usize) -> Result<Option<&str>> {
        self.try_get(index).map_err(|error| to_store_error(&error))
    }

    fn number_at(&self, index: usize) -> Result<Option<i64>> {
        self.try_get(index).map_err(|error| to_store_error(&error))
    }

    fn number_named(&self, name: &str) -> Result<i64> {
        self.try_get(name).map_err(|error| to_store_error(&error))
    }
}

/// The meaning of a PostgreSQL error for the caller. The server's own text may quote values (`Key (user_id)=(…)`), so
/// only its code is used, with the name of the constraint.
fn to_store_error(error: &sqlx::Error) -> StoreError {
    use sqlx::Error;
    match error {
        Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            let text = format!("PostgreSQL answered {code}{}", explain_code(&code));
            match code.as_ref() {
                "53100" => StoreError::Full,
                // Locks, deadlocks and serialisation: a retry of the same step works.
                "40001" | "40P01" | "55P03" => StoreError::Busy,
                // Connections, resources, operators at work, a standby, system errors, sign-in, the database's name.
                _ if ["08", "25", "28", "3D", "53", "57", "58"].iter().any(|class| code.starts_with(class)) => {
                    StoreError::Unavailable(text)
                }
                _ => StoreError::Failed(format!("{text} {}", error.constraint().unwrap_or_default())),
            }
        }
        Error::Io(error) => StoreError::Unavailable(format!("connection: {error}")),
        Error::Tls(error) => StoreError::Unavailable(format!("TLS: {error}")),
        Error::Protocol(_) => StoreError::Unavailable("an answer out of turn".to_owned()),
        _ => StoreError::Failed(error.to_string()),
    }
}

/// An explanation of the codes that an operator can act on (PostgreSQL's appendix A).
fn explain_code(code: &str) -> &'static str {
    match code {
        "28000" | "28P01" => " (user or password refused)",
        "3D000" => " (no such database)",
        "42501" => " (the user lacks a right)",
        "25006" => " (it is read-only)",
        "53300" => " (too many connections)",
        "57014" => " (the statement took too long)",
        "57P01" | "57P02" | "57P03" => " (it is stopping or starting)",
        _ => "",
    }
}

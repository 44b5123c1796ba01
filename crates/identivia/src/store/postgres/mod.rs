//! PostgreSQL: a pool of connections with deadlines. Any number of servers can share one database.

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

use super::sql::{self, Columns, Database, Dialect, Read, Records, Step, Tx, Value};
use super::{Result, StoreError};
use pool::Pool;

const MIGRATIONS: &[(&str, &str)] = &[
    ("0001_records", include_str!("../../../migrations/postgres/0001_records.sql")),
    ("0002_providers", include_str!("../../../migrations/postgres/0002_providers.sql")),
    ("0003_checks", include_str!("../../../migrations/postgres/0003_checks.sql")),
    ("0004_imprints", include_str!("../../../migrations/postgres/0004_imprints.sql")),
    ("0005_flow", include_str!("../../../migrations/postgres/0005_flow.sql")),
];
/// Names the advisory lock under which one server migrates while others wait: the letters of "identiv".
const MIGRATION_LOCK: i64 = 0x0069_6465_6e74_6976;
/// Names the advisory lock of a copy to a database, the letters of "idcopy"; and that which its connections share. A
/// killed copy's last step may still be under way when the next copy begins.
const COPY_LOCK: i64 = 0x6964_636f_7079;
const COPY_WRITES: i64 = COPY_LOCK + 1;
/// What a session is told at its start, in milliseconds. A statement ends before its caller gives up, so that it ends at
/// the server too; a transaction whose caller cannot be heard any more lets go of its locks.
const SESSION: [(&str, &str); 3] =
    [("statement_timeout", "8000"), ("idle_in_transaction_session_timeout", "15000"), ("client_min_messages", "error")];
/// How long the first connection may take.
const START: Duration = Duration::from_secs(10);
/// Prepared statements kept for each connection: more than there are statements.
const STATEMENTS: usize = 128;

/// A database behind a pool.
#[derive(Clone)]
pub struct Postgres {
    pool: Arc<Pool>,
}

impl Postgres {
    /// Connects to a database and migrates it as needed.
    ///
    /// # Errors
    /// When it cannot be reached or is no database of ours. The text holds neither the URL nor its password.
    pub async fn open(url: &str, connections: u32) -> anyhow::Result<Records<Self>> {
        let options = options(url)?;
        migrate(&mut first_connection(&options).await?).await.context("the database cannot be prepared")?;
        Ok(Records { database: Self { pool: Pool::new(options, connections) } })
    }

    /// Connects to a database that is only to be read.
    ///
    /// # Errors
    /// When it cannot be reached, or has never been used by this program.
    pub async fn open_to_read(url: &str) -> anyhow::Result<Records<Self>> {
        let options = options(url)?.options([("default_transaction_read_only", "on")]);
        let mut connection = first_connection(&options).await?;
        let applied = sqlx::query_scalar::<_, String>("select name from migrations").fetch_all(&mut connection).await;
        let applied = applied.map_err(|_| anyhow::anyhow!("the database holds no records of this program"))?;
        sql::refuse_newer(applied.iter().map(String::as_str), MIGRATIONS)?;
        ensure!(applied.len() == MIGRATIONS.len(), "it is of an older version; start this one on it once");
        Ok(Records { database: Self { pool: Pool::new(options, 2) } })
    }

    /// Connects to a database that is copied to, migrates it, and keeps other copies out while the lock is held.
    ///
    /// # Errors
    /// When it cannot be reached or is no database of ours, or another copy to it is under way.
    pub async fn open_for_copy(url: &str, connections: u32) -> anyhow::Result<(Records<Self>, CopyLock)> {
        let options = options(url)?;
        let lock = CopyLock::take(&options).await?;
        migrate(&mut first_connection(&options).await?).await.context("the database cannot be prepared")?;
        let shared = format!("select pg_advisory_lock_shared({COPY_WRITES})");
        let pool = Pool::greeting(options, connections, Some(shared));
        Ok((Records { database: Self { pool } }, lock))
    }

    async fn query<T>(&self, statement: &str, values: &[Value<'_>], read: Read<T>) -> Result<Vec<T>> {
        self.pool
            .run(async |connection| {
                let rows = connection.fetch_all(bound(statement, values)?).await;
                rows.map_err(|error| store_error(&error))?.iter().map(|row| read(row)).collect()
            })
            .await
    }
}

/// A database held for a copy.
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
                "select pg_advisory_lock({COPY_LOCK}); select pg_advisory_lock({COPY_WRITES}); \
                select pg_advisory_unlock({COPY_WRITES})"
            );
            connection.execute(AssertSqlSafe(steps)).await?;
            Ok(Self { _connection: connection })
        };
        taken.await.map_err(|error: sqlx::Error| match store_error(&error) {
            StoreError::Busy => anyhow::anyhow!("another copy to this database is under way"),
            error => anyhow::anyhow!(error),
        })
    }
}

/// Says whether two URLs lead to one database, by host, port and name.
#[must_use]
pub fn is_same(one: &str, other: &str) -> bool {
    let place = |url: &str| {
        let options: PgConnectOptions = url.parse().ok()?;
        let database = options.get_database().unwrap_or(options.get_username()).to_owned();
        Some((options.get_host().to_owned(), options.get_port(), options.get_socket().cloned(), database))
    };
    place(one).is_some_and(|one| place(other) == Some(one))
}

fn options(url: &str) -> anyhow::Result<PgConnectOptions> {
    // What the library says of a URL, in its errors and in the log, may quote it, and with it the password.
    let parsed: std::result::Result<PgConnectOptions, _> = with_default(NoSubscriber::default(), || url.parse());
    let options =
        parsed.map_err(|_| anyhow::anyhow!("must be a URL such as postgres://user:password@host/database"))?;
    // The library leaves the brackets on that a URL puts around an IPv6 address, and then finds no such host.
    let host = options.get_host().trim_matches(['[', ']']).to_owned();
    Ok(options
        .host(&host)
        .application_name("identivia")
        .statement_cache_capacity(STATEMENTS)
        .disable_statement_logging()
        .options(SESSION))
}

async fn first_connection(options: &PgConnectOptions) -> anyhow::Result<PgConnection> {
    match timeout(START, PgConnection::connect_with(options)).await {
        Ok(connection) => Ok(connection.map_err(|error| store_error(&error))?),
        Err(_) => anyhow::bail!("no answer within {} s", START.as_secs()),
    }
}

/// Brings the tables up to date. Servers that start together take turns, and all but the first find nothing to do.
async fn migrate(connection: &mut PgConnection) -> anyhow::Result<()> {
    let failed = |error| store_error(&error);
    let encoding: String =
        sqlx::query_scalar("show server_encoding").fetch_one(&mut *connection).await.map_err(failed)?;
    ensure!(encoding == "UTF8", "its encoding is {encoding}; make it with the encoding UTF8");
    let mut step = connection.begin().await.map_err(failed)?;
    // Whoever waits for its turn waits for as long as the other's migration takes.
    step.execute("set local statement_timeout = 0").await.map_err(failed)?;
    let lock = sqlx::query("select pg_advisory_xact_lock($1)").bind(MIGRATION_LOCK);
    lock.execute(&mut *step).await.map_err(failed)?;
    step.execute("create table if not exists migrations (name text primary key)").await.map_err(failed)?;
    let applied = sqlx::query_scalar("select name from migrations").fetch_all(&mut *step).await;
    let applied: Vec<String> = applied.map_err(failed)?;
    sql::refuse_newer(applied.iter().map(String::as_str), MIGRATIONS)?;
    for (name, text) in MIGRATIONS.iter().filter(|(name, _)| !applied.iter().any(|done| done == name)) {
        step.execute(*text).await.map_err(failed)?;
        let note = sqlx::query("insert into migrations (name) values ($1)").bind(*name);
        note.execute(&mut *step).await.map_err(failed)?;
    }
    Ok(step.commit().await.map_err(failed)?)
}

impl Database for Postgres {
    const DIALECT: Dialect = sql::POSTGRES;

    async fn rows<T: Send>(&self, statement: &'static str, values: &[Value<'_>], read: Read<T>) -> Result<Vec<T>> {
        self.query(statement, values, read).await
    }

    async fn search<T: Send + 'static>(
        &self,
        statement: String,
        values: Vec<Value<'static>>,
        read: Read<T>,
    ) -> Result<Vec<T>> {
        self.query(&statement, &values, read).await
    }

    /// In a task of its own, as below.
    async fn write_one<T: Send + 'static>(
        &self,
        statement: String,
        values: Vec<Value<'static>>,
        read: Read<T>,
    ) -> Result<Vec<T>> {
        let database = self.clone();
        finished(tokio::spawn(async move { database.query(&statement, &values, read).await })).await
    }

    /// In a task of its own: a request that is given up does not leave a transaction half way.
    async fn write<T: Send + 'static>(&self, step: Step<T>) -> Result<T> {
        let database = self.clone();
        finished(tokio::spawn(async move {
            let failed = |error| store_error(&error);
            let work = async |connection: &mut PgConnection| {
                let mut transaction = connection.begin().await.map_err(failed)?;
                let outcome = step(&mut Transaction(&mut transaction)).await;
                let ended = if outcome.is_ok() { transaction.commit().await } else { transaction.rollback().await };
                ended.map_err(failed).and(outcome)
            };
            database.pool.run(work).await
        }))
        .await
    }

    async fn ready(&self) -> Result<()> {
        self.query("select 1 from settings limit 1", &[], |_| Ok(())).await.map(drop)
    }
}

async fn finished<T>(task: tokio::task::JoinHandle<Result<T>>) -> Result<T> {
    task.await.unwrap_or_else(|error| Err(StoreError::Failed(error.to_string())))
}

struct Transaction<'c>(&'c mut PgConnection);

impl Tx for Transaction<'_> {
    fn execute<'a>(&'a mut self, statement: &'a str, values: &'a [Value<'a>]) -> BoxFuture<'a, Result<u64>> {
        async move {
            let done = self.0.execute(bound(statement, values)?).await;
            done.map(|done| done.rows_affected()).map_err(|error| store_error(&error))
        }
        .boxed()
    }

    fn fetch<'a>(
        &'a mut self,
        statement: &'a str,
        values: &'a [Value<'a>],
        take: &'a mut (dyn FnMut(&dyn Columns) -> Result<()> + Send),
    ) -> BoxFuture<'a, Result<()>> {
        async move {
            let rows = self.0.fetch_all(bound(statement, values)?).await;
            rows.map_err(|error| store_error(&error))?.iter().try_for_each(|row| take(row))
        }
        .boxed()
    }
}

/// A statement with its values. The texts are ours: nothing that was sent is ever part of one.
fn bound(statement: &str, values: &[Value<'_>]) -> Result<sqlx::query::Query<'static, sqlx::Postgres, PgArguments>> {
    let mut arguments = PgArguments::default();
    for value in values {
        let added = match value {
            Value::Text(text) => arguments.add(text.as_ref()),
            Value::MaybeText(text) => arguments.add(text.as_deref()),
            Value::Number(number) => arguments.add(*number),
            Value::MaybeReal(real) => arguments.add(*real),
        };
        added.map_err(|error| StoreError::Failed(error.to_string()))?;
    }
    Ok(sqlx::query_with(AssertSqlSafe(statement.to_owned()), arguments))
}

impl Columns for PgRow {
    fn text(&self, column: usize) -> Result<String> {
        self.try_get(column).map_err(|error| store_error(&error))
    }

    fn maybe_text(&self, column: usize) -> Result<Option<String>> {
        self.try_get(column).map_err(|error| store_error(&error))
    }

    fn number(&self, column: usize) -> Result<i64> {
        self.try_get(column).map_err(|error| store_error(&error))
    }

    fn maybe_real(&self, column: usize) -> Result<Option<f64>> {
        self.try_get(column).map_err(|error| store_error(&error))
    }
}

/// What an error means for the caller. The server's own text may quote values (`Key (user_id)=(…)`), so only its code is
/// kept, with the name of the constraint.
fn store_error(error: &sqlx::Error) -> StoreError {
    use sqlx::Error;
    match error {
        Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            let text = format!("PostgreSQL answered {code}{}", meaning(&code));
            match code.as_ref() {
                "53100" => StoreError::Full,
                // Locks, deadlocks and serialisation: the same step works a moment later.
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

/// The codes that an operator can do something about (PostgreSQL's appendix A).
fn meaning(code: &str) -> &'static str {
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

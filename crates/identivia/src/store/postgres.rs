//! PostgreSQL: a pool of connections with deadlines. Any number of servers can share one database.

use std::time::Duration;

use anyhow::Context as _;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgPoolOptions, PgRow};
use sqlx::{Arguments as _, AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgPool, Row as _};
use tokio::time::timeout;

use super::sql::{self, Columns, Database, Dialect, Read, Records, Step, Tx, Value};
use super::{Result, StoreError};

const MIGRATIONS: &[(&str, &str)] = &[("0001_records", include_str!("../../migrations/postgres/0001_records.sql"))];
/// Names the advisory lock under which one server migrates while others wait: the letters of "identiv".
const MIGRATION_LOCK: i64 = 0x0069_6465_6e74_6976;
/// How long a caller waits for a free connection, or for a new one to be made.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a step or a query may take, waiting for locks included. Past it the connection is given up: whoever holds
/// up the answer may hold up the next one too.
const DEADLINE: Duration = Duration::from_secs(10);
/// A connection that has lain idle for longer is tried before it is used: the server may have gone meanwhile.
const TRIED_AFTER: Duration = Duration::from_secs(1);
/// Prepared statements kept for each connection: more than there are statements.
const STATEMENTS: usize = 128;

/// A database behind a pool.
#[derive(Clone)]
pub struct Postgres {
    pool: PgPool,
}

impl Postgres {
    /// Connects to a database and migrates it as needed.
    ///
    /// # Errors
    /// When it cannot be reached or is no database of ours. The text holds neither the URL nor its password.
    pub async fn open(url: &str, connections: u32) -> anyhow::Result<Records<Self>> {
        let pool = pool(options(url)?, connections).await?;
        migrate(&pool).await.context("the database cannot be prepared")?;
        Ok(Records { database: Self { pool } })
    }

    /// Connects to a database that is only to be read.
    ///
    /// # Errors
    /// When it cannot be reached, or has never been used by this program.
    pub async fn open_to_read(url: &str) -> anyhow::Result<Records<Self>> {
        let options = options(url)?.options([("default_transaction_read_only", "on")]);
        let pool = pool(options, 2).await?;
        let applied = sqlx::query_scalar::<_, String>("select name from migrations").fetch_all(&pool).await;
        let applied = applied.context("the database holds no records of this program")?;
        sql::refuse_newer(applied.iter().map(String::as_str), MIGRATIONS)?;
        Ok(Records { database: Self { pool } })
    }

    async fn connection(&self) -> Result<PoolConnection<sqlx::Postgres>> {
        self.pool.acquire().await.map_err(|error| store_error(&error))
    }

    /// Runs work on a connection within the deadline. A connection that did not answer in time is closed.
    async fn within_deadline<T>(
        &self,
        mut connection: PoolConnection<sqlx::Postgres>,
        work: impl AsyncFnOnce(&mut PgConnection) -> Result<T>,
    ) -> Result<T> {
        let outcome = timeout(DEADLINE, work(&mut connection)).await;
        outcome.unwrap_or_else(|_| {
            drop(connection.detach());
            Err(StoreError::Unavailable(format!("no answer within {} s", DEADLINE.as_secs())))
        })
    }

    async fn query<T>(&self, statement: &str, values: &[Value<'_>], read: Read<T>) -> Result<Vec<T>> {
        let connection = self.connection().await?;
        self.within_deadline(connection, async |connection| {
            let rows = connection.fetch_all(bound(statement, values)?).await;
            rows.map_err(|error| store_error(&error))?.iter().map(|row| read(row)).collect()
        })
        .await
    }
}

fn options(url: &str) -> anyhow::Result<PgConnectOptions> {
    // The library's text may quote the URL, and with it the password.
    let options: PgConnectOptions =
        url.parse().map_err(|_| anyhow::anyhow!("must be a URL such as postgres://user:password@host/database"))?;
    let milliseconds = DEADLINE.as_millis().to_string();
    Ok(options
        .application_name("identivia")
        .statement_cache_capacity(STATEMENTS)
        .disable_statement_logging()
        .options([("statement_timeout", milliseconds.as_str()), ("idle_in_transaction_session_timeout", "30000")]))
}

async fn pool(options: PgConnectOptions, connections: u32) -> anyhow::Result<PgPool> {
    let pool = PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > TRIED_AFTER {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_with(options)
        .await;
    pool.map_err(|error| anyhow::anyhow!(store_error(&error)))
}

/// Brings the tables up to date. Servers that start together take turns, and all but the first find nothing to do.
async fn migrate(pool: &PgPool) -> anyhow::Result<()> {
    let mut step = pool.begin().await?;
    // Whoever waits for its turn waits for as long as the other's migration takes.
    step.execute("set local statement_timeout = 0").await?;
    sqlx::query("select pg_advisory_xact_lock($1)").bind(MIGRATION_LOCK).execute(&mut *step).await?;
    step.execute("create table if not exists migrations (name text primary key)").await?;
    let applied: Vec<String> = sqlx::query_scalar("select name from migrations").fetch_all(&mut *step).await?;
    sql::refuse_newer(applied.iter().map(String::as_str), MIGRATIONS)?;
    for (name, text) in MIGRATIONS.iter().filter(|(name, _)| !applied.iter().any(|done| done == name)) {
        step.execute(*text).await?;
        sqlx::query("insert into migrations (name) values ($1)").bind(*name).execute(&mut *step).await?;
    }
    step.commit().await?;
    Ok(())
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
            let connection = database.connection().await?;
            let work = async |connection: &mut PgConnection| {
                let failed = |error| store_error(&error);
                let mut transaction = connection.begin().await.map_err(failed)?;
                let outcome = step(&mut Transaction(&mut transaction)).await?;
                transaction.commit().await.map_err(failed)?;
                Ok(outcome)
            };
            database.within_deadline(connection, work).await
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
            let text = format!("PostgreSQL answered {code} {}", error.constraint().unwrap_or_default());
            match code.as_ref() {
                "53100" => StoreError::Full,
                // Locks, deadlocks and serialisation: the same step works a moment later.
                "40001" | "40P01" | "55P03" => StoreError::Busy,
                // Connections, resources, operators at work, a standby, system errors, sign-in, the database's name.
                _ if ["08", "25", "28", "3D", "53", "57", "58"].iter().any(|class| code.starts_with(class)) => {
                    StoreError::Unavailable(text)
                }
                _ => StoreError::Failed(text),
            }
        }
        Error::PoolTimedOut => StoreError::Unavailable("no connection within 5 s".to_owned()),
        Error::Io(error) => StoreError::Unavailable(format!("connection: {error}")),
        Error::Tls(error) => StoreError::Unavailable(format!("TLS: {error}")),
        Error::PoolClosed | Error::WorkerCrashed | Error::Protocol(_) => StoreError::Unavailable(error.to_string()),
        _ => StoreError::Failed(error.to_string()),
    }
}

//! The pool of connections to PostgreSQL: a fixed maximum, idle ones for the next caller, failed ones closed at once.
//!
//! The library has a pool too, but it returns a connection only after one more question to the server, without a deadline:
//! while a network hangs, its permits are used up by connections that wait for that answer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use super::to_store_error;
use crate::store::{PoolUsage, Result, StoreError};

/// How long a caller waits for a connection to become free.
const BORROW_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a caller waits in all: for a connection, for locks and for the answer.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);
/// A connection that was idle for longer is pinged before it is used: the server may be gone.
const PING_AFTER_IDLE: Duration = Duration::from_secs(1);
/// How long such a ping may take.
const PING_TIMEOUT: Duration = Duration::from_secs(2);
/// A connection that was idle for longer is closed.
const MAX_IDLE: Duration = Duration::from_secs(600);
/// How long a connection is used. Its successor resolves the server's name again.
const MAX_LIFETIME: Duration = Duration::from_secs(1_800);

/// A number of permits, each for one connection, and the idle connections.
pub(super) struct Pool {
    options: PgConnectOptions,
    /// What each new connection runs first.
    first_statement: Option<String>,
    permits: Arc<Semaphore>,
    limit: usize,
    idle: Mutex<Vec<PooledConnection>>,
}

/// A connection with its age.
struct PooledConnection {
    connection: PgConnection,
    opened: Instant,
    idle_since: Instant,
}

impl Pool {
    pub(super) fn new(options: PgConnectOptions, most: u32) -> Arc<Self> {
        Self::with_first_statement(options, most, None)
    }

    /// A pool whose new connections each run a statement first.
    pub(super) fn with_first_statement(
        options: PgConnectOptions,
        most: u32,
        first_statement: Option<String>,
    ) -> Arc<Self> {
        let permits = Arc::new(Semaphore::new(most as usize));
        Arc::new(Self { options, first_statement, permits, limit: most as usize, idle: Mutex::default() })
    }

    /// Runs work on a connection within the deadline. After an error that the connection may have caused, it is closed: it
    /// may delay the next answer too.
    pub(super) async fn run<T>(self: &Arc<Self>, work: impl AsyncFnOnce(&mut PgConnection) -> Result<T>) -> Result<T> {
        let deadline = Instant::now() + DEADLINE;
        let mut borrowed = self.borrow_connection().await?;
        let answered = timeout_at(deadline, async { work(borrowed.open().await?).await }).await;
        let outcome = answered.unwrap_or_else(|_| Err(timeout_error("no answer", DEADLINE)));
        match outcome {
            Err(StoreError::Unavailable(_)) => borrowed.close(),
            _ => borrowed.give_back(),
        }
        outcome
    }

    /// How many connections are in use.
    pub(super) fn usage(&self) -> PoolUsage {
        PoolUsage { limit: self.limit, in_use: self.limit.saturating_sub(self.permits.available_permits()) }
    }

    async fn borrow_connection(self: &Arc<Self>) -> Result<BorrowedConnection> {
        match timeout(BORROW_TIMEOUT, self.permits.clone().acquire_owned()).await {
            Ok(Ok(permit)) => Ok(BorrowedConnection { pool: self.clone(), lent: None, permit: Some(permit) }),
            _ => Err(timeout_error("no connection was free", BORROW_TIMEOUT)),
        }
    }

    async fn find_or_open_connection(&self) -> Result<PooledConnection> {
        while let Some(mut idle) = self.pop_newest_idle() {
            if idle.idle_since.elapsed() < PING_AFTER_IDLE || answers_ping(&mut idle.connection, PING_TIMEOUT).await {
                return Ok(idle);
            }
            // The cause is probably the server: the other connections have met it too.
            self.lock_idle().clear();
        }
        let failed = |error| to_store_error(&error);
        let mut connection = PgConnection::connect_with(&self.options).await.map_err(failed)?;
        if let Some(statement) = &self.first_statement {
            connection.execute(AssertSqlSafe(statement.clone())).await.map_err(failed)?;
        }
        Ok(PooledConnection { connection, opened: Instant::now(), idle_since: Instant::now() })
    }

    fn pop_newest_idle(&self) -> Option<PooledConnection> {
        let mut idle = self.lock_idle();
        idle.retain(|idle| idle.opened.elapsed() < MAX_LIFETIME && idle.idle_since.elapsed() < MAX_IDLE);
        idle.pop()
    }

    fn lock_idle(&self) -> MutexGuard<'_, Vec<PooledConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push_idle(&self, connection: PooledConnection) {
        self.lock_idle().push(PooledConnection { idle_since: Instant::now(), ..connection });
    }
}

/// Pings the server, behind everything that the connection has yet to answer.
async fn answers_ping(connection: &mut PgConnection, within: Duration) -> bool {
    matches!(timeout(within, connection.ping()).await, Ok(Ok(())))
}

fn timeout_error(problem: &str, after: Duration) -> StoreError {
    StoreError::Unavailable(format!("{problem} within {} s", after.as_secs()))
}

/// A permit, and the connection that is used with it.
struct BorrowedConnection {
    pool: Arc<Pool>,
    lent: Option<PooledConnection>,
    permit: Option<OwnedSemaphorePermit>,
}

impl BorrowedConnection {
    async fn open(&mut self) -> Result<&mut PgConnection> {
        let connection = self.pool.find_or_open_connection().await?;
        Ok(&mut self.lent.insert(connection).connection)
    }

    fn close(mut self) {
        self.lent = None;
    }

    fn give_back(mut self) {
        if let Some(connection) = self.lent.take() {
            self.pool.push_idle(connection);
        }
    }
}

/// The query of a cancelled request runs on at the server. Its connection keeps its permit until then, so that many
/// cancelled requests do not become more queries at a time than there are permits.
impl Drop for BorrowedConnection {
    fn drop(&mut self) {
        let (Some(mut lent), Ok(runtime)) = (self.lent.take(), Handle::try_current()) else { return };
        let (pool, permit) = (self.pool.clone(), self.permit.take());
        runtime.spawn(async move {
            if answers_ping(&mut lent.connection, DEADLINE).await {
                pool.push_idle(lent);
            }
            drop(permit);
        });
    }
}

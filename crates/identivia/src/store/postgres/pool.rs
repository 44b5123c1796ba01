//! Connections to PostgreSQL: so many at most, kept for the next caller, given up as soon as one has failed.
//!
//! The library has a pool too, but its connections come back only after one more question to the server, without a
//! deadline: while a network hangs, its places fill with connections that wait for that answer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use super::store_error;
use crate::store::{Result, StoreError};

/// How long a caller waits for a connection to become free.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a caller waits in all: for a connection, for locks and for the answer.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);
/// A connection that has lain idle for longer is tried before it is used: the server may have gone meanwhile.
const TRIED_AFTER: Duration = Duration::from_secs(1);
/// How long such a trial may take.
const TRIAL: Duration = Duration::from_secs(2);
/// A connection that has not been needed for so long is closed.
const KEPT_IDLE: Duration = Duration::from_secs(600);
/// How long a connection is used: then a name that leads to another server by now is looked up again.
const LIFETIME: Duration = Duration::from_secs(1_800);

/// A number of places, each of which holds a connection while somebody uses it.
pub(super) struct Pool {
    options: PgConnectOptions,
    /// What a new connection is told first.
    greeting: Option<String>,
    places: Arc<Semaphore>,
    idle: Mutex<Vec<Idle>>,
}

/// A connection that is ready for the next caller.
struct Idle {
    connection: PgConnection,
    made: Instant,
    since: Instant,
}

impl Pool {
    pub(super) fn new(options: PgConnectOptions, most: u32) -> Arc<Self> {
        Self::greeting(options, most, None)
    }

    /// A pool whose new connections are told something first.
    pub(super) fn greeting(options: PgConnectOptions, most: u32, greeting: Option<String>) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(most as usize));
        Arc::new(Self { options, greeting, places, idle: Mutex::default() })
    }

    /// Runs work on a connection within the deadline. After anything that may be the connection's fault it is closed:
    /// whoever holds up one answer may hold up the next one too.
    pub(super) async fn run<T>(self: &Arc<Self>, work: impl AsyncFnOnce(&mut PgConnection) -> Result<T>) -> Result<T> {
        let deadline = Instant::now() + DEADLINE;
        let mut borrowed = self.borrowed().await?;
        let answered = timeout_at(deadline, async { work(borrowed.connected().await?).await }).await;
        let outcome = answered.unwrap_or_else(|_| Err(late("no answer", DEADLINE)));
        match outcome {
            Err(StoreError::Unavailable(_)) => borrowed.close(),
            _ => borrowed.give_back(),
        }
        outcome
    }

    async fn borrowed(self: &Arc<Self>) -> Result<Borrowed> {
        match timeout(PATIENCE, self.places.clone().acquire_owned()).await {
            Ok(Ok(place)) => Ok(Borrowed { pool: self.clone(), lent: None, place: Some(place) }),
            _ => Err(late("no connection was free", PATIENCE)),
        }
    }

    async fn connection(&self) -> Result<Idle> {
        while let Some(mut idle) = self.newest_idle() {
            if idle.since.elapsed() < TRIED_AFTER || is_well(&mut idle.connection, TRIAL).await {
                return Ok(idle);
            }
            // What one has met, the others have met too.
            self.idle().clear();
        }
        let failed = |error| store_error(&error);
        let mut connection = PgConnection::connect_with(&self.options).await.map_err(failed)?;
        if let Some(greeting) = &self.greeting {
            connection.execute(AssertSqlSafe(greeting.clone())).await.map_err(failed)?;
        }
        Ok(Idle { connection, made: Instant::now(), since: Instant::now() })
    }

    fn newest_idle(&self) -> Option<Idle> {
        let mut idle = self.idle();
        idle.retain(|idle| idle.made.elapsed() < LIFETIME && idle.since.elapsed() < KEPT_IDLE);
        idle.pop()
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, idle: Idle) {
        self.idle().push(Idle { since: Instant::now(), ..idle });
    }
}

/// Asks for a sign of life, behind whatever the connection was still to answer.
async fn is_well(connection: &mut PgConnection, within: Duration) -> bool {
    matches!(timeout(within, connection.ping()).await, Ok(Ok(())))
}

fn late(what: &str, after: Duration) -> StoreError {
    StoreError::Unavailable(format!("{what} within {} s", after.as_secs()))
}

/// A place, and the connection that is used there.
struct Borrowed {
    pool: Arc<Pool>,
    lent: Option<Idle>,
    place: Option<OwnedSemaphorePermit>,
}

impl Borrowed {
    async fn connected(&mut self) -> Result<&mut PgConnection> {
        let idle = self.pool.connection().await?;
        Ok(&mut self.lent.insert(idle).connection)
    }

    fn close(mut self) {
        self.lent = None;
    }

    fn give_back(mut self) {
        if let Some(idle) = self.lent.take() {
            self.pool.keep(idle);
        }
    }
}

/// A query that nobody waits for any more runs on at the server. Its connection keeps its place until then, so that
/// requests given up by the dozen do not become more queries at a time than there are places.
impl Drop for Borrowed {
    fn drop(&mut self) {
        let (Some(mut idle), Ok(runtime)) = (self.lent.take(), Handle::try_current()) else { return };
        let (pool, place) = (self.pool.clone(), self.place.take());
        runtime.spawn(async move {
            if is_well(&mut idle.connection, DEADLINE).await {
                pool.keep(idle);
            }
            drop(place);
        });
    }
}

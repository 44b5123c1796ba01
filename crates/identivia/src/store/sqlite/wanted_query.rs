//! Ends an abandoned query: its caller has gone, or its time is up.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, InterruptHandle};

use crate::store::{Result, StoreError};

/// A query with a waiting caller. Dropping this ends it.
#[derive(Default)]
pub(super) struct WantedQuery(SharedQuery);

/// The same as the thread sees it that runs the query.
#[derive(Clone, Default)]
pub(super) struct SharedQuery(Arc<Mutex<QueryState>>);

#[derive(Default)]
enum QueryState {
    #[default]
    NotRunning,
    Running(InterruptHandle),
    Unwanted,
}

/// A query that runs on a connection. While this exists it can be interrupted; the connection's next query cannot.
pub(super) struct RunningQuery<'q>(&'q SharedQuery);

impl WantedQuery {
    /// The handle for the thread that runs it.
    pub(super) fn share(&self) -> SharedQuery {
        self.0.clone()
    }
}

impl SharedQuery {
    /// Notes that the query begins on that connection.
    ///
    /// # Errors
    /// When its caller has gone.
    pub(super) fn begin_query(&self, connection: &Connection) -> Result<RunningQuery<'_>> {
        let mut state = self.lock_state();
        if matches!(*state, QueryState::Unwanted) {
            return Err(StoreError::Busy);
        }
        *state = QueryState::Running(connection.get_interrupt_handle());
        Ok(RunningQuery(self))
    }

    fn lock_state(&self) -> MutexGuard<'_, QueryState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for WantedQuery {
    fn drop(&mut self) {
        // The lock is held meanwhile: the query that is interrupted is this one.
        let mut state = self.0.lock_state();
        if let QueryState::Running(handle) = &*state {
            handle.interrupt();
        }
        *state = QueryState::Unwanted;
    }
}

impl Drop for RunningQuery<'_> {
    fn drop(&mut self) {
        *self.0.lock_state() = QueryState::NotRunning;
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::super::Sqlite;
    use super::*;
    use crate::store::sql::{Database as _, SqlRow};

    /// Counts for longer than the test waits. It ends at last: a test that fails must end too.
    const LONG_COUNT: &str =
        "with recursive n(i) as (select 1 union all select i + 1 from n limit 100000000) select count(*) as c from n";

    #[tokio::test]
    async fn query_that_nobody_waits_for_ends_and_its_connection_is_used_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(folder.path()).unwrap();
        let read_row = |row: &dyn SqlRow| row.number_named("c");
        let count = store.database.read_many(LONG_COUNT.to_owned(), Vec::new(), read_row);
        assert!(tokio::time::timeout(Duration::from_millis(200), count).await.is_err());
        let begun = Instant::now();
        while store.database.readers.idle.lock().unwrap().is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(8), "the query goes on");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let found = store.database.read_many("select 7 as c".to_owned(), Vec::new(), read_row).await.unwrap();
        assert_eq!(found, [7]);
    }

    #[test]
    fn query_that_has_not_begun_does_not_begin() {
        let wanted = WantedQuery::default();
        let shared = wanted.share();
        drop(wanted);
        assert!(shared.begin_query(&Connection::open_in_memory().unwrap()).is_err());
    }
}

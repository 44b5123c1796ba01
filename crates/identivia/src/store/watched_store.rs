//! A store whose outages are logged once, and whose operations are measured.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;

use super::{
    Commit, CommitOutcome, FileStoreChange, KnownFileStore, PoolUsage, ProfileIdentity, Query, Result, Store,
    StoreError, StoredRecord, WindowCount,
};
use crate::availability::Availability;
use crate::records::RecordKind;
use crate::records::time::Millis;

/// The operations of a store, as metrics label them.
#[derive(Clone, Copy)]
enum Operation {
    Read,
    Commit,
    Probe,
}

impl Operation {
    const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Commit => "commit",
            Self::Probe => "probe",
        }
    }
}

/// Counts an operation that waits or runs, until this is dropped.
struct PendingOperation(Operation);

impl PendingOperation {
    fn start(operation: Operation) -> Self {
        metrics::gauge!("identivia_store_pending", "operation" => operation.word()).increment(1.0);
        Self(operation)
    }
}

impl Drop for PendingOperation {
    fn drop(&mut self) {
        metrics::gauge!("identivia_store_pending", "operation" => self.0.word()).decrement(1.0);
    }
}

/// A store behind measurements.
pub struct WatchedStore {
    store: Arc<dyn Store>,
    availability: Availability,
}

impl WatchedStore {
    /// Watches a store. The name is that of its service in the log.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, service: &'static str) -> Arc<Self> {
        Arc::new(Self { store, availability: Availability::new(service) })
    }

    async fn watch<T>(&self, operation: Operation, work: impl Future<Output = Result<T>> + Send) -> Result<T> {
        let _pending = PendingOperation::start(operation);
        let started = Instant::now();
        let outcome = work.await;
        let took = started.elapsed().as_secs_f64();
        metrics::histogram!("identivia_store_seconds", "operation" => operation.word()).record(took);
        match &outcome {
            Err(error) if error.is_outage() => {
                metrics::counter!("identivia_store_failures_total", "operation" => operation.word()).increment(1);
                if matches!(error, StoreError::Broken) {
                    metrics::gauge!("identivia_store_broken").set(1.0);
                }
                self.availability.note_failure(error);
            }
            Ok(_) | Err(StoreError::Refused(_) | StoreError::BadCursor) => self.availability.note_success(),
            // A busy store says nothing of itself, and neither does a fault of ours.
            Err(_) => {}
        }
        outcome
    }
}

#[async_trait]
impl Store for WatchedStore {
    async fn read(&self, query: Query) -> Result<Vec<StoredRecord>> {
        self.watch(Operation::Read, self.store.read(query)).await
    }

    async fn commit(&self, commit: Commit) -> Result<CommitOutcome> {
        self.watch(Operation::Commit, self.store.commit(commit)).await
    }

    async fn count_in_window(&self, key: &str, now: Millis, seconds: i64) -> Result<Option<WindowCount>> {
        self.store.count_in_window(key, now, seconds).await
    }

    async fn profile_identity(&self, team: &str, user_id: &str, at: Millis) -> Result<ProfileIdentity> {
        self.store.profile_identity(team, user_id, at).await
    }

    async fn self_set_fields(&self, kind: RecordKind) -> Result<Vec<&'static str>> {
        self.store.self_set_fields(kind).await
    }

    async fn known_file_store(&self) -> Result<Option<KnownFileStore>> {
        self.store.known_file_store().await
    }

    async fn change_file_store(&self, change: FileStoreChange) -> Result<()> {
        self.store.change_file_store(change).await
    }

    fn keeps_reviews(&self) -> bool {
        self.store.keeps_reviews()
    }

    fn pool_usage(&self) -> Option<PoolUsage> {
        self.store.pool_usage()
    }

    async fn check_ready(&self) -> Result<()> {
        self.watch(Operation::Probe, self.store.check_ready()).await
    }
}

//! Where records are stored: [`Store::read`] and [`Store::commit`], and on top of them what is read and written of each
//! kind of record, once for all stores.
//!
//! `domain` says what is allowed. A rule that must hold at the moment of writing is a [`Condition`] of the commit: the
//! store checks it in the same step as the write and decides nothing itself.

mod analytics;
mod audit;
mod clients;
mod commit;
pub mod console;
mod deciders;
mod decisions;
pub mod document_readings;
mod file_intents;
mod file_store;
mod handoffs;
mod idempotency_keys;
mod keyed_store;
mod liveness_frames;
mod liveness_sessions;
mod outbox;
pub mod pocketbase;
pub mod postgres;
mod profiles;
mod query;
mod record_checks;
mod review_decisions;
mod reviews;
mod search;
mod settings;
mod sql;
pub mod sqlite;
mod statuses;
mod verifications;
mod watched_store;
mod webhook_deliveries;
mod webhook_endpoints;

use async_trait::async_trait;
use serde::de::DeserializeOwned;

use crate::records::time::Millis;
use crate::records::{FieldMap, Record, RecordKind};

pub use crate::records::Collection;
pub use crate::records::file_intent::FileIntent;

pub use crate::domain::profile::Reach;
pub use analytics::CountedChanges;
pub use audit::AuditFilter;
use commit::fields_of;
pub(crate) use commit::newest_record_fields;
pub use commit::{
    Change, Commit, CommitOutcome, Condition, HolderQuota, IfExists, Refusal, StagedFile, UploadedFiles, WriteOutcome,
};
pub use file_store::{FileStoreChange, KnownFileStore};
pub use keyed_store::{KeyedStore, KeyedWork, WorkState};
pub use liveness_sessions::SessionStart;
pub(crate) use liveness_sessions::derived_id;
pub use outbox::EventFilter;
pub use profiles::{CreatedProfile, ProfileWithEvidence};
pub use query::{Comparison, Filter, Order, Page, PageRequest, Query, StoredRecord};
pub use record_checks::CompletedChecks;
pub use review_decisions::ReviewDecision;
pub use reviews::MadeBetween;
pub use watched_store::WatchedStore;
pub use webhook_deliveries::DeliveryFilter;
pub use webhook_endpoints::MAX_ENDPOINTS;

/// Why a step did not happen. Nothing of it was stored.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database is locked or its queue is full: try again.
    #[error("the database is busy")]
    Busy,
    /// The store cannot be reached, does not answer in time or refuses this server: try again later.
    #[error("the store does not answer: {0}")]
    Unavailable(String),
    /// No room left. Heals when room is made.
    #[error("the database's disk is full")]
    Full,
    /// A sync to disk failed. No write is acknowledged until a restart has read back what is on disk.
    #[error("a write to the database's disk failed; restart once the disk is well")]
    Broken,
    /// What was sent does not fit the store's own rules: why, without what was sent.
    #[error("{0}")]
    Refused(String),
    /// A cursor that this store did not hand out.
    #[error("the cursor is not one of ours")]
    BadCursor,
    #[error("{0}")]
    Failed(String),
}

impl StoreError {
    /// Says whether the store itself is out of order. [`WatchedStore`] logs each outage once.
    #[must_use]
    pub const fn is_outage(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Full | Self::Broken)
    }
}

/// Warns of work that the store has failed. An outage has a line of its own, so its consequences are debug lines.
macro_rules! warn_unless_outage {
    ($error:ident, $($line:tt)*) => {
        if $error.is_outage() {
            tracing::debug!(%$error, $($line)*);
        } else {
            tracing::warn!(%$error, $($line)*);
        }
    };
}
pub(crate) use warn_unless_outage;

pub(crate) type Result<T> = std::result::Result<T, StoreError>;

/// How far a database has been migrated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaState {
    /// There is no database yet, or it is empty.
    Missing,
    /// A start applies so many migrations.
    Outdated {
        missing: usize,
    },
    Current,
}

impl SchemaState {
    pub(crate) const fn of_counts(applied: usize, known: usize) -> Self {
        match known.saturating_sub(applied) {
            0 => Self::Current,
            missing => Self::Outdated { missing },
        }
    }
}

/// Under which condition a profile may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteCondition {
    Always,
    /// The profile is neither verified nor rejected.
    Undecided,
    /// The same, and the link has made no verification record since it was last asked to.
    Unsubmitted,
}

/// How often something has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowCount {
    /// Within the window that ends then.
    pub count: u32,
    pub ends: Millis,
}

/// A place that stores records.
///
/// SQLite and PostgreSQL check a commit's conditions within its transaction. PocketBase has no transaction that spans a
/// read and a write: it checks them just before the write, and only its unique indexes hold at the moment of writing.
#[async_trait]
pub trait Store: Send + Sync {
    /// Reads records by their columns.
    async fn read(&self, query: Query) -> Result<Vec<StoredRecord>>;

    /// Makes changes together or not at all. When this answers, they are durable.
    async fn commit(&self, commit: Commit) -> Result<CommitOutcome>;

    /// Counts an occurrence of `key` within a window of seconds, over all servers that share this store. `None`, as here:
    /// no other server shares it, and this process counts by itself.
    async fn count_in_window(&self, _key: &str, _now: Millis, _seconds: i64) -> Result<Option<WindowCount>> {
        Ok(None)
    }

    /// The id of a profile that is made at that time. A store without transactions derives it from team and userID, so that
    /// a request that comes twice finds its first profile.
    async fn profile_identity(&self, team: &str, user_id: &str, at: Millis) -> Result<ProfileIdentity>;

    /// The fields of a kind that the store sets itself at every write, even if a value is given.
    async fn self_set_fields(&self, _kind: RecordKind) -> Result<Vec<&'static str>> {
        Ok(Vec::new())
    }

    /// The file store that belongs to these records. `None` before the first start, and, as here, where files are stored
    /// within their records.
    async fn known_file_store(&self) -> Result<Option<KnownFileStore>> {
        Ok(None)
    }

    /// Changes what is known of the file store.
    async fn change_file_store(&self, _change: FileStoreChange) -> Result<()> {
        Ok(())
    }

    /// Says whether it has reviews: PocketBase without its batch API cannot give one to exactly one of two who claim it.
    fn keeps_reviews(&self) -> bool {
        true
    }

    /// How many connections to the database are in use; `None` where there is no pool.
    fn pool_usage(&self) -> Option<PoolUsage> {
        None
    }

    /// Says whether reads and writes work.
    async fn check_ready(&self) -> Result<()>;
}

/// The connections to a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolUsage {
    /// That may be open at once.
    pub limit: usize,
    pub in_use: usize,
}

/// Under which id and team a new profile is stored.
pub struct ProfileIdentity {
    pub id: crate::records::id::RecordId,
    pub team: String,
}

impl dyn Store + '_ {
    /// The one record with that key.
    pub(crate) async fn read_record<R: Record>(&self, key: &str) -> Result<Option<R>> {
        self.read_one(Query::by_key(R::KIND, key)).await
    }

    /// The first record of a query.
    pub(crate) async fn read_one<R: Record>(&self, query: Query) -> Result<Option<R>> {
        let stored = self.read(query.limited(1)).await?;
        stored.first().map(|stored| parse_record(&stored.json)).transpose()
    }

    /// All records of a query.
    pub(crate) async fn read_all<R: Record>(&self, query: Query) -> Result<Vec<R>> {
        self.read(query).await?.iter().map(|stored| parse_record(&stored.json)).collect()
    }

    /// One page of a query.
    pub(crate) async fn read_page<R: Record>(&self, query: Query, page: &PageRequest) -> Result<Page<R>> {
        // One more than the page holds tells whether there is another page.
        let query = Query { limit: page.limit + 1, after: page.cursor.clone(), ..query };
        let mut stored = self.read(query).await?;
        let has_more = stored.len() > page.limit;
        stored.truncate(page.limit);
        let next = stored.last().filter(|_| has_more).map(|last| last.cursor.clone());
        let items = stored.iter().map(|stored| parse_record(&stored.json)).collect::<Result<_>>()?;
        Ok(Page { items, next })
    }
}

/// Reads a record from a store's JSON. The error names the field, never a value.
pub(crate) fn parse_record<T: DeserializeOwned>(json: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|error| StoreError::Failed(malformed_record(&error)))
}

/// Reads a record from its fields.
pub(crate) fn record_from_fields<R: Record>(fields: FieldMap) -> Result<R> {
    fields.into_object().map_err(|error| StoreError::Failed(malformed_record(&error)))
}

fn malformed_record(error: &serde_json::Error) -> String {
    // serde's own text may quote the value.
    format!("a stored record has a field of another form (line {}, column {})", error.line(), error.column())
}

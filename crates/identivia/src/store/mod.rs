//! Where records are stored: [`Store::read`] and [`Store::commit`], and on top of them what is read and written of each
//! kind of record, once for all stores.
//!
//! `domain` says what is allowed. A rule that must hold at the moment of writing is a [`Condition`] of the commit: the
//! store checks it in the same step as the write and decides nothing itself.

mod audit;
mod file_intents;
mod handoffs;
mod liveness_frames;
mod liveness_sessions;
pub mod pocketbase;
pub mod postgres;
mod profiles;
mod record_checks;
mod settings;
mod sql;
pub mod sqlite;
mod statuses;
mod verifications;

use std::fs::File;

use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::records::time::Millis;
use crate::records::{FieldMap, Record, RecordKind, to_fields};

pub use crate::records::Collection;
pub use crate::records::file_intent::FileIntent;

pub use crate::domain::profile::Reach;
pub use liveness_sessions::SessionStart;
pub use profiles::{CreatedProfile, ProfileWithEvidence};
pub use record_checks::CompletedChecks;

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

pub(crate) type Result<T> = std::result::Result<T, StoreError>;

/// Why a commit was refused, though the store is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No such record within the caller's reach.
    Missing,
    /// The profile has been decided.
    Decided,
    /// The step does not follow from the profile's current status.
    Stale,
    /// The named verification record is not this profile's.
    UnknownVerification,
    /// The liveness session has already served a record.
    SessionUsed,
    /// The liveness session is another profile's.
    ForeignSession,
    /// The liveness session has a result already.
    SessionFinished,
    /// The code is another profile's already: draw another.
    CodeTaken,
    /// A record with the same unique value exists.
    AlreadyExists,
    /// Another caller changed the record first: read it again.
    Changed,
}

/// The outcome of a write: the record as it is stored now, or why nothing was changed.
pub type WriteOutcome<T> = std::result::Result<T, Refusal>;

/// Under which condition a profile may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteCondition {
    Always,
    /// The profile is neither verified nor rejected: the condition for every write with a flow token.
    Undecided,
}

// Reading

/// Selects records of one kind by their columns.
#[derive(Clone, Debug)]
pub struct Query {
    pub kind: RecordKind,
    /// All of them must hold.
    pub filters: Vec<Filter>,
    /// A text that one of the fields flagged `Searched` contains, in any case of A to Z.
    pub search: Option<String>,
    pub order: Order,
    pub limit: usize,
    /// Where the page before ended: a [`StoredRecord::cursor`].
    pub after: Option<String>,
    /// Also reads the record's newest verification record (profiles only).
    pub with_newest_verification: bool,
    /// Only the key is needed: the store may leave all other fields out.
    pub keys_only: bool,
}

/// A condition on one column.
#[derive(Clone, Debug)]
pub struct Filter {
    pub field: &'static str,
    pub comparison: Comparison,
}

/// How a field compares. `Value::Null` is an unknown value.
#[derive(Clone, Debug)]
pub enum Comparison {
    Is(Value),
    IsNot(Value),
    In(Vec<Value>),
    NotIn(Vec<Value>),
    After(Millis),
    Before(Millis),
    /// Not after: earlier or the same time.
    Until(Millis),
    /// The first of two fields that is known: this one, else that one, is the value.
    FirstKnownIs(&'static str, Value),
}

/// The order of a query's records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// In the order in which they were made, the last first.
    Newest,
    /// In the order in which they were made.
    Oldest,
    /// By a column, smallest first.
    Ascending(&'static str),
    /// By a column, largest first.
    Descending(&'static str),
}

/// A record as a store hands it out.
#[derive(Clone, Debug)]
pub struct StoredRecord {
    /// The record as JSON.
    pub json: String,
    /// Its place in the query's order, for the next page.
    pub cursor: String,
    /// The newest verification record as JSON, where the query asks for it and there is one.
    pub newest_verification: Option<String>,
}

/// One page of a list.
pub struct Page<T> {
    pub items: Vec<T>,
    /// Where the next page starts; `None` on the last.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// The same page of other items.
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(convert).collect(), next: self.next }
    }
}

/// Which page of a list is wanted.
#[derive(Clone, Debug)]
pub struct PageRequest {
    /// 1 to 100.
    pub limit: usize,
    /// What the page before gave as its `next`.
    pub cursor: Option<String>,
}

impl Query {
    /// All records of a kind, in the order in which they were made.
    #[must_use]
    pub fn of_kind(kind: RecordKind) -> Self {
        Self {
            kind,
            filters: Vec::new(),
            search: None,
            order: Order::Oldest,
            limit: usize::MAX,
            after: None,
            with_newest_verification: false,
            keys_only: false,
        }
    }

    /// The one record with that key.
    #[must_use]
    pub fn by_key(kind: RecordKind, key: &str) -> Self {
        Self { limit: 1, ..Self::of_kind(kind).filter(kind.key_field(), Comparison::Is(key.into())) }
    }

    /// Adds a condition.
    #[must_use]
    pub fn filter(mut self, field: &'static str, comparison: Comparison) -> Self {
        self.filters.push(Filter { field, comparison });
        self
    }

    /// Adds the condition that a profile is within reach.
    #[must_use]
    pub fn within(self, reach: &Reach) -> Self {
        match reach.team() {
            Some(team) => self.filter("team", Comparison::Is(team.into())),
            None => self,
        }
    }

    /// Sets the order.
    #[must_use]
    pub fn ordered(self, order: Order) -> Self {
        Self { order, ..self }
    }

    /// Sets the most records that are read.
    #[must_use]
    pub fn limited(self, limit: usize) -> Self {
        Self { limit, ..self }
    }
}

// Writing

/// Changes that happen together or not at all, with the files and audit records that belong to them.
#[derive(Default)]
pub struct Commit {
    pub changes: Vec<Change>,
    pub files: UploadedFiles,
}

/// One change of a commit.
#[derive(Clone, Debug)]
pub enum Change {
    /// Adds a record.
    Insert { kind: RecordKind, fields: FieldMap, if_exists: IfExists },
    /// Changes fields of a record. A file that a field no longer names is left to the sweeper.
    Update { kind: RecordKind, key: String, conditions: Vec<Condition>, fields: FieldMap },
    /// Removes a record.
    Delete { kind: RecordKind, key: String, conditions: Vec<Condition> },
}

/// What an insert does when a record with the same key or another unique value exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfExists {
    /// Refuses the whole commit.
    Refuse(Refusal),
    /// Leaves the record that exists, and goes on.
    Skip,
}

/// What must hold of a record at the moment of writing. A record that does not exist breaks every condition.
#[derive(Clone, Debug)]
pub struct Condition {
    pub field: &'static str,
    pub comparison: Comparison,
    /// What the commit is refused with when it does not hold.
    pub refusal: Refusal,
}

impl Condition {
    /// A condition on one field.
    #[must_use]
    pub fn new(field: &'static str, comparison: Comparison, refusal: Refusal) -> Self {
        Self { field, comparison, refusal }
    }

    /// The condition that the record exists.
    #[must_use]
    pub fn exists(kind: RecordKind, refusal: Refusal) -> Self {
        Self::new(kind.key_field(), Comparison::IsNot(Value::Null), refusal)
    }
}

/// The files that go with a commit.
#[derive(Default)]
pub struct UploadedFiles {
    /// The mark of the upload, whose intent is removed in the commit that names its files.
    pub mark: Option<String>,
    /// Files that are stored within the record itself: the first change's.
    pub staged: Vec<StagedFile>,
}

/// A file that waits to be stored within its record.
pub struct StagedFile {
    /// Its name until the store has given it another.
    pub name: String,
    pub file: File,
}

/// The outcome of a commit.
#[derive(Debug)]
pub enum CommitOutcome {
    /// For each change the record as it is stored now; `None` for one that was skipped or deleted. Only the first change's
    /// record must be whole: of a later update a store may return just the changed fields, which saves reading the record.
    Done(Vec<Option<FieldMap>>),
    /// The first condition that did not hold. Nothing was changed.
    Refused(Refusal),
}

impl CommitOutcome {
    /// The outcome without the stored records.
    pub(crate) fn into_result(self) -> WriteOutcome<()> {
        match self {
            Self::Done(_) => Ok(()),
            Self::Refused(refusal) => Err(refusal),
        }
    }
}

impl Commit {
    /// Adds a record.
    ///
    /// # Errors
    /// Never for records of this program: their fields are all JSON.
    pub fn insert(&mut self, record: &impl Record, if_exists: IfExists) -> Result<()> {
        self.changes.push(Change::Insert { kind: kind_of(record), fields: fields_of(record)?, if_exists });
        Ok(())
    }

    /// Changes fields of a record.
    pub fn update(&mut self, kind: RecordKind, key: &str, conditions: Vec<Condition>, fields: FieldMap) {
        self.changes.push(Change::Update { kind, key: key.to_owned(), conditions, fields });
    }

    /// Removes a record.
    pub fn delete(&mut self, kind: RecordKind, key: &str, conditions: Vec<Condition>) {
        self.changes.push(Change::Delete { kind, key: key.to_owned(), conditions });
    }
}

/// What a profile repeats of a record when it is the newest of its history; `None` for kinds that are no history.
pub(crate) fn newest_record_fields(kind: RecordKind, record: &FieldMap) -> Option<FieldMap> {
    let repeated: &[(&str, &str)] = match kind {
        RecordKind::StatusHistory => {
            &[("recorded_status", "new_status"), ("newest_status", "id"), ("status_recorded_at", "created")]
        }
        RecordKind::VerificationHistory => &[("newest_verification", "id"), ("submitted_at", "created")],
        _ => return None,
    };
    let value = |field: &str| record.get(field).cloned().unwrap_or_default();
    Some(repeated.iter().map(|(name, field)| ((*name).to_owned(), value(field))).collect())
}

fn kind_of<R: Record>(_: &R) -> RecordKind {
    R::KIND
}

fn fields_of(record: &impl Record) -> Result<FieldMap> {
    to_fields(record).map_err(|error| StoreError::Failed(format!("a record has no JSON form: {error}")))
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

    /// The id of a new profile. A store without transactions derives it from team and userID, so that a request that
    /// comes twice finds its first profile.
    async fn profile_identity(&self, team: &str, user_id: &str) -> Result<ProfileIdentity>;

    /// The fields of a kind that the store sets itself at every write, even if a value is given.
    async fn self_set_fields(&self, _kind: RecordKind) -> Result<Vec<&'static str>> {
        Ok(Vec::new())
    }

    /// Says whether reads and writes work.
    async fn check_ready(&self) -> Result<()>;
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
    serde_json::from_value(Value::Object(fields)).map_err(|error| StoreError::Failed(malformed_record(&error)))
}

fn malformed_record(error: &serde_json::Error) -> String {
    // serde's own text may quote the value.
    format!("a stored record has a field of another form (line {}, column {})", error.line(), error.column())
}

//! What is written: changes that happen together or not at all, and the conditions under which they may.

use std::fs::File;

use serde_json::Value;

use super::query::{Comparison, Query};
use super::{Result, StoreError};
use crate::domain::outbox::{EventBody, ProfileEvents};
use crate::records::audit_event::AuditEvent;
use crate::records::id::RecordId;
use crate::records::outbox_event::OutboxEvent;
use crate::records::{FieldMap, Record, RecordKind, to_fields};

/// Changes that happen together or not at all, with the files and audit records that belong to them.
#[derive(Default)]
pub struct Commit {
    pub changes: Vec<Change>,
    pub files: UploadedFiles,
    /// What the changes mean for one profile. A change of that profile must be among them.
    pub events: Option<ProfileEvents>,
    /// How many records one holder may have.
    pub quota: Option<HolderQuota>,
    /// Steps of the same name run one after the other: they need each other's records, and would lock them crosswise.
    pub turn: Option<&'static str>,
}

/// A limit on the records of one holder, counted in the step that adds one. Of concurrent steps of a holder one comes first.
pub struct HolderQuota {
    pub holder: String,
    /// Finds the holder's records without the one that the commit changes.
    pub records: Query,
    /// The commit is refused when there are that many.
    pub most: usize,
    pub refusal: Refusal,
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

    /// Adds the audit record of the commit, and the events that tell others of it.
    ///
    /// # Errors
    /// Never for records of this program: their fields are all JSON.
    pub fn report(&mut self, audit: &AuditEvent, profile: RecordId, bodies: Vec<EventBody>) -> Result<()> {
        if !bodies.is_empty() {
            self.events = Some(ProfileEvents { profile, at: audit.at, bodies });
        }
        self.insert(audit, IfExists::Skip)
    }

    /// Adds the audit record of the commit, and the event that tells others what happened to an endpoint.
    ///
    /// # Errors
    /// Never for records of this program: their fields are all JSON.
    pub fn report_endpoint(&mut self, audit: &AuditEvent, event: &OutboxEvent) -> Result<()> {
        self.insert(event, IfExists::Skip)?;
        self.insert(audit, IfExists::Skip)
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

/// Why a commit was refused, though the store is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No such record within the caller's reach.
    Missing,
    /// The profile has been decided.
    Decided,
    /// The link has made its verification record already.
    Submitted,
    /// The decision names a verification record that is not the newest.
    EvidenceChanged,
    /// The person has been asked for another try as often as is allowed.
    TooManyResubmissions,
    /// The current status is a reviewer's.
    ReviewersStatus,
    /// The step does not follow from the profile's current status.
    Stale,
    /// The named verification record is not this profile's.
    UnknownVerification,
    /// The caller holds as many reviews as is allowed.
    TooManyClaims,
    /// A person who was counted for four eyes has been changed meanwhile: count again.
    DecidersChanged,
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
    /// An earlier attempt at the same idempotency key has made this write.
    AlreadyWritten,
}

/// The outcome of a write: the record as it is stored now, or why nothing was changed.
pub type WriteOutcome<T> = std::result::Result<T, Refusal>;

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

pub(super) fn fields_of(record: &impl Record) -> Result<FieldMap> {
    to_fields(record).map_err(|error| StoreError::Failed(format!("a record has no JSON form: {error}")))
}

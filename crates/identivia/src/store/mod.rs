//! Where records live. Each method is one atomic step: it happens wholly, with its line in the audit trail, or not at all.
//!
//! What is allowed is `domain`'s to say. A rule that must hold at the moment of writing is passed in as a condition.

mod sql;
pub mod sqlite;

use async_trait::async_trait;

use crate::domain::event::Event;
use crate::domain::id::RecordId;
use crate::domain::liveness::Session;
use crate::domain::profile::{NewProfile, Profile, ProfileChange, ProfileEntry, ProfileFilter, ProfileView, Reach};
use crate::domain::status::StatusRecord;
use crate::domain::time::Millis;
use crate::domain::verification::{NewVerification, VerificationRecord};

/// Why a step did not happen. Nothing of it was stored.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database is locked or its queue is full: try again.
    #[error("the database is busy")]
    Busy,
    /// No room left. Heals when room is made.
    #[error("the database's disk is full")]
    Full,
    /// A sync to disk failed, so nothing more may be acknowledged until a restart has read back what is there.
    #[error("a write to the database's disk failed; restart once the disk is well")]
    Broken,
    /// A cursor that this store did not hand out.
    #[error("the cursor is not one of ours")]
    BadCursor,
    #[error("{0}")]
    Failed(String),
}

type Result<T> = std::result::Result<T, StoreError>;

/// The profile of a userID: made just now, or there before.
pub struct Created {
    pub id: RecordId,
    pub fresh: bool,
}

/// Under which condition a profile may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnlyIf {
    Always,
    /// The profile is neither verified nor rejected: the condition for every write with a flow token.
    Undecided,
}

/// What became of a change.
pub enum Written<T> {
    Done(T),
    /// No such profile within the caller's reach.
    Missing,
    /// Refused: the profile has been decided.
    Decided,
    /// Refused: the step does not follow from the profile's current status.
    Stale,
    /// Refused: the named verification record is not this profile's.
    UnknownVerification,
    /// Refused: the liveness session has already served a record.
    SessionUsed,
    /// Refused: the liveness session is another profile's.
    ForeignSession,
}

/// One page of a list.
pub struct Page<T> {
    pub items: Vec<T>,
    /// Where the next page starts; `None` on the last.
    pub next: Option<String>,
}

/// Which page of a list is wanted.
#[derive(Clone, Debug)]
pub struct PageRequest {
    /// 1 to 100.
    pub limit: usize,
    /// What the page before gave as its `next`.
    pub cursor: Option<String>,
}

/// A stored setting.
pub struct Setting {
    pub key: String,
    /// JSON text.
    pub value: String,
    /// Whether flow tokens see it.
    pub public: bool,
}

/// The two kinds of record that own files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collection {
    Profiles,
    VerificationHistory,
}

impl Collection {
    /// Its name in paths and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Profiles => "profiles",
            Self::VerificationHistory => "verification_history",
        }
    }

    /// The collection of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Profiles, Self::VerificationHistory].into_iter().find(|collection| collection.name() == name)
    }
}

/// Files that may be on disk without a record to name them.
#[derive(Clone, Debug)]
pub struct FileIntent {
    pub mark: String,
    pub collection: Collection,
    pub record: RecordId,
    /// One name, or empty for every name that carries the mark.
    pub name: String,
}

/// Where records live.
#[async_trait]
pub trait Store: Send + Sync {
    /// Makes the profile of a team's userID, or finds it: however many try at once, one is made.
    async fn create_profile(&self, id: RecordId, new: NewProfile, event: Event) -> Result<Created>;
    /// What `GET /api/profiles/:id` shows.
    async fn profile_view(&self, id: RecordId, reach: &Reach) -> Result<Option<ProfileView>>;
    /// The profile itself.
    async fn profile(&self, id: RecordId, reach: &Reach) -> Result<Option<Profile>>;
    /// Profiles, newest first.
    async fn profiles(&self, reach: &Reach, filter: ProfileFilter, page: PageRequest) -> Result<Page<ProfileEntry>>;
    /// Changes a profile, clears the upload's mark and dooms the files it replaces. Answers the profile as it is then.
    async fn change_profile(
        &self,
        id: RecordId,
        reach: &Reach,
        only_if: OnlyIf,
        change: ProfileChange,
        mark: Option<String>,
        event: Event,
    ) -> Result<Written<Profile>>;

    /// Adds a status record. With [`OnlyIf::Undecided`] its `previous_status` must follow from what stands.
    async fn record_status(
        &self,
        record: StatusRecord,
        reach: &Reach,
        only_if: OnlyIf,
        event: Event,
    ) -> Result<Written<()>>;
    /// A profile's status records, newest first.
    async fn status_records(&self, profile: RecordId, page: PageRequest) -> Result<Page<StatusRecord>>;

    /// Adds a verification record, clears the upload's mark and uses its liveness session up, if it is one we know.
    async fn record_verification(
        &self,
        record: NewVerification,
        reach: &Reach,
        only_if: OnlyIf,
        mark: Option<String>,
        event: Event,
    ) -> Result<Written<()>>;
    /// A profile's verification records, newest first.
    async fn verification_records(&self, profile: RecordId, page: PageRequest) -> Result<Page<VerificationRecord>>;

    /// The profile whose record names that file, or `None`.
    async fn file_owner(
        &self,
        collection: Collection,
        record: RecordId,
        name: &str,
        reach: &Reach,
    ) -> Result<Option<RecordId>>;

    /// Remembers a new liveness session.
    async fn add_session(&self, session: Session, event: Event) -> Result<()>;
    /// A remembered session.
    async fn session(&self, id: &str) -> Result<Option<Session>>;
    /// Keeps what the provider reported of a session. A finished result never changes again.
    async fn update_session(&self, session: Session) -> Result<()>;

    /// Every setting, by key.
    async fn settings(&self) -> Result<Vec<Setting>>;
    /// Sets or replaces a setting.
    async fn put_setting(&self, setting: Setting, now: Millis, event: Event) -> Result<()>;
    /// Removes a setting; says whether there was one.
    async fn delete_setting(&self, key: &str, event: Event) -> Result<bool>;

    /// Adds a line to the audit trail that belongs to no change: a refusal.
    async fn note(&self, event: Event) -> Result<()>;

    /// Notes, durably, that files with that mark may appear.
    async fn open_intent(&self, intent: FileIntent, now: Millis) -> Result<()>;
    /// Dooms the upload of that mark, unless it has been recorded.
    async fn doom_intent(&self, mark: &str) -> Result<()>;
    /// Dooms every upload older than that.
    async fn doom_intents_before(&self, before: Millis) -> Result<()>;
    /// Some doomed intents, oldest first, at most 500.
    async fn doomed_intents(&self) -> Result<Vec<FileIntent>>;
    /// Forgets doomed intents whose files are gone from the disk.
    async fn forget_intents(&self, marks: Vec<String>) -> Result<()>;

    /// Says whether reads and writes work.
    async fn ready(&self) -> Result<()>;
}

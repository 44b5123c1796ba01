//! Where records live. Each method is one atomic step: it happens wholly, with its line in the audit trail, or not at all.
//!
//! What is allowed is `domain`'s to say. A rule that must hold at the moment of writing is passed in as a condition.

pub mod archive;
pub mod pocketbase;
pub mod postgres;
mod sql;
pub mod sqlite;

use std::fs::File;

use async_trait::async_trait;
use vision::liveness::Imprint;

use crate::domain::checks::{Checked, DueChecks};
use crate::domain::event::Event;
use crate::domain::flow::Journey;
use crate::domain::handoff::{Handed, Handoff};
use crate::domain::liveness::{FrameImprint, Session};
use crate::domain::profile::{NewProfile, Profile, ProfileChange, ProfileEntry, ProfileFilter, ProfileView, Reach};
use crate::domain::status::StatusRecord;
use crate::domain::verification::{NewVerification, VerificationRecord};
use crate::records::id::RecordId;
use crate::records::time::Millis;

/// Why a step did not happen. Nothing of it was stored.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database is locked or its queue is full: try again.
    #[error("the database is busy")]
    Busy,
    /// The store cannot be reached, does not answer in time or turns us away: try again later.
    #[error("the store does not answer: {0}")]
    Unavailable(String),
    /// No room left. Heals when room is made.
    #[error("the database's disk is full")]
    Full,
    /// A sync to disk failed, so nothing more may be acknowledged until a restart has read back what is there.
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

/// What became of a change: what is kept now, or why nothing was changed.
pub type Written<T> = std::result::Result<T, Refusal>;

/// Why a change was not made, though the store is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No such profile within the caller's reach.
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
}

/// What became of the beginning of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It has begun just now. Frames are known when they have been judged before, in whatever session.
    First { has_known_frames: bool },
    /// It had begun already, or has ended.
    Again,
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

/// How often something has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Within the window that ends then.
    pub count: u32,
    pub ends: Millis,
}

/// A stored setting.
pub struct Setting {
    pub key: String,
    /// JSON text.
    pub value: String,
    /// Whether flow tokens see it.
    pub public: bool,
}

/// The kinds of record that own files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collection {
    Profiles,
    VerificationHistory,
    LivenessSessions,
}

impl Collection {
    pub(crate) const ALL: [Self; 3] = [Self::Profiles, Self::VerificationHistory, Self::LivenessSessions];

    /// Its name in paths and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Profiles => "profiles",
            Self::VerificationHistory => "verification_history",
            Self::LivenessSessions => "liveness_sessions",
        }
    }

    /// The collection of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|collection| collection.name() == name)
    }
}

/// The files that go with a record, as far as the store has to do with them.
#[derive(Default)]
pub struct Attached {
    /// The mark of the upload, to be cleared in the step that names its files.
    pub mark: Option<String>,
    /// Files that are kept within the record itself.
    pub staged: Vec<Staged>,
}

/// A file that waits to be kept within its record.
pub struct Staged {
    /// The name that it goes by until the store has given it another.
    pub name: String,
    pub file: File,
}

/// Files that may be on disk without a record to name them.
#[derive(Clone, Debug)]
pub struct FileIntent {
    pub mark: String,
    pub collection: Collection,
    pub record: RecordId,
    /// Empty for every name that carries the mark; else names, with a slash between them.
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
        attached: Attached,
        event: Event,
    ) -> Result<Written<Profile>>;

    /// A profile as its person's way goes through it.
    async fn journey(&self, id: RecordId, reach: &Reach) -> Result<Option<Journey>>;
    /// Keeps the one code with which a profile's other device may go on; the one before it is good for nothing then.
    async fn offer_handoff(
        &self,
        id: RecordId,
        reach: &Reach,
        only_if: OnlyIf,
        handoff: Handoff,
        event: Event,
    ) -> Result<Written<()>>;
    /// Takes a code that has not ended at the event's time; the event is its person's. Of all who take it at once one
    /// gets it, in every store.
    async fn take_handoff(&self, code_hash: &str, event: Event) -> Result<Option<Handed>>;

    /// Adds a status record and answers it as it is kept. With [`OnlyIf::Undecided`] its `previous_status` must follow
    /// from what stands.
    async fn record_status(
        &self,
        record: StatusRecord,
        reach: &Reach,
        only_if: OnlyIf,
        event: Event,
    ) -> Result<Written<StatusRecord>>;
    /// A profile's status records, newest first.
    async fn status_records(&self, profile: RecordId, page: PageRequest) -> Result<Page<StatusRecord>>;

    /// Adds a verification record, clears the upload's mark and uses its liveness session up, if it is one we know.
    /// Answers the record as it is kept.
    async fn record_verification(
        &self,
        record: NewVerification,
        reach: &Reach,
        only_if: OnlyIf,
        attached: Attached,
        event: Event,
    ) -> Result<Written<VerificationRecord>>;
    /// A profile's verification records, newest first.
    async fn verification_records(&self, profile: RecordId, page: PageRequest) -> Result<Page<VerificationRecord>>;

    /// Claims a record whose checks are to be run, the one that has waited longest: until then nobody else gets it. Of all
    /// who claim at once one gets it; in PocketBase several may, and what they find is the same.
    async fn claim_checks(&self, now: Millis, until: Millis) -> Result<Option<DueChecks>>;
    /// Gives a claimed record back until then: what hindered its checks was not its own, and the attempt does not count.
    async fn postpone_checks(&self, record: RecordId, until: Millis) -> Result<()>;
    /// Keeps what the checks on a record have come to; says whether they were still waited for.
    async fn keep_checks(&self, record: RecordId, checked: Checked, event: Event) -> Result<bool>;

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
    /// Marks a session as begun and remembers the hashes of its frames. Of all who begin it at once one does.
    async fn begin_session(&self, session: &str, frames: Vec<RecordId>, event: Event) -> Result<Begun>;
    /// Keeps what the frames of a begun session are known again by, and answers the imprints of the earlier sessions that
    /// look most like it, of all of them together: frames may have been picked from several. Of two who keep the same at
    /// once at least one finds the other's.
    async fn keep_imprints(&self, session: &str, imprints: Vec<FrameImprint>) -> Result<Vec<Imprint>>;
    /// A profile's sessions that expire, or would have expired, after that.
    async fn sessions_of(&self, profile: RecordId, expire_after: Millis) -> Result<Vec<Session>>;
    /// The newest of a profile's sessions that have succeeded and served no record, newest first, of those that expire after
    /// that: more than anybody makes in good faith, and not all.
    async fn unused_sessions(&self, profile: RecordId, expire_after: Millis) -> Result<Vec<Session>>;
    /// The sessions that have neither finished nor ended by then.
    async fn open_sessions(&self, now: Millis) -> Result<Vec<Session>>;
    /// Keeps what the provider reported of a session, with its images, and answers the session as it is kept. A finished
    /// result never changes again.
    async fn update_session(
        &self,
        session: Session,
        attached: Attached,
        event: Option<Event>,
    ) -> Result<Written<Session>>;

    /// Every setting, by key.
    async fn settings(&self) -> Result<Vec<Setting>>;
    /// Sets or replaces a setting.
    async fn put_setting(&self, setting: Setting, now: Millis, event: Event) -> Result<()>;
    /// Removes a setting; says whether there was one.
    async fn delete_setting(&self, key: &str, event: Event) -> Result<bool>;

    /// Adds a line to the audit trail that belongs to no change: a refusal.
    async fn note(&self, event: Event) -> Result<()>;

    /// Counts what has happened under a key within a window of seconds, over all servers that share these records. `None`,
    /// as here: no other server can, and what this process counts by itself is the whole.
    async fn count_within(&self, _key: &str, _now: Millis, _seconds: i64) -> Result<Option<Counted>> {
        Ok(None)
    }

    /// Says whether reads and writes work.
    async fn ready(&self) -> Result<()>;
}

/// Notes of files that may be stored without a record to name them: for stores whose files live somewhere else.
#[async_trait]
pub trait Intents: Send + Sync {
    /// Notes, durably, that files with that mark may appear.
    async fn open_intent(&self, intent: FileIntent, now: Millis) -> Result<()>;
    /// Takes up the note of that mark, if a copy that was interrupted has left it. Busy while a sweeper is at its files.
    async fn reopen_intent(&self, mark: &str, now: Millis) -> Result<Option<FileIntent>>;
    /// Dooms the upload of that mark, unless it has been recorded.
    async fn doom_intent(&self, mark: &str) -> Result<()>;
    /// Dooms every upload older than that.
    async fn doom_intents_before(&self, before: Millis) -> Result<()>;
    /// Claims some doomed intents, oldest first, at most 500: for a minute no other sweeper gets them.
    async fn claim_doomed(&self, now: Millis) -> Result<Vec<FileIntent>>;
    /// Forgets doomed intents whose files are gone from the disk.
    async fn forget_intents(&self, marks: Vec<String>) -> Result<()>;
}

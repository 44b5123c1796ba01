//! The store of a request with an idempotency key: its commits also insert the receipt of the key's work, so that the
//! write and the proof of it are one step.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;

use super::{
    Change, Commit, CommitOutcome, FileStoreChange, IfExists, KnownFileStore, PoolUsage, ProfileIdentity, Query,
    Refusal, Result, Store, StoredRecord, WindowCount,
};
use crate::clock::Clock;
use crate::records::RecordKind;
use crate::records::id::RecordId;
use crate::records::idempotency_key::IdempotencyKey;
use crate::records::time::Millis;

/// What is known of the write that a key stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum WorkState {
    /// Nothing was written.
    Unwritten,
    /// A commit has started and not answered, or its answer was lost.
    Uncertain,
    Written,
    /// An earlier attempt at the key has made the write.
    WrittenBefore,
}

/// The work of one attempt at an idempotency key.
pub struct KeyedWork {
    /// The id of the receipt.
    receipt: RecordId,
    expires: Millis,
    /// The hash of the body, once it has been read.
    body_hash: Arc<OnceLock<String>>,
    state: AtomicU8,
}

/// A store whose commits insert the receipt of a key's work.
pub struct KeyedStore {
    store: Arc<dyn Store>,
    work: Arc<KeyedWork>,
    clock: Clock,
}

impl KeyedWork {
    /// Work that has not begun. `body_hash` is set when the body has been read.
    #[must_use]
    pub fn new(receipt: RecordId, expires: Millis, body_hash: Arc<OnceLock<String>>) -> Self {
        Self { receipt, expires, body_hash, state: AtomicU8::new(WorkState::Unwritten as u8) }
    }

    /// What is known of the write.
    #[must_use]
    pub fn state(&self) -> WorkState {
        let state = self.state.load(Ordering::Acquire);
        [WorkState::Unwritten, WorkState::Uncertain, WorkState::Written]
            .into_iter()
            .find(|known| *known as u8 == state)
            .unwrap_or(WorkState::WrittenBefore)
    }

    fn set_state(&self, state: WorkState) {
        self.state.store(state as u8, Ordering::Release);
    }

    /// The receipt of a commit: the key of its first record leads to the answer.
    fn receipt_of(&self, commit: &Commit, now: Millis) -> IdempotencyKey {
        let written = match commit.changes.first() {
            Some(Change::Insert { kind, fields, .. }) => {
                fields.get(kind.key_field()).and_then(|key| key.as_str()).unwrap_or_default().to_owned()
            }
            Some(Change::Update { key, .. } | Change::Delete { key, .. }) => key.clone(),
            None => String::new(),
        };
        IdempotencyKey {
            id: self.receipt,
            holder: String::new(),
            attempt: String::new(),
            lease_ends: None,
            receipt: None,
            target_hash: String::new(),
            body_hash: self.body_hash.get().cloned(),
            written,
            answer: None,
            created: now,
            expires: self.expires,
        }
    }
}

impl KeyedStore {
    /// Adds the receipt of that work to the commits of a store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, work: Arc<KeyedWork>, clock: Clock) -> Self {
        Self { store, work, clock }
    }
}

#[async_trait]
impl Store for KeyedStore {
    async fn read(&self, query: Query) -> Result<Vec<StoredRecord>> {
        self.store.read(query).await
    }

    async fn commit(&self, mut commit: Commit) -> Result<CommitOutcome> {
        let receipt = self.work.receipt_of(&commit, self.clock.now());
        commit.insert(&receipt, IfExists::Refuse(Refusal::AlreadyWritten))?;
        self.work.set_state(WorkState::Uncertain);
        let mut outcome = self.store.commit(commit).await?;
        self.work.set_state(match &mut outcome {
            CommitOutcome::Done(stored) => {
                stored.pop();
                WorkState::Written
            }
            CommitOutcome::Refused(Refusal::AlreadyWritten) => WorkState::WrittenBefore,
            CommitOutcome::Refused(_) => WorkState::Unwritten,
        });
        Ok(outcome)
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
        self.store.check_ready().await
    }
}

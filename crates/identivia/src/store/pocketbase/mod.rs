//! PocketBase as a store: records in an instance that its operators already have, files in its own file fields.
//!
//! PocketBase gives less than the SQL databases:
//! - It has no transaction that spans a read and a write. A commit's conditions are checked just before the write and not
//!   within it. Only its unique indexes hold at the moment of writing: they keep a userID to one profile, a liveness
//!   session to one verification record, and of two concurrent steps of a browser, or changes of a review, only one
//!   succeeds.
//! - It cannot count within a write. How many reviews a reviewer holds is counted just before, by each server for itself.
//! - Records that change together are written by its batch API. Where that is off, they are written one after the other,
//!   and there are no reviews.
//! - It does not sync to disk before it answers.
//! - It can be changed in its admin page. So what a profile repeats of its histories is derived from them on every read of
//!   a single profile. Only `recorded_status` is stored, for lists: they do not see records that were added by hand.
//! - Lists leave out large documents, except where all records or records of certain keys are read, as `copy` does.

mod answers;
mod client;
mod collection_gaps;
mod collections;
mod commit_plan;
mod commits;
mod conditions;
mod events;
mod field_mapping;
mod filter;
mod lists;
mod profile_lock;
mod reads;
mod record_reading;
mod review_versions;
mod schema;
mod shape;
mod writes;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::hmac;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::Instant;

use super::{Commit, CommitOutcome, ProfileIdentity, Query, Result, Store, StoreError, StoredRecord};
use crate::clock::Clock;
use crate::records::RecordKind;
use crate::records::id::{RecordId, letters_of};
use crate::records::time::Millis;
use answers::CallAnswer;
use client::ApiClient;
use shape::InstanceShape;
use writes::{MAX_FILE_WRITES, UnansweredWrites};

pub use client::{Account, ConnectionState};
pub use schema::SchemaReport;
pub use shape::fit::{Misfit, Severity};

/// How long a check of the connection is valid.
const CHECK_CONNECTION_AFTER: Duration = Duration::from_secs(5);

/// An instance of PocketBase.
pub struct PocketBase {
    client: ApiClient,
    /// Keys the ids of new profiles.
    profile_id_key: hmac::Key,
    batch_is_off: AtomicBool,
    /// How its collections are built; learned before the first read or write.
    shape: RwLock<Option<Arc<InstanceShape>>>,
    /// Whether it reads the literals of filters as this program writes them; asked before the first filter.
    literals_are_read: OnceCell<bool>,
    /// Whether profiles have a field for their search words; asked before the first search.
    has_words: OnceCell<bool>,
    /// Writes whose answer was lost: they may have been done.
    unanswered: Mutex<UnansweredWrites>,
    file_permits: Semaphore,
    /// Held by a commit that counts a holder's records, until it is made.
    quota_turn: tokio::sync::Mutex<()>,
    connection: tokio::sync::Mutex<Option<(Instant, ConnectionState)>>,
}

fn records_path(collection: &str) -> String {
    format!("/api/collections/{collection}/records")
}

fn record_path(kind: RecordKind, id: &str) -> String {
    format!("/api/collections/{}/records/{id}", kind.name())
}

/// Refuses a kind of record that PocketBase does not have: its files live within its records, so none is without one.
fn refuse_file_intents(kind: RecordKind) -> Result<()> {
    match kind {
        RecordKind::FileIntents => Err(StoreError::Failed("PocketBase has no file intents".to_owned())),
        _ => Ok(()),
    }
}

impl PocketBase {
    /// An instance that need not answer yet. `secret` keys the ids of new profiles; servers that share the instance
    /// share it.
    ///
    /// # Errors
    /// When this machine's certificates cannot be read.
    pub fn new(account: Account, secret: &[u8], clock: Clock) -> anyhow::Result<Self> {
        let key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), b"identivia profile ids");
        Ok(Self {
            client: ApiClient::new(account, clock)?,
            profile_id_key: hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()),
            batch_is_off: AtomicBool::new(false),
            shape: RwLock::default(),
            literals_are_read: OnceCell::new(),
            has_words: OnceCell::new(),
            unanswered: Mutex::default(),
            file_permits: Semaphore::new(MAX_FILE_WRITES),
            quota_turn: tokio::sync::Mutex::default(),
            connection: tokio::sync::Mutex::default(),
        })
    }

    /// Its address, and this server's account there.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.client.account
    }

    /// The state of the connection, checked a few seconds ago at most.
    pub async fn connection_state(&self) -> ConnectionState {
        let mut checked = self.connection.lock().await;
        if let Some((at, state)) = *checked
            && at.elapsed() < CHECK_CONNECTION_AFTER
        {
            return state;
        }
        let state = self.client.check_connection().await;
        *checked = Some((Instant::now(), state));
        state
    }

    /// Opens a stored file; `None` when there is none.
    pub(crate) async fn download(&self, path: &str) -> Result<Option<reqwest::Response>> {
        self.client.download(&format!("/api/files/{path}")).await
    }

    /// The id that a new profile of that userID gets: a request that is repeated finds its first profile.
    fn profile_id(&self, team: &str, user_id: &str) -> RecordId {
        let mut context = hmac::Context::with_key(&self.profile_id_key);
        context.update(&(team.len() as u64).to_be_bytes());
        context.update(team.as_bytes());
        context.update(user_id.as_bytes());
        letters_of(context.sign().as_ref())
    }

    async fn call(&self, make: impl Fn(&ApiClient) -> Result<RequestBuilder> + Send + Sync) -> Result<CallAnswer> {
        let outcome = self.client.call(make).await;
        if let (Err(StoreError::Unavailable(_)), Ok(mut checked)) = (&outcome, self.connection.try_lock()) {
            // The last check of the connection is outdated.
            *checked = None;
        }
        outcome
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Option<Value>> {
        self.call(|client| Ok(client.request(Method::GET, path).query(query))).await?.into_record()
    }
}

#[async_trait]
impl Store for PocketBase {
    async fn read(&self, query: Query) -> Result<Vec<StoredRecord>> {
        refuse_file_intents(query.kind)?;
        self.read_records(&query).await
    }

    async fn commit(&self, commit: Commit) -> Result<CommitOutcome> {
        self.make_commit(commit).await
    }

    async fn profile_identity(&self, team: &str, user_id: &str, _: Millis) -> Result<ProfileIdentity> {
        let team = match team {
            "" => self.client.current_session().await?.team.clone(),
            team => team.to_owned(),
        };
        if team.is_empty()
            && let Some(identity) = self.find_older_profile(user_id).await?
        {
            return Ok(identity);
        }
        Ok(ProfileIdentity { id: self.profile_id(&team, user_id), team })
    }

    async fn self_set_fields(&self, kind: RecordKind) -> Result<Vec<&'static str>> {
        self.list_automatic_fields(kind).await
    }

    fn keeps_reviews(&self) -> bool {
        !self.is_batch_off()
    }

    async fn check_ready(&self) -> Result<()> {
        match self.connection_state().await {
            // The account may read records, and the collection exists.
            ConnectionState::Authenticated => self.find_setting("identivia").await.map(drop),
            state => Err(StoreError::Unavailable(format!("PocketBase is {}", state.word()))),
        }
    }
}

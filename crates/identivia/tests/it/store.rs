//! What every store must do. Each case runs on SQLite, PostgreSQL and PocketBase. `commits`, `comparisons` and `pages` have
//! the rules of read and commit themselves, the other modules what is built on them.

use std::io::Write as _;
use std::sync::Arc;

use futures_util::future::join_all;
use identivia::domain::event::EventKind;
use identivia::domain::fingerprint::DeviceCheck;
use identivia::domain::liveness::{Claim, Confirmed, ConfirmedBy};
use identivia::domain::profile::{NewProfile, ProfileChange, ProfileFiles, ProfileFilter, Reach};
use identivia::domain::profile_view::ProfileView;
use identivia::domain::verification::Evidence;
use identivia::records::audit_event::AuditEvent;
use identivia::records::id::RecordId;
use identivia::records::liveness_session::{LivenessSession, SessionStatus};
use identivia::records::profile::Profile;
use identivia::records::setting::Setting;
use identivia::records::status_record::StatusRecord;
use identivia::records::status_word::{StatusWord, VerificationStatus};
use identivia::records::time::Millis;
use identivia::records::verification_record::VerificationRecord;
use identivia::store::postgres::Postgres;
use identivia::store::sqlite::Sqlite;
use identivia::store::{
    Collection, PageRequest, Refusal, StagedFile, Store, StoreError, UploadedFiles, WindowCount, WriteCondition,
    WriteOutcome,
};
use serde_json::value::RawValue;
use sqlx::Connection as _;
use tempfile::TempDir;

use crate::ground::Ground;
use crate::world::{small_picture, video};

mod checks;
mod commits;
mod comparisons;
mod file_intents;
mod flow;
mod histories;
mod pages;
mod profile_writes;
mod reads;
mod sessions;

const NOW: Millis = Millis(1_774_051_200_000);

/// A store under test, empty.
struct TestedStore {
    store: Arc<dyn Store>,
    ground: Ground,
    folder: TempDir,
}

/// Opens an empty store of every kind.
async fn open_stores() -> Vec<TestedStore> {
    let mut stores = Vec::new();
    for ground in [Ground::Sqlite, Ground::postgres().await, Ground::pocketbase().await] {
        let folder = tempfile::tempdir().unwrap();
        let store = open_store(&ground, &folder).await;
        stores.push(TestedStore { store, ground, folder });
    }
    stores
}

async fn open_store(ground: &Ground, folder: &TempDir) -> Arc<dyn Store> {
    match ground {
        Ground::Sqlite => Arc::new(Sqlite::open(folder.path()).unwrap()),
        Ground::Postgres { url, .. } => Arc::new(Postgres::open(url, 8).await.unwrap()),
        Ground::PocketBase(service) => Arc::new(service.store()),
    }
}

impl TestedStore {
    /// Lists the kinds and details of all audit events, oldest first.
    async fn list_events(&self) -> Vec<(String, String)> {
        let events = self.ground.events(self.folder.path()).await;
        events.into_iter().map(|(kind, _, detail)| (kind, detail)).collect()
    }

    /// Says whether a commit's conditions are checked within a transaction. PocketBase has none, and keeps its files
    /// itself, so that it has no file intents either.
    fn has_transactions(&self) -> bool {
        !matches!(self.ground, Ground::PocketBase(_))
    }

    /// Makes the files that a record names: real ones where records keep them.
    fn stage_files(&self, names: &[&str]) -> UploadedFiles {
        let Ground::PocketBase(_) = &self.ground else { return UploadedFiles::default() };
        let stage = |name: &&str| {
            let mut file = tempfile::tempfile().unwrap();
            let bytes = if name.ends_with(".webm") { video(100) } else { small_picture(1) };
            file.write_all(&bytes).unwrap();
            StagedFile { name: (*name).to_owned(), file }
        };
        UploadedFiles { mark: None, staged: names.iter().map(stage).collect() }
    }

    /// Opens another store on the same records, as after a restart.
    async fn reopen(self) -> Self {
        drop(self.store);
        let store = open_store(&self.ground, &self.folder).await;
        Self { store, ground: self.ground, folder: self.folder }
    }
}

fn known(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn page_of(limit: usize) -> PageRequest {
    PageRequest { limit, cursor: None }
}

fn new_event() -> AuditEvent {
    AuditEvent { request_id: "r".to_owned(), ..AuditEvent::new(EventKind::ProfileChanged, NOW, "tester") }
}

fn new_profile(team: &str, user: &str) -> NewProfile {
    NewProfile { team: team.to_owned(), user_id: user.to_owned(), ..NewProfile::default() }
}

async fn create_profile(store: &Arc<dyn Store>, team: &str, user: &str) -> RecordId {
    store.create_profile(new_profile(team, user), new_event()).await.unwrap().id
}

/// Changes a profile without files.
async fn change_profile(
    store: &Arc<dyn Store>,
    id: RecordId,
    condition: WriteCondition,
    change: ProfileChange,
) -> WriteOutcome<Profile> {
    let files = UploadedFiles::default();
    store.change_profile(id, &Reach::Every, condition, &change, files, new_event()).await.unwrap()
}

fn country_change(country: &str) -> ProfileChange {
    ProfileChange { country: known(country), ..ProfileChange::default() }
}

fn new_status_record(profile: RecordId, previous: &str, new: &str) -> StatusRecord {
    StatusRecord {
        id: RecordId::random(),
        profile,
        updated_by: "tester".to_owned(),
        previous_status: StatusWord::from(previous.to_owned()),
        new_status: StatusWord::from(new.to_owned()),
        notes: known("n"),
        verification: None,
        reasons: Vec::new(),
        steps: Vec::new(),
        message: None,
        created: NOW,
        follows: None,
    }
}

async fn record_status(
    store: &Arc<dyn Store>,
    record: StatusRecord,
    condition: WriteCondition,
) -> WriteOutcome<StatusRecord> {
    store.record_status(record, &Reach::Every, condition, new_event()).await.unwrap()
}

fn new_evidence(session: &str) -> Evidence {
    Evidence {
        document_type: "passport".to_owned(),
        document_number: None,
        country: None,
        name: None,
        address: None,
        gender: None,
        date_of_birth: None,
        place_of_birth: None,
        fingerprint: None,
        device: DeviceCheck::default(),
        ip_address: None,
        observed_ip: None,
        claim: Claim { session_id: session.to_owned(), ..Claim::default() },
        confirmed: Confirmed { confidence: None, status: String::new(), by: ConfirmedBy::Provider },
    }
}

fn new_verification(profile: RecordId, session: &str) -> VerificationRecord {
    new_evidence(session).into_record(RecordId::random(), profile, "tester", NOW)
}

/// Records a verification without files.
async fn record_verification(
    store: &Arc<dyn Store>,
    record: VerificationRecord,
    condition: WriteCondition,
) -> WriteOutcome<VerificationRecord> {
    let files = UploadedFiles::default();
    store.record_verification(record, &Reach::Every, condition, files, new_event()).await.unwrap()
}

/// Reads a profile as `GET /api/profiles/:id` shows it.
async fn view_profile(store: &Arc<dyn Store>, id: RecordId, reach: &Reach) -> Option<ProfileView> {
    let found = store.profile_with_evidence(id, reach).await.unwrap();
    found.map(|found| ProfileView::new(found.profile, found.verification))
}

fn new_session(id: &str, profile: Option<RecordId>) -> LivenessSession {
    LivenessSession::new(id.to_owned(), profile, NOW)
}

async fn add_session(store: &Arc<dyn Store>, session: &LivenessSession) {
    store.add_session(session, new_event()).await.unwrap().unwrap();
}

fn new_setting(key: &str, value: &str, public: bool) -> Setting {
    let value = RawValue::from_string(value.to_owned()).unwrap();
    Setting { key: key.to_owned(), value, public, updated: NOW }
}

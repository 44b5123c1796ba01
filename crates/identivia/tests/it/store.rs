//! What every store must do. Each case runs on SQLite, PostgreSQL and PocketBase. Here are profiles, histories and audit
//! events; `commits` has the rules of read and commit themselves, the other modules what is built on them.

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
mod file_intents;
mod flow;
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

#[tokio::test(flavor = "multi_thread")]
async fn one_profile_is_created_per_user_and_team() {
    for TestedStore { store, .. } in open_stores().await {
        let first = create_profile(&store, "red", "u").await;
        assert_eq!(create_profile(&store, "red", "u").await, first);
        assert_ne!(create_profile(&store, "blue", "u").await, first);
        assert!(store.profile(first, &Reach::Team("red".to_owned())).await.unwrap().is_some());
        assert!(store.profile(first, &Reach::Team("blue".to_owned())).await.unwrap().is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn undecided_condition_refuses_changes_of_a_decided_profile() {
    for TestedStore { store, .. } in open_stores().await {
        let id = create_profile(&store, "", "u").await;
        let verified =
            ProfileChange { verification_status: Some(VerificationStatus::Verified), ..ProfileChange::default() };
        let changed = change_profile(&store, id, WriteCondition::Undecided, verified).await;
        assert!(matches!(changed, Ok(profile) if profile.is_decided()));
        let refused = change_profile(&store, id, WriteCondition::Undecided, country_change("UT")).await;
        assert!(matches!(refused, Err(Refusal::Decided)));
        let allowed = change_profile(&store, id, WriteCondition::Always, country_change("UT")).await;
        assert!(matches!(allowed, Ok(profile) if profile.country.as_deref() == Some("UT")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_steps_from_one_status_record_one() {
    for TestedStore { store, .. } in open_stores().await {
        let id = create_profile(&store, "", "u").await;
        let steps = (0..20).map(|_| {
            let step = new_status_record(id, "unverified", "pending");
            store.record_status(step, &Reach::Every, WriteCondition::Undecided, new_event())
        });
        let outcomes = join_all(steps).await;
        let done = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Ok(_)))).count();
        assert_eq!(done, 1);
        assert_eq!(store.list_status_records(id, &page_of(100)).await.unwrap().items.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_cursor_is_bad_cursor() {
    for TestedStore { store, .. } in open_stores().await {
        let id = create_profile(&store, "", "u").await;
        for cursor in ["x", "-1", "0", "1.2.3", "99999999999999999999"] {
            let page = PageRequest { limit: 1, cursor: known(cursor) };
            assert!(matches!(store.list_status_records(id, &page).await, Err(StoreError::BadCursor)), "{cursor}");
            let list = store.list_profiles(&Reach::Every, ProfileFilter::default(), &page);
            assert!(matches!(list.await, Err(StoreError::BadCursor)), "{cursor}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_one_millisecond_are_listed_in_insertion_order() {
    for TestedStore { store, .. } in open_stores().await {
        let id = create_profile(&store, "", "u").await;
        for number in 0..30 {
            let record = new_status_record(id, "pending", &format!("step_{number}"));
            record_status(&store, record, WriteCondition::Always).await.unwrap();
        }
        for limit in [1, 4, 10, 30] {
            let (mut listed, mut cursor) = (Vec::new(), None);
            loop {
                let page = store.list_status_records(id, &PageRequest { limit, cursor }).await.unwrap();
                listed.extend(page.items.into_iter().map(|record| record.new_status.as_str().to_owned()));
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            let made: Vec<String> = (0..30).rev().map(|number| format!("step_{number}")).collect();
            assert_eq!(listed, made, "{limit}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reopened_store_has_all_records() {
    for tested in open_stores().await {
        let id = create_profile(&tested.store, "", "u").await;
        let TestedStore { store, .. } = &tested.reopen().await;
        assert!(store.profile(id, &Reach::Every).await.unwrap().is_some());
        store.check_ready().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn undecided_condition_refuses_records_of_a_decided_profile() {
    for TestedStore { store, .. } in open_stores().await {
        let id = create_profile(&store, "", "u").await;
        let decided = new_status_record(id, "unverified", "rejected");
        assert!(record_status(&store, decided, WriteCondition::Always).await.is_ok());
        let late = new_status_record(id, "rejected", "pending");
        let refused = record_status(&store, late.clone(), WriteCondition::Undecided).await;
        assert!(matches!(refused, Err(Refusal::Decided)));
        let record = || new_verification(id, "unknown");
        let refused = record_verification(&store, record(), WriteCondition::Undecided).await;
        assert!(matches!(refused, Err(Refusal::Decided)));
        assert_eq!(store.list_status_records(id, &page_of(100)).await.unwrap().items.len(), 1);
        assert_eq!(store.list_verification_records(id, &page_of(100)).await.unwrap().items.len(), 0);

        assert!(record_status(&store, late, WriteCondition::Always).await.is_ok());
        assert!(record_verification(&store, record(), WriteCondition::Always).await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_records_use_one_session_once() {
    for TestedStore { store, .. } in open_stores().await {
        let (mine, theirs) = (create_profile(&store, "", "u").await, create_profile(&store, "", "v").await);
        add_session(&store, &new_session("s", Some(mine))).await;
        let record = |profile| {
            let files = UploadedFiles::default();
            let record = new_verification(profile, "s");
            store.record_verification(record, &Reach::Every, WriteCondition::Undecided, files, new_event())
        };
        assert!(matches!(record(theirs).await.unwrap(), Err(Refusal::ForeignSession)));
        let outcomes = join_all((0..20).map(|_| record(mine))).await;
        let done = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Ok(_)))).count();
        let used = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Err(Refusal::SessionUsed)))).count();
        assert_eq!((done, used), (1, 19));
        assert_eq!(store.list_verification_records(mine, &page_of(100)).await.unwrap().items.len(), 1);
        assert_eq!(store.list_verification_records(theirs, &page_of(100)).await.unwrap().items.len(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn status_record_that_names_a_foreign_verification_is_refused() {
    for TestedStore { store, .. } in open_stores().await {
        let (mine, theirs) = (create_profile(&store, "", "mine").await, create_profile(&store, "", "theirs").await);
        for (profile, is_theirs) in [(mine, false), (theirs, true)] {
            let record = new_verification(profile, "unknown");
            let named = Some(record.id);
            assert!(record_verification(&store, record, WriteCondition::Always).await.is_ok());
            let step = StatusRecord { verification: named, ..new_status_record(mine, "", "pending") };
            let recorded = record_status(&store, step, WriteCondition::Always).await;
            assert_eq!(matches!(recorded, Err(Refusal::UnknownVerification)), is_theirs);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn audit_events_are_written_only_with_their_change() {
    for tested in open_stores().await {
        let store = &tested.store;
        let event_of = |detail: &str| new_event().with_detail(detail);
        let id = store.create_profile(new_profile("", "u"), event_of("created")).await.unwrap().id;
        store.create_profile(new_profile("", "u"), event_of("existed")).await.unwrap();
        for (team, detail) in [("red", "out of reach"), ("", "changed")] {
            let reach = Reach::Team(team.to_owned());
            let (change, files) = (country_change("UT"), UploadedFiles::default());
            let changing = store.change_profile(id, &reach, WriteCondition::Always, &change, files, event_of(detail));
            assert_eq!(changing.await.unwrap().is_ok(), team.is_empty());
        }
        if tested.has_transactions() {
            let late = UploadedFiles { mark: known("nobodysmark1"), ..UploadedFiles::default() };
            let change = country_change("CH");
            let changing =
                store.change_profile(id, &Reach::Every, WriteCondition::Always, &change, late, event_of("late"));
            assert!(matches!(changing.await, Err(StoreError::Busy)));
        }
        let profile = store.profile(id, &Reach::Every).await.unwrap().unwrap();
        assert_eq!(profile.country.as_deref(), Some("UT"));

        record_audited_histories(store, id).await;
        let setting = new_setting("k", "1", true);
        store.put_setting(&setting, &[], event_of("set")).await.unwrap().unwrap();
        for detail in ["removed", "missing"] {
            assert_eq!(store.delete_setting("k", event_of(detail)).await.unwrap(), detail == "removed");
        }
        let refused = AuditEvent::new(EventKind::TrustRefused, NOW, "tester").with_detail("noted");
        store.record_event(&refused).await.unwrap();

        let details: Vec<String> = tested.list_events().await.into_iter().map(|(_, detail)| detail).collect();
        let expected = ["created", "changed", "status", "session", "verification", "set", "removed", "noted"];
        assert_eq!(details, expected);
    }
}

/// Adds a status record, a session and a verification record, and has one more of each refused.
async fn record_audited_histories(store: &Arc<dyn Store>, id: RecordId) {
    let event_of = |detail: &str| new_event().with_detail(detail);
    let unknown = StatusRecord { verification: Some(RecordId::random()), ..new_status_record(id, "", "pending") };
    let recording = store.record_status(unknown, &Reach::Every, WriteCondition::Always, event_of("of no record"));
    assert!(matches!(recording.await.unwrap(), Err(Refusal::UnknownVerification)));
    let step = new_status_record(id, "", "pending");
    let recording = store.record_status(step, &Reach::Every, WriteCondition::Always, event_of("status"));
    assert!(recording.await.unwrap().is_ok());
    let session = new_session("s", Some(id));
    assert!(store.add_session(&session, event_of("session")).await.unwrap().is_ok());
    let again = store.add_session(&session, event_of("session twice")).await.unwrap();
    assert_eq!(again, Err(Refusal::AlreadyExists));
    for detail in ["verification", "session used"] {
        let (record, files) = (new_verification(id, "s"), UploadedFiles::default());
        let recording =
            store.record_verification(record, &Reach::Every, WriteCondition::Always, files, event_of(detail));
        assert_eq!(recording.await.unwrap().is_ok(), detail == "verification");
    }
}

fn new_setting(key: &str, value: &str, public: bool) -> Setting {
    let value = RawValue::from_string(value.to_owned()).unwrap();
    Setting { key: key.to_owned(), value, public, updated: NOW }
}

/// The texts that a change may set. PocketBase makes `b_<10 letters>.png` of `b.png`: only the first letter of a file's
/// name counts.
fn changed_texts(profile: &Profile) -> [Option<&str>; 4] {
    [
        Some(profile.verification_status.word()),
        profile.document_type.as_deref(),
        profile.country.as_deref(),
        profile.facial_photo.as_deref().map(|name| &name[..1]),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn profile_change_keeps_the_fields_that_it_does_not_name() {
    for tested in open_stores().await {
        let store = &tested.store;
        let id = create_profile(store, "", "u").await;
        let change = async |change: ProfileChange| {
            let files = tested.stage_files(&["a.png", "b.png", "c.png"]);
            let changing = store.change_profile(id, &Reach::Every, WriteCondition::Always, &change, files, new_event());
            changing.await.unwrap().unwrap()
        };
        let files = |document_front: &str, facial_photo: &str| ProfileFiles {
            document_front: document_front.to_owned(),
            facial_photo: facial_photo.to_owned(),
            ..ProfileFiles::default()
        };
        let claim = Claim { session_id: "s".to_owned(), confidence: Some(12.5), status: "live".to_owned() };
        let confirmed = Confirmed { confidence: Some(99.0), status: "x".to_owned(), by: ConfirmedBy::MachineToken };
        let first = change(ProfileChange {
            verification_status: Some(VerificationStatus::Pending),
            document_type: known("passport"),
            country: known("UT"),
            files: files("a.png", "b.png"),
            claim: Some(claim),
            claimed_result: "{}".to_owned(),
            confirmed: Some(("s".to_owned(), confirmed)),
            ..ProfileChange::default()
        })
        .await;
        assert_eq!(changed_texts(&first), ["pending", "passport", "UT", "b"].map(Some));
        let second =
            change(ProfileChange { country: known(""), files: files("c.png", ""), ..ProfileChange::default() }).await;
        assert_eq!(changed_texts(&second), [Some("pending"), Some("passport"), None, Some("b")]);
        assert_eq!((&second.document_front.unwrap()[..1], second.updated), ("c", NOW));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn window_counts_are_shared_where_several_servers_can_run() {
    for tested in open_stores().await {
        let store = &tested.store;
        let counted = join_all((0..20).map(|_| store.count_in_window("a", NOW, 60))).await;
        let mut counts: Vec<_> = counted.into_iter().map(|count| count.unwrap()).collect();
        let Ground::Postgres { url, .. } = &tested.ground else {
            assert!(counts.iter().all(Option::is_none), "one process uses the folder alone, or the store cannot count");
            continue;
        };
        counts.sort_by_key(|count| count.unwrap().count);
        let ends = NOW.plus_seconds(60);
        let expected: Vec<_> = (1..=20).map(|count| Some(WindowCount { count, ends })).collect();
        assert_eq!(counts, expected);
        assert_eq!(store.count_in_window("b", NOW, 60).await.unwrap().unwrap().count, 1);
        let again = store.count_in_window("a", ends, 60).await.unwrap().unwrap();
        assert_eq!(again, WindowCount { count: 1, ends: ends.plus_seconds(60) }, "a new window");
        let mut database = sqlx::PgConnection::connect(url).await.unwrap();
        let kept: Vec<String> =
            sqlx::query_scalar("select key from token_failures").fetch_all(&mut database).await.unwrap();
        assert_eq!(kept, ["a"], "windows that have ended are removed");
    }
}

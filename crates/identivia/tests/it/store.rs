//! What every store must do. Each case runs on each store there is.

use std::sync::Arc;

use identivia::domain::event::{Event, EventKind};
use identivia::domain::id::RecordId;
use identivia::domain::liveness::{Claim, Confirmed, ConfirmedBy, Session, SessionStatus};
use identivia::domain::profile::{NewProfile, ProfileChange, ProfileFiles, Reach, VerificationStatus};
use identivia::domain::status::StatusRecord;
use identivia::domain::time::Millis;
use identivia::domain::verification::{Evidence, NewVerification};
use identivia::store::sqlite::Sqlite;
use identivia::store::{Collection, FileIntent, OnlyIf, PageRequest, Store, StoreError, Written};
use tempfile::TempDir;

const NOW: Millis = Millis(1_774_051_200_000);

/// The stores under test, each empty. The folder lives as long as the store.
fn stores() -> Vec<(Arc<dyn Store>, TempDir)> {
    let folder = tempfile::tempdir().unwrap();
    vec![(Arc::new(Sqlite::open(folder.path()).unwrap()), folder)]
}

fn event() -> Event {
    Event {
        at: NOW,
        kind: EventKind::ProfileChanged,
        actor: "tester".to_owned(),
        profile: None,
        request_id: "r".to_owned(),
        detail: String::new(),
    }
}

async fn create(store: &Arc<dyn Store>, team: &str, user: &str) -> RecordId {
    let new = NewProfile { team: team.to_owned(), user_id: user.to_owned(), ..NewProfile::default() };
    store.create_profile(RecordId::random(), new, event()).await.unwrap().id
}

fn step(profile: RecordId, previous: &str, new: &str) -> StatusRecord {
    StatusRecord {
        id: RecordId::random(),
        profile,
        updated_by: "tester".to_owned(),
        previous_status: previous.to_owned(),
        new_status: new.to_owned(),
        notes: "n".to_owned(),
        verification: String::new(),
        created: NOW,
    }
}

fn verification(profile: RecordId, session: &str) -> NewVerification {
    let claim = Claim { session_id: session.to_owned(), ..Claim::default() };
    NewVerification {
        id: RecordId::random(),
        profile,
        evidence: Evidence {
            document_type: "passport".to_owned(),
            document_number: String::new(),
            country: String::new(),
            name: String::new(),
            address: String::new(),
            gender: String::new(),
            date_of_birth: String::new(),
            fingerprint: String::new(),
            ip_address: String::new(),
            claim,
            confirmed: Confirmed { confidence: None, status: String::new(), by: ConfirmedBy::Provider },
        },
        facial_photo: String::new(),
        document_front: String::new(),
        document_back: String::new(),
        created_by: "tester".to_owned(),
        created: NOW,
    }
}

fn session(profile: Option<RecordId>) -> Session {
    Session { id: "s".to_owned(), profile, status: SessionStatus::Created, confidence: None, expires: NOW, used: false }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_made_once_for_each_user_of_a_team() {
    for (store, _folder) in stores() {
        let first = create(&store, "red", "u").await;
        assert_eq!(create(&store, "red", "u").await, first);
        assert_ne!(create(&store, "blue", "u").await, first);
        assert!(store.profile(first, &Reach::Team("red".to_owned())).await.unwrap().is_some());
        assert!(store.profile(first, &Reach::Team("blue".to_owned())).await.unwrap().is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conditional_write_holds_at_the_moment_of_writing() {
    for (store, _folder) in stores() {
        let id = create(&store, "", "u").await;
        let verified =
            ProfileChange { verification_status: Some(VerificationStatus::Verified), ..ProfileChange::default() };
        let changed =
            store.change_profile(id, &Reach::Every, OnlyIf::Undecided, verified, None, event()).await.unwrap();
        assert!(matches!(changed, Written::Done(profile) if profile.is_decided()));
        let change = || ProfileChange { country: Some("UT".to_owned()), ..ProfileChange::default() };
        let refused =
            store.change_profile(id, &Reach::Every, OnlyIf::Undecided, change(), None, event()).await.unwrap();
        assert!(matches!(refused, Written::Decided));
        let allowed = store.change_profile(id, &Reach::Every, OnlyIf::Always, change(), None, event()).await.unwrap();
        assert!(matches!(allowed, Written::Done(profile) if profile.country == "UT"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_racing_steps_from_one_status_one_is_recorded() {
    for (store, _folder) in stores() {
        let id = create(&store, "", "u").await;
        let steps = (0..20)
            .map(|_| store.record_status(step(id, "unverified", "pending"), &Reach::Every, OnlyIf::Undecided, event()));
        let outcomes = futures_util::future::join_all(steps).await;
        let done = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Written::Done(())))).count();
        assert_eq!(done, 1);
        let page = PageRequest { limit: 100, cursor: None };
        assert_eq!(store.status_records(id, page).await.unwrap().items.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_the_sweeper_has_taken_can_no_longer_be_recorded() {
    for (store, _folder) in stores() {
        let id = create(&store, "", "u").await;
        let intent = FileIntent {
            mark: "markmarkmark".to_owned(),
            collection: Collection::Profiles,
            record: id,
            name: String::new(),
        };
        store.open_intent(intent, NOW).await.unwrap();
        store.doom_intents_before(Millis(NOW.0 + 1)).await.unwrap();
        let files = ProfileFiles { facial_photo: "a_markmarkmark1.jpg".to_owned(), ..ProfileFiles::default() };
        let change = ProfileChange { files, country: Some("UT".to_owned()), ..ProfileChange::default() };
        let mark = Some("markmarkmark".to_owned());
        let outcome = store.change_profile(id, &Reach::Every, OnlyIf::Always, change, mark, event()).await;
        assert!(outcome.is_err());
        let profile = store.profile(id, &Reach::Every).await.unwrap().unwrap();
        assert_eq!((profile.files.facial_photo.as_str(), profile.country.as_str()), ("", ""));
        assert_eq!(store.doomed_intents().await.unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_session_never_changes_again() {
    for (store, _folder) in stores() {
        let session = session(None);
        store.add_session(session.clone(), event()).await.unwrap();
        let report = |status, confidence| Session { status, confidence, ..session.clone() };
        store.update_session(report(SessionStatus::Succeeded, Some(90.0))).await.unwrap();
        store.update_session(report(SessionStatus::Expired, None)).await.unwrap();
        let kept = store.session("s").await.unwrap().unwrap();
        assert_eq!((kept.status, kept.confidence), (SessionStatus::Succeeded, Some(90.0)));
        assert!(store.session("t").await.unwrap().is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_cursors_are_refused() {
    for (store, _folder) in stores() {
        let id = create(&store, "", "u").await;
        for cursor in ["x", "-1", "0", "1.2.3", "99999999999999999999"] {
            let page = PageRequest { limit: 1, cursor: Some(cursor.to_owned()) };
            assert!(matches!(store.status_records(id, page.clone()).await, Err(StoreError::BadCursor)), "{cursor}");
            let list = store.profiles(&Reach::Every, identivia::domain::profile::ProfileFilter::default(), page);
            assert!(matches!(list.await, Err(StoreError::BadCursor)), "{cursor}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reopening_finds_everything() {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(Sqlite::open(folder.path()).unwrap());
    let id = create(&store, "", "u").await;
    drop(store);
    let store = Sqlite::open(folder.path()).unwrap();
    assert!(store.profile(id, &Reach::Every).await.unwrap().is_some());
    store.ready().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn histories_of_a_decided_profile_are_closed_at_the_moment_of_writing() {
    for (store, _folder) in stores() {
        let id = create(&store, "", "u").await;
        let decided = step(id, "unverified", "rejected");
        store.record_status(decided, &Reach::Every, OnlyIf::Always, event()).await.unwrap();
        let late = step(id, "rejected", "pending");
        let refused = store.record_status(late.clone(), &Reach::Every, OnlyIf::Undecided, event()).await.unwrap();
        assert!(matches!(refused, Written::Decided));
        let record = || verification(id, "unknown");
        let refused =
            store.record_verification(record(), &Reach::Every, OnlyIf::Undecided, None, event()).await.unwrap();
        assert!(matches!(refused, Written::Decided));
        let page = || PageRequest { limit: 100, cursor: None };
        assert_eq!(store.status_records(id, page()).await.unwrap().items.len(), 1);
        assert_eq!(store.verification_records(id, page()).await.unwrap().items.len(), 0);

        let taken = store.record_status(late, &Reach::Every, OnlyIf::Always, event()).await.unwrap();
        assert!(matches!(taken, Written::Done(())));
        let taken = store.record_verification(record(), &Reach::Every, OnlyIf::Always, None, event()).await.unwrap();
        assert!(matches!(taken, Written::Done(())));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_records_that_race_for_a_session_one_of_its_own_profile_gets_it() {
    for (store, _folder) in stores() {
        let (mine, theirs) = (create(&store, "", "u").await, create(&store, "", "v").await);
        store.add_session(session(Some(mine)), event()).await.unwrap();
        let record = |profile| {
            store.record_verification(verification(profile, "s"), &Reach::Every, OnlyIf::Undecided, None, event())
        };
        assert!(matches!(record(theirs).await.unwrap(), Written::ForeignSession));
        let outcomes = futures_util::future::join_all((0..20).map(|_| record(mine))).await;
        let done = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Written::Done(())))).count();
        let used = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Written::SessionUsed))).count();
        assert_eq!((done, used), (1, 19));
        let page = || PageRequest { limit: 100, cursor: None };
        assert_eq!(store.verification_records(mine, page()).await.unwrap().items.len(), 1);
        assert_eq!(store.verification_records(theirs, page()).await.unwrap().items.len(), 0);
    }
}

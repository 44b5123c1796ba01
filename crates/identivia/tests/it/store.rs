//! What every store must do. Each case runs on each store there is; here those that write, in `reads`
//! those that look, in `checks` what the local engines and the checks on records stand on.

use std::io::Write as _;
use std::sync::Arc;

use futures_util::future::join_all;
use identivia::domain::event::{Event, EventKind};
use identivia::domain::fingerprint::DeviceCheck;
use identivia::domain::liveness::{
    BoundingBox, Challenge, Claim, Confirmed, ConfirmedBy, Details, Feedback, Session, SessionStatus, Task,
};
use identivia::domain::profile::{NewProfile, Profile, ProfileChange, ProfileFiles, Reach, VerificationStatus};
use identivia::domain::status::StatusRecord;
use identivia::domain::verification::{Evidence, NewVerification};
use identivia::records::id::RecordId;
use identivia::records::time::Millis;
use identivia::store::postgres::Postgres;
use identivia::store::sqlite::Sqlite;
use identivia::store::{
    Attached, Collection, Counted, FileIntent, Intents, OnlyIf, PageRequest, Refusal, Setting, Staged, Store,
    StoreError,
};
use sqlx::Connection as _;
use tempfile::TempDir;

use crate::ground::Ground;
use crate::world::{small_picture, video};

mod checks;
mod flow;
mod reads;

const NOW: Millis = Millis(1_774_051_200_000);

/// A store under test, empty.
struct Tested {
    store: Arc<dyn Store>,
    /// The notes of its files, where it has any.
    intents: Option<Arc<dyn Intents>>,
    ground: Ground,
    folder: TempDir,
}

/// Every store there is.
async fn stores() -> Vec<Tested> {
    let mut stores = Vec::new();
    for ground in [Ground::Sqlite, Ground::postgres().await, Ground::pocketbase().await] {
        let folder = tempfile::tempdir().unwrap();
        let (store, intents) = open(&ground, &folder).await;
        stores.push(Tested { store, intents, ground, folder });
    }
    stores
}

async fn open(ground: &Ground, folder: &TempDir) -> (Arc<dyn Store>, Option<Arc<dyn Intents>>) {
    match ground {
        Ground::Sqlite => {
            let store = Arc::new(Sqlite::open(folder.path()).unwrap());
            (store.clone(), Some(store))
        }
        Ground::Postgres { url, .. } => {
            let store = Arc::new(Postgres::open(url, 8).await.unwrap());
            (store.clone(), Some(store))
        }
        Ground::PocketBase(service) => (Arc::new(service.store()), None),
    }
}

impl Tested {
    /// The kinds and details of all events, oldest first.
    async fn events(&self) -> Vec<(String, String)> {
        let events = self.ground.events(self.folder.path()).await;
        events.into_iter().map(|(kind, _, detail)| (kind, detail)).collect()
    }

    /// What goes with a record that names these files: they themselves, where records keep them.
    fn attached(&self, names: &[&str]) -> Attached {
        let Ground::PocketBase(_) = &self.ground else { return Attached::default() };
        let stage = |name: &&str| {
            let mut file = tempfile::tempfile().unwrap();
            let bytes = if name.ends_with(".webm") { video(100) } else { small_picture(1) };
            file.write_all(&bytes).unwrap();
            Staged { name: (*name).to_owned(), file }
        };
        Attached { mark: None, staged: names.iter().map(stage).collect() }
    }

    /// Another store on the same records, as after a restart.
    async fn reopened(self) -> Self {
        drop((self.store, self.intents));
        let (store, intents) = open(&self.ground, &self.folder).await;
        Self { store, intents, ground: self.ground, folder: self.folder }
    }
}

fn event() -> Event {
    Event {
        id: RecordId::random(),
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
            device: DeviceCheck::default(),
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
    Session::new("s".to_owned(), profile, NOW)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_made_once_for_each_user_of_a_team() {
    for Tested { store, .. } in stores().await {
        let first = create(&store, "red", "u").await;
        assert_eq!(create(&store, "red", "u").await, first);
        assert_ne!(create(&store, "blue", "u").await, first);
        assert!(store.profile(first, &Reach::Team("red".to_owned())).await.unwrap().is_some());
        assert!(store.profile(first, &Reach::Team("blue".to_owned())).await.unwrap().is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conditional_write_holds_at_the_moment_of_writing() {
    for Tested { store, .. } in stores().await {
        let id = create(&store, "", "u").await;
        let verified =
            ProfileChange { verification_status: Some(VerificationStatus::Verified), ..ProfileChange::default() };
        let changed = store
            .change_profile(id, &Reach::Every, OnlyIf::Undecided, verified, Attached::default(), event())
            .await
            .unwrap();
        assert!(matches!(changed, Ok(profile) if profile.is_decided()));
        let change = || ProfileChange { country: Some("UT".to_owned()), ..ProfileChange::default() };
        let refused = store
            .change_profile(id, &Reach::Every, OnlyIf::Undecided, change(), Attached::default(), event())
            .await
            .unwrap();
        assert!(matches!(refused, Err(Refusal::Decided)));
        let allowed = store
            .change_profile(id, &Reach::Every, OnlyIf::Always, change(), Attached::default(), event())
            .await
            .unwrap();
        assert!(matches!(allowed, Ok(profile) if profile.country == "UT"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_racing_steps_from_one_status_one_is_recorded() {
    for Tested { store, .. } in stores().await {
        let id = create(&store, "", "u").await;
        let steps = (0..20)
            .map(|_| store.record_status(step(id, "unverified", "pending"), &Reach::Every, OnlyIf::Undecided, event()));
        let outcomes = join_all(steps).await;
        let done = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Ok(_)))).count();
        assert_eq!(done, 1);
        let page = PageRequest { limit: 100, cursor: None };
        assert_eq!(store.status_records(id, page).await.unwrap().items.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_the_sweeper_has_taken_can_no_longer_be_recorded() {
    for Tested { store, intents, .. } in stores().await {
        let Some(intents) = intents else { continue };
        let id = create(&store, "", "u").await;
        let intent = FileIntent {
            mark: "markmarkmark".to_owned(),
            collection: Collection::Profiles,
            record: id,
            name: String::new(),
        };
        intents.open_intent(intent, NOW).await.unwrap();
        intents.doom_intents_before(Millis(NOW.0 + 1)).await.unwrap();
        let files = ProfileFiles { facial_photo: "a_markmarkmark1.jpg".to_owned(), ..ProfileFiles::default() };
        let change = ProfileChange { files, country: Some("UT".to_owned()), ..ProfileChange::default() };
        let attached = Attached { mark: Some("markmarkmark".to_owned()), ..Attached::default() };
        let outcome = store.change_profile(id, &Reach::Every, OnlyIf::Always, change, attached, event()).await;
        assert!(outcome.is_err());
        let profile = store.profile(id, &Reach::Every).await.unwrap().unwrap();
        assert_eq!((profile.files.facial_photo.as_str(), profile.country.as_str()), ("", ""));
        assert_eq!(intents.claim_doomed(NOW).await.unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_sweepers_one_gets_what_is_doomed_until_its_claim_ends() {
    for Tested { store, intents, .. } in stores().await {
        let Some(intents) = intents else { continue };
        let record = create(&store, "", "u").await;
        for number in 0..20 {
            let mark = format!("mark{number:08}");
            let intent = FileIntent { mark, collection: Collection::Profiles, record, name: String::new() };
            intents.open_intent(intent, NOW).await.unwrap();
        }
        intents.doom_intents_before(Millis(NOW.0 + 1)).await.unwrap();
        let claims = join_all((0..8).map(|_| intents.claim_doomed(NOW))).await;
        let claimed: usize = claims.into_iter().map(|claim| claim.unwrap().len()).sum();
        assert_eq!(claimed, 20);
        assert_eq!(intents.claim_doomed(NOW.plus_seconds(61)).await.unwrap().len(), 20, "the claimant died");
        let marks = (0..20).map(|number| format!("mark{number:08}")).collect();
        intents.forget_intents(marks).await.unwrap();
        assert!(intents.claim_doomed(NOW.plus_seconds(200)).await.unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_session_never_changes_again() {
    for Tested { store, .. } in stores().await {
        let session = session(None);
        store.add_session(session.clone(), event()).await.unwrap();
        let report = |status, confidence| Session { status, confidence, ..session.clone() };
        let keep = |session| store.update_session(session, Attached::default(), Some(event()));
        keep(report(SessionStatus::Succeeded, Some(90.0))).await.unwrap().unwrap();
        let again = keep(report(SessionStatus::Expired, None)).await.unwrap();
        assert_eq!(again.err(), Some(Refusal::SessionFinished));
        let kept = store.session("s").await.unwrap().unwrap();
        assert_eq!((kept.status, kept.confidence), (SessionStatus::Succeeded, Some(90.0)));
        assert!(store.session("t").await.unwrap().is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_session_keeps_what_the_provider_said_and_names_its_images() {
    for tested in stores().await {
        let store = &tested.store;
        let profile = create(store, "red", "u").await;
        let begun = session(Some(profile));
        store.add_session(begun.clone(), event()).await.unwrap();
        let bounding_box = BoundingBox { width: 0.5, height: 0.6, left: -0.01, top: 0.1 };
        let mut finished = Session { status: SessionStatus::Succeeded, confidence: Some(95.5), ..begun };
        finished.details = Details {
            challenge: Some(Challenge { kind: "FaceMovementChallenge".to_owned(), version: "1.0.0".to_owned() }),
            feedback: vec![Feedback { code: "LOW_LIGHTING_DETECTED".to_owned(), message: "Too dark".to_owned() }],
            bounding_boxes: vec![Some(bounding_box), None],
            task: Some(Task::random()),
        };
        let names = ["reference_image_a1.png", "audit_image_1_a2.png"];
        (finished.files[0], finished.files[1]) = (names[0].to_owned(), names[1].to_owned());
        let kept =
            store.update_session(finished.clone(), tested.attached(&names), Some(event())).await.unwrap().unwrap();
        let read = store.session("s").await.unwrap().unwrap();
        assert_eq!((&read.details, read.status, read.confidence), (&finished.details, finished.status, Some(95.5)));
        assert_eq!(read.files, kept.files);
        assert!(read.files[..2].iter().all(|name| !name.is_empty()) && read.files[2].is_empty());

        let owner = async |name: &str, reach: Reach| {
            store.file_owner(Collection::LivenessSessions, read.key(), name, &reach).await.unwrap()
        };
        for name in &read.files[..2] {
            assert_eq!(owner(name, Reach::Every).await, Some(profile));
            assert_eq!(owner(name, Reach::Team("red".to_owned())).await, Some(profile));
            assert_eq!(owner(name, Reach::Team("blue".to_owned())).await, None);
        }
        assert_eq!(owner("reference_image_b1.png", Reach::Every).await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn open_sessions_are_those_that_can_still_come_to_something() {
    for Tested { store, .. } in stores().await {
        for (id, status, made) in [
            ("new", SessionStatus::Created, NOW),
            ("under way", SessionStatus::InProgress, NOW),
            ("finished", SessionStatus::Succeeded, NOW),
            ("failed", SessionStatus::Failed, NOW),
            ("ended", SessionStatus::Expired, NOW),
            ("too old", SessionStatus::Created, NOW.plus_seconds(-181)),
        ] {
            store.add_session(Session { status, ..Session::new(id.to_owned(), None, made) }, event()).await.unwrap();
        }
        let mut open: Vec<_> = store.open_sessions(NOW).await.unwrap().into_iter().map(|open| open.id).collect();
        open.sort();
        assert_eq!(open, ["new", "under way"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_cursors_are_refused() {
    for Tested { store, .. } in stores().await {
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
async fn records_of_one_millisecond_are_listed_in_the_order_of_their_making() {
    for Tested { store, .. } in stores().await {
        let id = create(&store, "", "u").await;
        for number in 0..30 {
            let record = step(id, "pending", &format!("step_{number}"));
            store.record_status(record, &Reach::Every, OnlyIf::Always, event()).await.unwrap().unwrap();
        }
        for limit in [1, 4, 10, 30] {
            let (mut listed, mut cursor) = (Vec::new(), None);
            loop {
                let page = store.status_records(id, PageRequest { limit, cursor }).await.unwrap();
                listed.extend(page.items.into_iter().map(|record| record.new_status));
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
async fn reopening_finds_everything() {
    for tested in stores().await {
        let id = create(&tested.store, "", "u").await;
        let Tested { store, .. } = &tested.reopened().await;
        assert!(store.profile(id, &Reach::Every).await.unwrap().is_some());
        store.ready().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn histories_of_a_decided_profile_are_closed_at_the_moment_of_writing() {
    for Tested { store, .. } in stores().await {
        let id = create(&store, "", "u").await;
        let decided = step(id, "unverified", "rejected");
        let taken = store.record_status(decided, &Reach::Every, OnlyIf::Always, event()).await.unwrap();
        assert!(taken.is_ok());
        let late = step(id, "rejected", "pending");
        let refused = store.record_status(late.clone(), &Reach::Every, OnlyIf::Undecided, event()).await.unwrap();
        assert!(matches!(refused, Err(Refusal::Decided)));
        let record = || verification(id, "unknown");
        let refused = store
            .record_verification(record(), &Reach::Every, OnlyIf::Undecided, Attached::default(), event())
            .await
            .unwrap();
        assert!(matches!(refused, Err(Refusal::Decided)));
        let page = || PageRequest { limit: 100, cursor: None };
        assert_eq!(store.status_records(id, page()).await.unwrap().items.len(), 1);
        assert_eq!(store.verification_records(id, page()).await.unwrap().items.len(), 0);

        let taken = store.record_status(late, &Reach::Every, OnlyIf::Always, event()).await.unwrap();
        assert!(taken.is_ok());
        let taken = store
            .record_verification(record(), &Reach::Every, OnlyIf::Always, Attached::default(), event())
            .await
            .unwrap();
        assert!(taken.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_records_that_race_for_a_session_one_of_its_own_profile_gets_it() {
    for Tested { store, .. } in stores().await {
        let (mine, theirs) = (create(&store, "", "u").await, create(&store, "", "v").await);
        store.add_session(session(Some(mine)), event()).await.unwrap();
        let record = |profile| {
            store.record_verification(
                verification(profile, "s"),
                &Reach::Every,
                OnlyIf::Undecided,
                Attached::default(),
                event(),
            )
        };
        assert!(matches!(record(theirs).await.unwrap(), Err(Refusal::ForeignSession)));
        let outcomes = join_all((0..20).map(|_| record(mine))).await;
        let done = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Ok(_)))).count();
        let used = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Err(Refusal::SessionUsed)))).count();
        assert_eq!((done, used), (1, 19));
        let page = || PageRequest { limit: 100, cursor: None };
        assert_eq!(store.verification_records(mine, page()).await.unwrap().items.len(), 1);
        assert_eq!(store.verification_records(theirs, page()).await.unwrap().items.len(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_record_names_no_verification_of_another_profile() {
    for tested in stores().await {
        let store = &tested.store;
        let mut profiles = Vec::new();
        for user in ["mine", "theirs"] {
            let new = NewProfile { user_id: user.to_owned(), ..NewProfile::default() };
            profiles.push(store.create_profile(RecordId::random(), new, event()).await.unwrap().id);
        }
        for (profile, is_theirs) in [(profiles[0], false), (profiles[1], true)] {
            let record = verification(profile, "unknown");
            let named = record.id.to_string();
            let added = store.record_verification(record, &Reach::Every, OnlyIf::Always, Attached::default(), event());
            assert!(added.await.unwrap().is_ok());
            let step = StatusRecord { verification: named, ..step(profiles[0], "", "pending") };
            let recorded = store.record_status(step, &Reach::Every, OnlyIf::Always, event()).await.unwrap();
            assert_eq!(matches!(recorded, Err(Refusal::UnknownVerification)), is_theirs);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_written_with_their_change_and_only_then() {
    for tested in stores().await {
        let store = &tested.store;
        let said = |detail: &str| Event { detail: detail.to_owned(), ..event() };
        let new = || NewProfile { user_id: "u".to_owned(), ..NewProfile::default() };
        let id = store.create_profile(RecordId::random(), new(), said("made")).await.unwrap().id;
        store.create_profile(RecordId::random(), new(), said("was there")).await.unwrap();
        let change = |country: &str| ProfileChange { country: Some(country.to_owned()), ..ProfileChange::default() };
        for (team, detail) in [("red", "out of reach"), ("", "changed")] {
            let reach = Reach::Team(team.to_owned());
            let changing =
                store.change_profile(id, &reach, OnlyIf::Always, change("UT"), Attached::default(), said(detail));
            assert_eq!(changing.await.unwrap().is_ok(), team.is_empty());
        }
        if tested.intents.is_some() {
            let late = Attached { mark: Some("nobodysmark1".to_owned()), ..Attached::default() };
            let changing = store.change_profile(id, &Reach::Every, OnlyIf::Always, change("CH"), late, said("late"));
            assert!(matches!(changing.await, Err(StoreError::Busy)));
        }
        assert_eq!(store.profile(id, &Reach::Every).await.unwrap().unwrap().country, "UT");

        let unknown = StatusRecord { verification: RecordId::random().to_string(), ..step(id, "", "pending") };
        let recording = store.record_status(unknown, &Reach::Every, OnlyIf::Always, said("of no record"));
        assert!(matches!(recording.await.unwrap(), Err(Refusal::UnknownVerification)));
        let recording = store.record_status(step(id, "", "pending"), &Reach::Every, OnlyIf::Always, said("status"));
        assert!(recording.await.unwrap().is_ok());
        store.add_session(session(Some(id)), said("session")).await.unwrap();
        assert!(store.add_session(session(Some(id)), said("session twice")).await.is_err());
        for detail in ["verification", "session used"] {
            let record = verification(id, "s");
            let recording =
                store.record_verification(record, &Reach::Every, OnlyIf::Always, Attached::default(), said(detail));
            assert_eq!(recording.await.unwrap().is_ok(), detail == "verification");
        }
        let setting = Setting { key: "k".to_owned(), value: "1".to_owned(), public: true };
        store.put_setting(setting, NOW, said("set")).await.unwrap();
        for detail in ["removed", "not there"] {
            assert_eq!(store.delete_setting("k", said(detail)).await.unwrap(), detail == "removed");
        }
        store.note(Event { kind: EventKind::TrustRefused, ..said("noted") }).await.unwrap();

        let details: Vec<String> = tested.events().await.into_iter().map(|(_, detail)| detail).collect();
        let expected = ["made", "changed", "status", "session", "verification", "set", "removed", "noted"];
        assert_eq!(details, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_keeps_what_it_does_not_name() {
    for tested in stores().await {
        let store = &tested.store;
        let id = create(store, "", "u").await;
        let change = async |change: ProfileChange| {
            let attached = tested.attached(&["a.png", "b.png", "c.png"]);
            let changing = store.change_profile(id, &Reach::Every, OnlyIf::Always, change, attached, event());
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
            document_type: Some("passport".to_owned()),
            country: Some("UT".to_owned()),
            files: files("a.png", "b.png"),
            claim: Some(claim),
            claimed_result: "{}".to_owned(),
            confirmed: Some(("s".to_owned(), confirmed)),
            ..ProfileChange::default()
        })
        .await;
        let of = |profile: &Profile| {
            let files = &profile.files;
            let texts = [&profile.verification_status, &profile.document_type, &profile.country, &files.facial_photo];
            // PocketBase makes `b_<10 letters>_<10 letters>.png` of `b.png`, and one of shorter names something longer.
            texts.map(|text| if text.ends_with(".png") { text[..1].to_owned() } else { text.clone() })
        };
        assert_eq!(of(&first), ["pending", "passport", "UT", "b"]);
        let second = change(ProfileChange {
            country: Some(String::new()),
            files: files("c.png", ""),
            ..ProfileChange::default()
        })
        .await;
        assert_eq!(of(&second), ["pending", "passport", "", "b"]);
        assert_eq!((&second.files.document_front[..1], second.updated), ("c", NOW));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_file_is_the_sweepers_and_a_doomed_upload_too() {
    for Tested { store, intents, .. } in stores().await {
        let Some(intents) = intents else { continue };
        let id = create(&store, "", "u").await;
        for name in ["a.png", "b.png"] {
            let files = ProfileFiles { facial_photo: name.to_owned(), ..ProfileFiles::default() };
            let change = ProfileChange { files, ..ProfileChange::default() };
            let changing =
                store.change_profile(id, &Reach::Every, OnlyIf::Always, change, Attached::default(), event());
            assert!(changing.await.unwrap().is_ok());
        }
        for mark in ["markmark0001", "markmark0002"] {
            let intent = FileIntent {
                mark: mark.to_owned(),
                collection: Collection::VerificationHistory,
                record: id,
                name: String::new(),
            };
            intents.open_intent(intent, NOW).await.unwrap();
        }
        intents.doom_intent("markmark0001").await.unwrap();
        let mut claimed = intents.claim_doomed(NOW).await.unwrap();
        claimed.sort_by(|one, other| other.name.cmp(&one.name));
        let seen: Vec<_> = claimed.iter().map(|intent| (intent.collection, intent.record, &*intent.name)).collect();
        assert_eq!(seen, [(Collection::Profiles, id, "a.png"), (Collection::VerificationHistory, id, "")]);
        assert_eq!(claimed[1].mark, "markmark0001");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_counted_over_all_servers_where_there_can_be_several() {
    for tested in stores().await {
        let store = &tested.store;
        let counted = join_all((0..20).map(|_| store.count_within("a", NOW, 60))).await;
        let mut counts: Vec<_> = counted.into_iter().map(|failures| failures.unwrap()).collect();
        let Ground::Postgres { url, .. } = &tested.ground else {
            assert!(counts.iter().all(Option::is_none), "one process has the folder to itself, or no way to count");
            continue;
        };
        counts.sort_by_key(|failures| failures.unwrap().count);
        let ends = NOW.plus_seconds(60);
        let expected: Vec<_> = (1..=20).map(|count| Some(Counted { count, ends })).collect();
        assert_eq!(counts, expected);
        assert_eq!(store.count_within("b", NOW, 60).await.unwrap().unwrap().count, 1);
        let again = store.count_within("a", ends, 60).await.unwrap().unwrap();
        assert_eq!(again, Counted { count: 1, ends: ends.plus_seconds(60) }, "a new window");
        let mut database = sqlx::PgConnection::connect(url).await.unwrap();
        let kept: Vec<String> =
            sqlx::query_scalar("select key from token_failures").fetch_all(&mut database).await.unwrap();
        assert_eq!(kept, ["a"], "windows that have ended are forgotten");
    }
}

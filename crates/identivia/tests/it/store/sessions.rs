//! Liveness sessions: begun once, finished once, used once.

use futures_util::future::join_all;
use identivia::domain::face_imprint::FrameImprint;
use identivia::domain::liveness::session_key;
use identivia::records::liveness_session::{BoundingBox, Challenge, Feedback, SessionDetails, Task};
use identivia::store::SessionStart;
use vision::liveness::Imprint;

use identivia::jobs::claim::ClaimOutcome;
use identivia::jobs::queue::JobKind as _;
use identivia::jobs::session_polling::SessionPolling;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn finished_session_refuses_updates() {
    for TestedStore { store, .. } in open_stores().await {
        let session = new_session("s", None);
        add_session(&store, &session).await;
        let update = async |status, confidence| {
            let report = LivenessSession { status, confidence, ..session.clone() };
            store.update_session(&report, UploadedFiles::default(), Some(new_event())).await.unwrap()
        };
        update(SessionStatus::Succeeded, Some(90.0)).await.unwrap();
        let again = update(SessionStatus::Expired, None).await;
        assert_eq!(again.err(), Some(Refusal::SessionFinished));
        let kept = store.session("s").await.unwrap().unwrap();
        assert_eq!((kept.status, kept.confidence), (SessionStatus::Succeeded, Some(90.0)));
        assert!(store.session("t").await.unwrap().is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn finished_session_has_its_report_and_names_its_images() {
    for tested in open_stores().await {
        let store = &tested.store;
        let profile = create_profile(store, "red", "u").await;
        let begun = new_session("s", Some(profile));
        add_session(store, &begun).await;
        let bounding_box = BoundingBox { width: 0.5, height: 0.6, left: -0.01, top: 0.1 };
        let mut finished = LivenessSession { status: SessionStatus::Succeeded, confidence: Some(95.5), ..begun };
        finished.details = SessionDetails {
            challenge: Some(Challenge { kind: "FaceMovementChallenge".to_owned(), version: "1.0.0".to_owned() }),
            feedback: vec![Feedback { code: "LOW_LIGHTING_DETECTED".to_owned(), message: "Too dark".to_owned() }],
            bounding_boxes: vec![Some(bounding_box), None],
            task: Some(Task::random()),
        };
        let names = ["reference_image_a1.png", "audit_image_1_a2.png"];
        finished.set_files([known(names[0]), known(names[1]), None, None, None]);
        let updating = store.update_session(&finished, tested.stage_files(&names), Some(new_event()));
        let kept = updating.await.unwrap().unwrap();
        let read = store.session("s").await.unwrap().unwrap();
        assert_eq!((&read.details, read.status, read.confidence), (&finished.details, finished.status, Some(95.5)));
        assert_eq!(read.files(), kept.files());
        assert!(read.files()[..2].iter().all(Option::is_some) && read.files()[2..].iter().all(Option::is_none));

        let find_owner = async |name: &str, reach: Reach| {
            store
                .file_owner(Collection::LivenessSessions, read.files_id, name, &reach)
                .await
                .unwrap()
                .map(|(owner, _)| owner)
        };
        for name in read.files().into_iter().flatten() {
            assert_eq!(find_owner(name, Reach::Every).await, Some(profile));
            assert_eq!(find_owner(name, Reach::Team("red".to_owned())).await, Some(profile));
            assert_eq!(find_owner(name, Reach::Team("blue".to_owned())).await, None);
        }
        assert_eq!(find_owner("reference_image_b1.png", Reach::Every).await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn due_polls_are_claimed_one_by_one_and_closed() {
    for TestedStore { store, .. } in open_stores().await {
        for (id, poll_due) in [("none", None), ("first", Some(NOW)), ("later", Some(NOW.plus_seconds(30)))] {
            let session = LivenessSession::new(id.to_owned(), None, NOW);
            add_session(&store, &LivenessSession { poll_due, ..session }).await;
        }
        let columns = SessionPolling::COLUMNS;
        let claim = async |now: Millis| -> ClaimOutcome<LivenessSession> {
            columns.claim_due_job(&*store, now, now.plus_seconds(20)).await.unwrap()
        };
        let ClaimOutcome::Claimed(first) = claim(NOW).await else { panic!("a poll is due") };
        assert_eq!((first.record.id.as_str(), first.attempt), ("first", 1));
        let ClaimOutcome::NothingDue(next) = claim(NOW).await else { panic!("one poll is due") };
        assert_eq!(next, Some(NOW.plus_seconds(20)), "the end of the lease comes before the later poll");
        columns.reschedule_job(&*store, &first, NOW.plus_seconds(40)).await.unwrap();
        let ClaimOutcome::Claimed(later) = claim(NOW.plus_seconds(31)).await else { panic!("the later poll is due") };
        assert_eq!(later.record.id, "later");
        columns.close_job(&*store, &later).await.unwrap();
        let ClaimOutcome::Claimed(again) = claim(NOW.plus_seconds(900)).await else { panic!("it was rescheduled") };
        assert_eq!((again.record.id.as_str(), again.attempt), ("first", 1), "a poll that succeeded counts from 1");
        columns.close_job(&*store, &again).await.unwrap();
        assert!(matches!(claim(NOW.plus_seconds(1_800)).await, ClaimOutcome::NothingDue(None)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn session_task_is_stored_on_creation() {
    for TestedStore { store, .. } in open_stores().await {
        let mut begun = new_session("s", None);
        begun.details.task = Some(Task::random());
        add_session(&store, &begun).await;
        assert_eq!(store.session("s").await.unwrap().unwrap().details, begun.details);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_begin_has_one_winner_and_reports_known_frames() {
    for TestedStore { store, .. } in open_stores().await {
        let frames =
            |of: u8| -> Vec<RecordId> { (0..9).map(|number| session_key(&format!("frame {of} {number}"))).collect() };
        let begin = async |id: &str, frames: Vec<RecordId>| store.begin_session(id, &frames, new_event()).await;
        for id in ["s", "t", "u"] {
            add_session(&store, &new_session(id, None)).await;
        }
        let begun = join_all((0..8).map(|_| begin("s", frames(1)))).await;
        let first = SessionStart::First { has_known_frames: false };
        let firsts = begun.iter().filter(|begun| matches!(begun, Ok(start) if *start == first)).count();
        let again = begun.iter().filter(|begun| matches!(begun, Ok(SessionStart::Again))).count();
        assert_eq!((firsts, again), (1, 7), "{begun:?}");
        assert_eq!(store.session("s").await.unwrap().unwrap().status, SessionStatus::InProgress);
        let mut mixed = frames(2);
        mixed.push(frames(1)[4]);
        assert_eq!(begin("t", mixed).await.unwrap(), SessionStart::First { has_known_frames: true });
        assert_eq!(begin("u", frames(3)).await.unwrap(), SessionStart::First { has_known_frames: false });
        assert_eq!(begin("unknown", frames(4)).await.unwrap(), SessionStart::Again);
        let expired = LivenessSession::new("v".to_owned(), None, NOW.plus_seconds(-180));
        add_session(&store, &expired).await;
        assert_eq!(begin("v", frames(5)).await.unwrap(), SessionStart::Again, "its time is over");
    }
}

/// An imprint unlike those of other numbers.
fn imprint_of_number(number: u64) -> Imprint {
    let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = [0; 256];
    for byte in &mut bytes {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *byte = (state >> 56) as u8;
    }
    Imprint::from_bytes(&bytes).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn similar_frames_find_earlier_sessions() {
    for TestedStore { store, .. } in open_stores().await {
        let frames = |of: &str, numbers: std::ops::Range<u64>| -> Vec<FrameImprint> {
            let frame = |number| session_key(&format!("frame {of} {number}"));
            numbers.map(|number| FrameImprint { frame: frame(number), imprint: imprint_of_number(number) }).collect()
        };
        let store_frames = async |id: &str, frames: Vec<FrameImprint>| {
            add_session(&store, &new_session(id, None)).await;
            let prints: Vec<RecordId> = frames.iter().map(|seen| seen.frame).collect();
            store.begin_session(id, &prints, new_event()).await.unwrap();
            store.store_imprints(id, &frames).await.unwrap()
        };
        assert_eq!(store_frames("first", frames("first", 0..9)).await, Vec::<Imprint>::new(), "not its own");
        assert_eq!(store_frames("second", frames("second", 100..109)).await, Vec::<Imprint>::new(), "nothing alike");
        let own = |numbers: std::ops::Range<u64>| numbers.map(imprint_of_number).collect::<Vec<_>>();
        let alike = store_frames("third", frames("third", 107..110)).await;
        assert_eq!(alike, own(100..109), "whole sessions, by a few frames");
        let mirrored = frames("mirrored", 0..2).into_iter();
        let mirrored = mirrored.map(|seen| FrameImprint { imprint: seen.imprint.to_mirrored(), ..seen }).collect();
        assert_eq!(store_frames("mirrored", mirrored).await, own(0..9));
        let most = store_frames("both", [frames("both", 0..1), frames("both", 104..107)].concat()).await;
        assert_eq!(most[..9], own(100..109), "the most alike first, of {}", most.len());
        assert_eq!(store_frames("faceless", Vec::new()).await, Vec::<Imprint>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_of_a_profile_are_its_own_that_expire_later() {
    for TestedStore { store, .. } in open_stores().await {
        let (mine, theirs) = (create_profile(&store, "", "u").await, create_profile(&store, "", "v").await);
        for (id, profile, made) in [
            ("early", Some(mine), NOW),
            ("late", Some(mine), NOW.plus_seconds(600)),
            ("theirs", Some(theirs), NOW.plus_seconds(600)),
            ("of no profile", None, NOW.plus_seconds(600)),
        ] {
            add_session(&store, &LivenessSession::new(id.to_owned(), profile, made)).await;
        }
        let found = store.sessions_of_profile(mine, NOW.plus_seconds(300)).await.unwrap();
        assert_eq!(found.iter().map(|session| session.id.as_str()).collect::<Vec<_>>(), ["late"]);
        assert_eq!(store.sessions_of_profile(mine, NOW).await.unwrap().len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unused_sessions_are_the_profiles_own_that_succeeded_newest_first() {
    for TestedStore { store, .. } in open_stores().await {
        let (mine, theirs) = (create_profile(&store, "", "u").await, create_profile(&store, "", "v").await);
        for (id, profile, status, made) in [
            ("old", mine, SessionStatus::Succeeded, -1_000),
            ("first", mine, SessionStatus::Succeeded, 0),
            ("failed", mine, SessionStatus::Failed, 1),
            ("second", mine, SessionStatus::Succeeded, 2),
            ("begun", mine, SessionStatus::InProgress, 3),
            ("used", mine, SessionStatus::Succeeded, 4),
            ("theirs", theirs, SessionStatus::Succeeded, 5),
        ] {
            let made = LivenessSession::new(id.to_owned(), Some(profile), NOW.plus_seconds(made));
            add_session(&store, &LivenessSession { status, confidence: Some(90.0), ..made }).await;
        }
        assert!(record_verification(&store, new_verification(mine, "used"), WriteCondition::Always).await.is_ok());
        let unused = store.unused_sessions(mine, NOW).await.unwrap();
        let unused: Vec<_> =
            unused.iter().map(|session| (session.id.as_str(), session.confidence, session.used_by)).collect();
        assert_eq!(unused, [("second", Some(90.0), None), ("first", Some(90.0), None)]);
    }
}

//! The steps that local liveness and the checks on records stand on.

use futures_util::future::join_all;
use identivia::domain::checks::{Assurance, Check, Checked, ChecksStatus, Outcome, WeightsUsed};
use identivia::domain::liveness::{FrameImprint, Session, SessionStatus, Task, session_key};
use identivia::domain::profile::Reach;
use identivia::records::id::RecordId;
use identivia::records::time::Millis;
use identivia::store::{Attached, Begun, OnlyIf, PageRequest};

use vision::liveness::Imprint;

use super::{NOW, Tested, create, event, session, stores, verification};

#[tokio::test(flavor = "multi_thread")]
async fn what_a_session_asks_for_is_kept_from_its_beginning() {
    for Tested { store, .. } in stores().await {
        let mut begun = session(None);
        begun.details.task = Some(Task::random());
        store.add_session(begun.clone(), event()).await.unwrap();
        assert_eq!(store.session("s").await.unwrap().unwrap().details, begun.details);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_begin_a_session_one_does_and_known_frames_are_told() {
    for Tested { store, .. } in stores().await {
        let frames =
            |of: u8| -> Vec<RecordId> { (0..9).map(|number| session_key(&format!("frame {of} {number}"))).collect() };
        let begin = |id: &'static str, frames: Vec<RecordId>| store.begin_session(id, frames, event());
        for id in ["s", "t", "u"] {
            store.add_session(Session::new(id.to_owned(), None, NOW), event()).await.unwrap();
        }
        let begun = join_all((0..8).map(|_| begin("s", frames(1)))).await;
        let firsts = begun.iter().filter(|begun| matches!(begun, Ok(Begun::First { has_known_frames: false }))).count();
        let again = begun.iter().filter(|begun| matches!(begun, Ok(Begun::Again))).count();
        assert_eq!((firsts, again), (1, 7), "{begun:?}");
        assert_eq!(store.session("s").await.unwrap().unwrap().status, SessionStatus::InProgress);
        let mut mixed = frames(2);
        mixed.push(frames(1)[4]);
        assert_eq!(begin("t", mixed).await.unwrap(), Begun::First { has_known_frames: true });
        assert_eq!(begin("u", frames(3)).await.unwrap(), Begun::First { has_known_frames: false });
        assert_eq!(begin("nobody's", frames(4)).await.unwrap(), Begun::Again);
        store.add_session(Session::new("v".to_owned(), None, NOW.plus_seconds(-180)), event()).await.unwrap();
        assert_eq!(begin("v", frames(5)).await.unwrap(), Begun::Again, "its time is over");
    }
}

/// An imprint unlike those of other numbers.
fn imprint(number: u64) -> Imprint {
    let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = [0; 256];
    for byte in &mut bytes {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *byte = (state >> 56) as u8;
    }
    Imprint::from_bytes(&bytes).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_found_by_frames_like_theirs() {
    for Tested { store, .. } in stores().await {
        let frames = |of: &str, numbers: std::ops::Range<u64>| -> Vec<FrameImprint> {
            let frame = |number| session_key(&format!("frame {of} {number}"));
            numbers.map(|number| FrameImprint { frame: frame(number), imprint: imprint(number) }).collect()
        };
        let keep = async |id: &str, frames: Vec<FrameImprint>| {
            store.add_session(Session::new(id.to_owned(), None, NOW), event()).await.unwrap();
            let prints = frames.iter().map(|seen| seen.frame).collect();
            store.begin_session(id, prints, event()).await.unwrap();
            store.keep_imprints(id, frames).await.unwrap()
        };
        assert_eq!(keep("first", frames("first", 0..9)).await, Vec::<Imprint>::new(), "not its own");
        assert_eq!(keep("second", frames("second", 100..109)).await, Vec::<Imprint>::new(), "nothing alike");
        let own = |numbers: std::ops::Range<u64>| numbers.map(imprint).collect::<Vec<_>>();
        let alike = keep("third", frames("third", 107..110)).await;
        assert_eq!(alike, own(100..109), "whole sessions, by a few frames");
        let mirrored = frames("mirrored", 0..2).into_iter();
        let mirrored = mirrored.map(|seen| FrameImprint { imprint: seen.imprint.to_mirrored(), ..seen }).collect();
        assert_eq!(keep("mirrored", mirrored).await, own(0..9));
        let most = keep("both", [frames("both", 0..1), frames("both", 104..107)].concat()).await;
        assert_eq!(most[..9], own(100..109), "the most alike first, of {}", most.len());
        assert_eq!(keep("faceless", Vec::new()).await, Vec::<Imprint>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profiles_sessions_are_its_own_and_the_late_ones() {
    for Tested { store, .. } in stores().await {
        let (mine, theirs) = (create(&store, "", "u").await, create(&store, "", "v").await);
        for (id, profile, made) in [
            ("early", Some(mine), NOW),
            ("late", Some(mine), NOW.plus_seconds(600)),
            ("theirs", Some(theirs), NOW.plus_seconds(600)),
            ("nobody's", None, NOW.plus_seconds(600)),
        ] {
            store.add_session(Session::new(id.to_owned(), profile, made), event()).await.unwrap();
        }
        let found = store.sessions_of(mine, NOW.plus_seconds(300)).await.unwrap();
        assert_eq!(found.iter().map(|session| session.id.as_str()).collect::<Vec<_>>(), ["late"]);
        assert_eq!(store.sessions_of(mine, NOW).await.unwrap().len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_are_claimed_until_they_are_kept_and_kept_once() {
    for Tested { store, .. } in stores().await {
        let profile = create(&store, "", "u").await;
        assert!(store.claim_checks(NOW, NOW.plus_seconds(60)).await.unwrap().is_none());
        let new = verification(profile, "unknown");
        let (id, made) = (new.id, new.created);
        let written = store
            .record_verification(new, &Reach::Every, OnlyIf::Always, Attached::default(), event())
            .await
            .unwrap()
            .unwrap();
        assert_eq!((written.checks_status.as_str(), written.checks.is_none()), ("pending", true));
        let now = Millis(made.0.max(NOW.0)).plus_seconds(1);

        let claim = |at: Millis| store.claim_checks(at, at.plus_seconds(60));
        let due = claim(now).await.unwrap().unwrap();
        assert_eq!((due.record.id, due.record.profile, due.attempt), (id, profile, 1));
        assert!(claim(now.plus_seconds(30)).await.unwrap().is_none(), "somebody is at it");
        assert_eq!(claim(now.plus_seconds(61)).await.unwrap().unwrap().attempt, 2, "whoever was at it has gone");

        store.postpone_checks(id, now.plus_seconds(300)).await.unwrap();
        assert!(claim(now.plus_seconds(299)).await.unwrap().is_none(), "put off");
        assert_eq!(claim(now.plus_seconds(301)).await.unwrap().unwrap().attempt, 2, "what was put off does not count");

        let check = Check {
            check: "liveness".to_owned(),
            outcome: Outcome::Pass,
            score: Some(95.5),
            threshold: Some(75.0),
            engine: "e".to_owned(),
            weights: vec![WeightsUsed { model: "m".to_owned(), sha256: "ab".to_owned() }],
            assurance: Assurance::Model,
            message: "m".to_owned(),
            findings: vec![],
        };
        let checked =
            Checked { status: ChecksStatus::Done, checks: vec![check.clone()], face_templates: "{}".to_owned() };
        assert!(store.keep_checks(id, checked.clone(), event()).await.unwrap());
        let other = Checked { status: ChecksStatus::Failed, checks: vec![], face_templates: String::new() };
        assert!(!store.keep_checks(id, other, event()).await.unwrap(), "what was found stays");
        assert!(!store.keep_checks(RecordId::random(), checked, event()).await.unwrap());
        assert!(claim(now.plus_seconds(900)).await.unwrap().is_none());

        let listed = store.verification_records(profile, PageRequest { limit: 1, cursor: None }).await.unwrap();
        let kept = &listed.items[0];
        let read: Vec<Check> = serde_json::from_str(kept.checks.as_ref().unwrap().get()).unwrap();
        assert_eq!((kept.checks_status.as_str(), read), ("done", vec![check]));
        let view = store.profile_view(profile, &Reach::Every).await.unwrap().unwrap();
        let newest = view.verification_history.unwrap();
        assert_eq!(newest.checks_status, "done");
        assert_eq!(newest.checks.unwrap().get(), kept.checks.as_ref().unwrap().get());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_servers_one_gets_a_records_checks() {
    for Tested { store, intents, .. } in stores().await {
        if intents.is_none() {
            continue; // PocketBase compares and sets nothing; what two find is the same.
        }
        let profile = create(&store, "", "u").await;
        for _ in 0..5 {
            let new = verification(profile, "unknown");
            let written = store.record_verification(new, &Reach::Every, OnlyIf::Always, Attached::default(), event());
            written.await.unwrap().unwrap();
        }
        let now = NOW.plus_seconds(1_000_000);
        let claims = join_all((0..12).map(|_| store.claim_checks(now, now.plus_seconds(60)))).await;
        let mut claimed: Vec<_> =
            claims.into_iter().filter_map(|claim| claim.unwrap()).map(|due| due.record.id).collect();
        claimed.sort();
        claimed.dedup();
        let count = claimed.len();
        assert!((1..=5).contains(&count), "{count}");
        let rest = join_all((0..6).map(|_| store.claim_checks(now, now.plus_seconds(60)))).await;
        claimed.extend(rest.into_iter().filter_map(|claim| claim.unwrap()).map(|due| due.record.id));
        claimed.sort();
        claimed.dedup();
        assert_eq!(claimed.len(), 5, "each once");
    }
}

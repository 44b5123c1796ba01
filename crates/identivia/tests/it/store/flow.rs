//! What every store keeps of a person's way: consent, a draft, and the code with which another device goes on.

use identivia::domain::flow::{Consent, Draft};
use identivia::domain::handoff::{Handed, Handoff};

use super::*;

async fn change(store: &Arc<dyn Store>, id: RecordId, only_if: OnlyIf, change: ProfileChange) -> Result<(), Refusal> {
    let changing = store.change_profile(id, &Reach::Every, only_if, change, Attached::default(), event());
    changing.await.unwrap().map(drop)
}

fn consent(version: &str) -> Consent {
    Consent { version: version.to_owned(), language: "es".to_owned(), accepted: Millis(NOW.0 + 7) }
}

fn handoff(code: &str) -> Handoff {
    Handoff {
        code_hash: format!("hash-of-{code}"),
        ends: NOW.plus_seconds(600),
        token_ends: NOW.plus_seconds(1_800),
        scope: "profiles:read profiles:write".to_owned(),
    }
}

async fn offer(store: &Arc<dyn Store>, id: RecordId, only_if: OnlyIf, code: &str) -> Result<(), Refusal> {
    store.offer_handoff(id, &Reach::Every, only_if, handoff(code), event()).await.unwrap()
}

/// Takes a code so many seconds from now.
async fn take(store: &Arc<dyn Store>, code: &str, after: i64) -> Option<Handed> {
    let event = Event { at: NOW.plus_seconds(after), kind: EventKind::HandoffTaken, ..event() };
    store.take_handoff(&format!("hash-of-{code}"), event).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_is_as_far_as_what_has_been_kept_of_it() {
    for Tested { store, .. } in stores().await {
        let new = NewProfile {
            team: "red".to_owned(),
            user_id: "u".to_owned(),
            language: "es".to_owned(),
            redirect_url: "https://shop.example/back?a=b".to_owned(),
            ..NewProfile::default()
        };
        let id = store.create_profile(RecordId::random(), new, event()).await.unwrap().id;
        let journey = || async { store.journey(id, &Reach::Every).await.unwrap().unwrap() };
        let begun = journey().await;
        assert_eq!((begun.profile.id, begun.language.as_str()), (id, "es"));
        assert_eq!(begun.redirect_url, "https://shop.example/back?a=b");
        assert_eq!((begun.consent, begun.draft, begun.submitted, begun.status_recorded), (None, None, None, None));
        assert!(store.journey(id, &Reach::Team("blue".to_owned())).await.unwrap().is_none());
        assert!(store.journey(RecordId::random(), &Reach::Every).await.unwrap().is_none());

        let draft = Draft { name: "Ana \"É\"".to_owned(), address: "1\n2".to_owned(), ..Draft::default() };
        for version in ["1", "2"] {
            let agreed = ProfileChange { consent: Some(consent(version)), ..ProfileChange::default() };
            change(&store, id, OnlyIf::Undecided, agreed).await.unwrap();
        }
        let typed = ProfileChange { draft: Some(draft.clone()), ..ProfileChange::default() };
        change(&store, id, OnlyIf::Undecided, typed).await.unwrap();
        let country = ProfileChange { country: Some("UT".to_owned()), ..ProfileChange::default() };
        change(&store, id, OnlyIf::Undecided, country).await.unwrap();
        let on = journey().await;
        assert_eq!((on.consent, on.draft), (Some(consent("2")), Some(draft)), "the newest, and a change keeps them");
        let view = store.profile_view(id, &Reach::Every).await.unwrap().unwrap();
        assert_eq!(view.consent, Some(consent("2")));

        let record = NewVerification { created: NOW.plus_seconds(1), ..verification(id, "unknown") };
        let recording = store.record_verification(record, &Reach::Every, OnlyIf::Always, Attached::default(), event());
        assert!(recording.await.unwrap().is_ok());
        for (after, word) in [(2, "pending"), (3, "in_review")] {
            let record = StatusRecord { created: NOW.plus_seconds(after), ..step(id, "", word) };
            assert!(store.record_status(record, &Reach::Every, OnlyIf::Always, event()).await.unwrap().is_ok());
        }
        let cleared = ProfileChange { draft: Some(Draft::default()), ..ProfileChange::default() };
        change(&store, id, OnlyIf::Undecided, cleared).await.unwrap();
        let sent = journey().await;
        assert_eq!(sent.submitted, Some(NOW.plus_seconds(1)));
        assert_eq!(sent.status_recorded, Some(NOW.plus_seconds(3)));
        assert_eq!((sent.profile.recorded_status.as_str(), sent.draft), ("in_review", None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_take_a_code_one_gets_it() {
    for tested in stores().await {
        let store = &tested.store;
        let id = create(store, "", "u").await;
        offer(store, id, OnlyIf::Undecided, "one").await.unwrap();
        let taken = join_all((0..20).map(|_| take(store, "one", 599))).await;
        let taken: Vec<_> = taken.into_iter().flatten().collect();
        let token_ends = NOW.plus_seconds(1_800);
        let handed = Handed { profile: id, token_ends, scope: "profiles:read profiles:write".to_owned() };
        assert_eq!(taken, [handed]);
        assert_eq!(take(store, "one", 0).await, None);
        let told = tested.ground.events(tested.folder.path()).await;
        let told: Vec<_> = told.into_iter().filter(|(kind, ..)| kind == "handoff.taken").collect();
        assert_eq!(told, [("handoff.taken".to_owned(), id.to_string(), String::new())]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_good_until_it_ends_or_another_takes_its_place() {
    for Tested { store, .. } in stores().await {
        let (mine, theirs) = (create(&store, "", "u").await, create(&store, "", "v").await);
        offer(&store, mine, OnlyIf::Undecided, "late").await.unwrap();
        assert_eq!(take(&store, "late", 600).await, None);
        offer(&store, mine, OnlyIf::Undecided, "first").await.unwrap();
        offer(&store, mine, OnlyIf::Undecided, "second").await.unwrap();
        for code in ["late", "first", "never"] {
            assert_eq!(take(&store, code, 0).await, None, "{code}");
        }
        assert_eq!(offer(&store, theirs, OnlyIf::Undecided, "second").await, Err(Refusal::CodeTaken));
        assert_eq!(take(&store, "second", 0).await.map(|handed| handed.profile), Some(mine));
        // Nobody's code is no code.
        let nothing = store.take_handoff("", Event { at: Millis(0), ..event() }).await.unwrap();
        assert_eq!(nothing, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decided_profile_agrees_to_nothing_and_hands_nothing_off() {
    for tested in stores().await {
        let store = &tested.store;
        let id = create(store, "red", "u").await;
        let elsewhere = Reach::Team("blue".to_owned());
        let refused = store.offer_handoff(id, &elsewhere, OnlyIf::Always, handoff("one"), event()).await.unwrap();
        assert_eq!(refused, Err(Refusal::Missing));
        let decided = step(id, "unverified", "verified");
        assert!(store.record_status(decided, &Reach::Every, OnlyIf::Always, event()).await.unwrap().is_ok());
        let before = tested.events().await.len();
        assert_eq!(offer(store, id, OnlyIf::Undecided, "one").await, Err(Refusal::Decided));
        let agreed = ProfileChange { consent: Some(consent("1")), ..ProfileChange::default() };
        assert_eq!(change(store, id, OnlyIf::Undecided, agreed).await, Err(Refusal::Decided));
        assert_eq!(take(store, "one", 0).await, None);
        assert_eq!(tested.events().await.len(), before, "what was refused is not told as done");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unused_sessions_are_a_profiles_own_that_succeeded_newest_first() {
    for Tested { store, .. } in stores().await {
        let (mine, theirs) = (create(&store, "", "u").await, create(&store, "", "v").await);
        for (id, profile, status, made) in [
            ("old", mine, SessionStatus::Succeeded, -1_000),
            ("first", mine, SessionStatus::Succeeded, 0),
            ("failed", mine, SessionStatus::Failed, 1),
            ("second", mine, SessionStatus::Succeeded, 2),
            ("begun", mine, SessionStatus::InProgress, 3),
            ("used", mine, SessionStatus::Succeeded, 4),
            ("theirs", theirs, SessionStatus::Succeeded, 5),
        ] {
            let made = Session::new(id.to_owned(), Some(profile), NOW.plus_seconds(made));
            store.add_session(Session { status, confidence: Some(90.0), ..made }, event()).await.unwrap();
        }
        let recording = store.record_verification(
            verification(mine, "used"),
            &Reach::Every,
            OnlyIf::Always,
            Attached::default(),
            event(),
        );
        assert!(recording.await.unwrap().is_ok());
        let unused = store.unused_sessions(mine, NOW).await.unwrap();
        let unused: Vec<_> =
            unused.iter().map(|session| (session.id.as_str(), session.confidence, session.used)).collect();
        assert_eq!(unused, [("second", Some(90.0), false), ("first", Some(90.0), false)]);
    }
}

//! What every store keeps of a person's way: consent, a draft, and the code with which another device goes on.

use identivia::domain::handoff::{Handoff, TakenHandoff};
use identivia::records::profile::{Consent, Draft};

use super::*;

fn new_consent(version: &str) -> Consent {
    Consent {
        id: RecordId::default(),
        version: version.to_owned(),
        language: "es".to_owned(),
        accepted: Millis(NOW.0 + 7),
    }
}

fn consent_change(version: &str) -> ProfileChange {
    ProfileChange { consent: Some(new_consent(version)), ..ProfileChange::default() }
}

fn new_handoff(code: &str) -> Handoff {
    Handoff {
        code_hash: format!("hash-of-{code}"),
        ends: NOW.plus_seconds(600),
        token_ends: NOW.plus_seconds(1_800),
        scope: "profiles:read profiles:write".to_owned(),
    }
}

async fn offer_code(store: &Arc<dyn Store>, id: RecordId, code: &str) -> WriteOutcome<()> {
    let (condition, handoff) = (WriteCondition::Undecided, new_handoff(code));
    store.offer_handoff(id, &Reach::Every, condition, &handoff, new_event()).await.unwrap()
}

/// Takes a code so many seconds from now.
async fn take_code(store: &Arc<dyn Store>, code: &str, after: i64) -> Option<TakenHandoff> {
    let event = AuditEvent::new(EventKind::HandoffTaken, NOW.plus_seconds(after), "tester");
    store.take_handoff(&format!("hash-of-{code}"), event).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn profile_has_consent_draft_and_the_times_of_its_histories() {
    for TestedStore { store, .. } in open_stores().await {
        let new = NewProfile {
            language: known("es"),
            redirect_url: known("https://shop.example/back?a=b"),
            ..new_profile("red", "u")
        };
        let id = store.create_profile(new, new_event()).await.unwrap().id;
        let read = async || store.profile(id, &Reach::Every).await.unwrap().unwrap();
        let begun = read().await;
        assert_eq!((begun.id, begun.language.as_deref()), (id, Some("es")));
        assert_eq!(begun.redirect_url.as_deref(), Some("https://shop.example/back?a=b"));
        assert_eq!((begun.consent, begun.details_draft), (None, None));
        assert_eq!((begun.submitted_at, begun.status_recorded_at), (None, None));
        assert!(store.profile(id, &Reach::Team("blue".to_owned())).await.unwrap().is_none());
        assert!(store.profile(RecordId::random(), &Reach::Every).await.unwrap().is_none());

        let draft = Draft { name: "Ana \"É\"".to_owned(), address: "1\n2".to_owned(), ..Draft::default() };
        let draft_change = |draft: &Draft| ProfileChange { draft: Some(draft.clone()), ..ProfileChange::default() };
        let changes = [consent_change("1"), consent_change("2"), draft_change(&draft), country_change("UT")];
        for change in changes {
            change_profile(&store, id, WriteCondition::Undecided, change).await.unwrap();
        }
        let on = read().await;
        let newest = (Some(new_consent("2")), Some(draft));
        assert_eq!((on.consent, on.details_draft), newest, "the newest, and a change keeps them");
        let view = view_profile(&store, id, &Reach::Every).await.unwrap();
        assert_eq!(view.consent, Some(new_consent("2")));

        let record = VerificationRecord { created: NOW.plus_seconds(1), ..new_verification(id, "unknown") };
        assert!(record_verification(&store, record, WriteCondition::Always).await.is_ok());
        for (after, word) in [(2, "pending"), (3, "in_review")] {
            let record = StatusRecord { created: NOW.plus_seconds(after), ..new_status_record(id, "", word) };
            assert!(record_status(&store, record, WriteCondition::Always).await.is_ok());
        }
        let cleared = draft_change(&Draft::default());
        change_profile(&store, id, WriteCondition::Undecided, cleared).await.unwrap();
        let sent = read().await;
        assert_eq!(sent.submitted_at, Some(NOW.plus_seconds(1)));
        assert_eq!(sent.status_recorded_at, Some(NOW.plus_seconds(3)));
        assert_eq!((sent.recorded_status, sent.details_draft), (StatusWord::parse("in_review"), None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_takes_of_a_code_have_one_winner() {
    for tested in open_stores().await {
        let store = &tested.store;
        let id = create_profile(store, "", "u").await;
        offer_code(store, id, "one").await.unwrap();
        let taken = join_all((0..20).map(|_| take_code(store, "one", 599))).await;
        let taken: Vec<_> = taken.into_iter().flatten().collect();
        let token_ends = NOW.plus_seconds(1_800);
        let expected =
            TakenHandoff { profile: id, epoch: 0, token_ends, scope: "profiles:read profiles:write".to_owned() };
        assert_eq!(taken, [expected]);
        assert_eq!(take_code(store, "one", 0).await, None);
        let events = tested.ground.events(tested.folder.path()).await;
        let events: Vec<_> = events.into_iter().filter(|(kind, ..)| kind == "handoff.taken").collect();
        assert_eq!(events, [("handoff.taken".to_owned(), id.to_string(), String::new())]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn code_can_be_taken_until_it_ends_or_is_replaced() {
    for TestedStore { store, .. } in open_stores().await {
        let (mine, theirs) = (create_profile(&store, "", "u").await, create_profile(&store, "", "v").await);
        offer_code(&store, mine, "late").await.unwrap();
        assert_eq!(take_code(&store, "late", 600).await, None);
        offer_code(&store, mine, "first").await.unwrap();
        offer_code(&store, mine, "second").await.unwrap();
        for code in ["late", "first", "never"] {
            assert_eq!(take_code(&store, code, 0).await, None, "{code}");
        }
        assert_eq!(offer_code(&store, theirs, "second").await, Err(Refusal::CodeTaken));
        assert_eq!(take_code(&store, "second", 0).await.map(|taken| taken.profile), Some(mine));
        // The code of a profile that offers none is no code.
        let event = AuditEvent { at: Millis(0), ..new_event() };
        assert_eq!(store.take_handoff("", event).await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn decided_profile_refuses_consent_and_handoff() {
    for tested in open_stores().await {
        let store = &tested.store;
        let id = create_profile(store, "red", "u").await;
        let (elsewhere, handoff) = (Reach::Team("blue".to_owned()), new_handoff("one"));
        let refused = store.offer_handoff(id, &elsewhere, WriteCondition::Always, &handoff, new_event()).await;
        assert_eq!(refused.unwrap(), Err(Refusal::Missing));
        let decided = new_status_record(id, "unverified", "verified");
        assert!(record_status(store, decided, WriteCondition::Always).await.is_ok());
        let before = tested.list_events().await.len();
        assert_eq!(offer_code(store, id, "one").await, Err(Refusal::Decided));
        let refused = change_profile(store, id, WriteCondition::Undecided, consent_change("1")).await;
        assert_eq!(refused.map(drop), Err(Refusal::Decided));
        assert_eq!(take_code(store, "one", 0).await, None);
        assert_eq!(tested.list_events().await.len(), before, "a refused write has no audit event");
    }
}

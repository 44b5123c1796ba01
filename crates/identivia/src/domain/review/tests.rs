//! Tests of the rules of reviews.

use serde_json::json;

use super::*;

const NOW: Millis = Millis(1_774_051_200_000);

fn review() -> Review {
    let id = RecordId::random();
    let record: VerificationRecord = serde_json::from_value(json!({"id": id, "profile": id, "country": "CHE",
        "document_type": "passport", "created": "2026-03-21 00:00:00.000Z", "updated": "2026-03-21 00:00:00.000Z"}))
    .unwrap();
    Review::new(&record, "red", 1, NOW.plus_seconds(86_400), NOW)
}

fn user(id: &str) -> Decider {
    Decider {
        kind: DeciderKind::User,
        id: id.to_owned(),
        name: id.to_uppercase(),
        email: Some(format!("{id}@example.com")),
        oidc_subject: None,
    }
}

fn client(id: &str) -> Decider {
    Decider { kind: DeciderKind::Client, email: None, ..user(id) }
}

fn approval(by: &Decider) -> Proposal {
    Proposal {
        outcome: ReviewOutcome::Approve,
        reasons: Vec::new(),
        steps: Vec::new(),
        message: None,
        by: by.clone(),
        at: NOW,
    }
}

#[test]
fn claim_ends_with_its_time_and_another_may_take_it() {
    let mut review = review();
    let (ann, bob) = (user("ann"), user("bob"));
    review.claim(&ann, false, NOW).unwrap();
    let claim = review.claim_id.clone().unwrap();
    let last = NOW.plus_seconds(CLAIM_SECONDS - 1);
    assert_eq!(review.require_claim(&ann, &claim, last), Ok(()));
    assert!(matches!(review.claim(&bob, false, last), Err(ReviewRefusal::Claimed { holder, .. }) if holder == "ANN"));
    assert!(matches!(review.require_claim(&bob, &claim, last), Err(ReviewRefusal::Claimed { .. })));
    let later = NOW.plus_seconds(CLAIM_SECONDS);
    assert_eq!(review.shown_state(later), ReviewState::Open);
    assert_eq!(review.require_claim(&ann, &claim, later), Err(ReviewRefusal::ClaimEnded));
    review.claim(&bob, false, later).unwrap();
    assert!(review.require_claim(&ann, &claim, later).is_err(), "the old claim is over");
}

#[test]
fn claim_that_was_taken_over_is_no_longer_good() {
    let mut review = review();
    let (ann, admin) = (user("ann"), user("admin"));
    review.claim(&ann, false, NOW).unwrap();
    let claim = review.claim_id.clone().unwrap();
    review.claim(&admin, true, NOW).unwrap();
    assert_eq!(review.assignee.as_deref(), Some("admin"));
    assert!(matches!(review.require_claim(&ann, &claim, NOW), Err(ReviewRefusal::Claimed { .. })));
}

#[test]
fn decision_can_be_undone_by_its_maker_until_it_takes_effect() {
    let mut review = review();
    let (ann, bob) = (user("ann"), user("bob"));
    review.claim(&ann, false, NOW).unwrap();
    review.start_decision(approval(&ann), 10);
    assert!(review.clone().undo_decision(&bob, NOW).is_err());
    assert!(review.clone().undo_decision(&ann, NOW.plus_seconds(10)).is_err());
    review.undo_decision(&ann, NOW.plus_seconds(9)).unwrap();
    assert_eq!((review.state, &review.proposal, review.decide_due), (ReviewState::Claimed, &None, None));
}

#[test]
fn second_person_differs_in_account_email_and_subject() {
    let ann = Decider { oidc_subject: Some("s-1".to_owned()), ..user("ann") };
    let mut review = review();
    review.ask_second(approval(&ann)).unwrap();
    let same_email = Decider { email: Some(" ANN@Example.com".to_owned()), ..user("ann2") };
    let same_subject = Decider { oidc_subject: Some("s-1".to_owned()), ..user("ann3") };
    for same in [&ann, &same_email, &same_subject, &client("machine")] {
        assert_eq!(review.require_other_person(same), Err(ReviewRefusal::SameReviewer), "{same:?}");
    }
    assert_eq!(review.require_other_person(&user("bob")), Ok(()));
    review.escalate(Proposal { outcome: ReviewOutcome::Reject, ..approval(&user("bob")) });
    assert_eq!(review.require_other_person(&user("bob")), Err(ReviewRefusal::SameReviewer));
    assert_eq!(review.require_other_person(&user("eve")), Ok(()));
    assert_eq!(self::review().ask_second(approval(&client("machine"))), Err(ReviewRefusal::SameReviewer));
}

#[test]
fn empty_subjects_and_unknown_addresses_make_nobody_the_same() {
    let none = |id: &str| Decider { email: None, oidc_subject: Some(String::new()), ..user(id) };
    assert!(!is_same_person(&none("ann"), &none("bob")));
}

#[test]
fn shown_states_follow_from_stored_ones_and_the_claim() {
    use ReviewState::{Claimed, Decided, Open};
    let of = |states: &[ReviewState]| {
        let filter = StateFilter::of_shown(states).unwrap();
        (filter.stored, filter.claims_are_good)
    };
    assert_eq!(of(&[Open]), (vec![Open, Claimed], Some(false)));
    assert_eq!(of(&[Claimed, Decided]), (vec![Claimed, Decided], Some(true)));
    assert_eq!(of(&[Open, Claimed]), (vec![Open, Claimed], None));
    assert_eq!(of(&[Decided]), (vec![Decided], None));
    assert_eq!(StateFilter::of_shown(&[]), None);
}

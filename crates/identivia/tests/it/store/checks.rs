//! Checks on verification records: claimed with a lease, postponed, completed once.

use identivia::jobs::claim::{ClaimOutcome, ClaimedJob};
use identivia::jobs::queue::JobKind as _;
use identivia::jobs::record_checks::RecordChecks;
use identivia::records::checks::{Assurance, Check, CheckKind, Outcome, WeightsUsed};
use identivia::records::verification_record::ChecksStatus;
use identivia::store::CompletedChecks;
use serde_json::json;

use super::*;

fn passed_check() -> Check {
    Check {
        check: CheckKind::Liveness,
        outcome: Outcome::Pass,
        score: Some(95.5),
        threshold: Some(75.0),
        engine: "e".to_owned(),
        weights: vec![WeightsUsed { model: "m".to_owned(), sha256: "ab".to_owned() }],
        assurance: Assurance::Model,
        message: "m".to_owned(),
        findings: vec![],
        readings: Vec::new(),
        eyes: Vec::new(),
    }
}

/// Claims the record whose checks have been due longest, for a minute.
async fn claim_checks(store: &Arc<dyn Store>, now: Millis) -> Option<ClaimedJob<VerificationRecord>> {
    match RecordChecks::COLUMNS.claim_due_job(&**store, now, now.plus_seconds(60)).await.unwrap() {
        ClaimOutcome::Claimed(job) => Some(*job),
        ClaimOutcome::NothingDue(_) => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn claimed_checks_are_leased_and_completed_once() {
    for TestedStore { store, .. } in open_stores().await {
        let profile = create_profile(&store, "", "u").await;
        assert!(claim_checks(&store, NOW).await.is_none());
        let new = new_verification(profile, "unknown");
        let (id, made) = (new.id, new.created);
        let written = record_verification(&store, new, WriteCondition::Always).await.unwrap();
        assert_eq!((written.checks_status, written.checks.is_none()), (Some(ChecksStatus::Pending), true));
        let now = Millis(made.0.max(NOW.0)).plus_seconds(1);

        let claim = async |at: Millis| claim_checks(&store, at).await;
        let due = claim(now).await.unwrap();
        assert_eq!((due.record.id, due.record.profile, due.attempt), (id, profile, 1));
        assert!(claim(now.plus_seconds(30)).await.is_none(), "the lease of the first claim runs");
        let again = claim(now.plus_seconds(61)).await.unwrap();
        assert_eq!(again.attempt, 2, "the first claimant is gone");

        RecordChecks::COLUMNS.postpone_job(&*store, &due, now.plus_seconds(5)).await.unwrap();
        assert!(claim(now.plus_seconds(90)).await.is_none(), "the first claimant has lost its lease");
        RecordChecks::COLUMNS.postpone_job(&*store, &again, now.plus_seconds(300)).await.unwrap();
        assert!(claim(now.plus_seconds(299)).await.is_none(), "postponed");
        assert_eq!(claim(now.plus_seconds(301)).await.unwrap().attempt, 2, "a postponed attempt does not count");

        complete_checks_once(&store, profile, id).await;
        assert!(claim(now.plus_seconds(900)).await.is_none());

        let listed = store.list_verification_records(profile, &page_of(1)).await.unwrap();
        let kept = &listed.items[0];
        let checks = kept.checks.as_ref().unwrap().get();
        let read: Vec<Check> = serde_json::from_str(checks).unwrap();
        assert_eq!((kept.checks_status, read), (Some(ChecksStatus::Done), vec![passed_check()]));
        let view = view_profile(&store, profile, &Reach::Every).await.unwrap();
        let newest = view.verification_history.unwrap();
        assert_eq!(newest.checks_status, Some(ChecksStatus::Done));
        assert_eq!(newest.checks.unwrap().get(), checks);
    }
}

/// Completes a record's checks; a second completion, and that of an unknown record, change nothing.
async fn complete_checks_once(store: &Arc<dyn Store>, profile: RecordId, id: RecordId) {
    let completed =
        CompletedChecks { status: ChecksStatus::Done, checks: vec![passed_check()], face_templates: Some(json!({})) };
    assert!(store.complete_checks(profile, id, &completed, new_event()).await.unwrap());
    let other = CompletedChecks { status: ChecksStatus::Failed, checks: vec![], face_templates: None };
    assert!(!store.complete_checks(profile, id, &other, new_event()).await.unwrap(), "the first outcome stays");
    assert!(!store.complete_checks(profile, RecordId::random(), &completed, new_event()).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_claims_get_each_record_once() {
    for tested in open_stores().await {
        if !tested.has_transactions() {
            continue; // Several claims may succeed in PocketBase; their findings are the same.
        }
        let store = &tested.store;
        let profile = create_profile(store, "", "u").await;
        for _ in 0..5 {
            record_verification(store, new_verification(profile, "unknown"), WriteCondition::Always).await.unwrap();
        }
        let now = NOW.plus_seconds(1_000_000);
        let claims = join_all((0..12).map(|_| claim_checks(store, now))).await;
        let mut claimed: Vec<_> = claims.into_iter().flatten().map(|due| due.record.id).collect();
        let claims_made = claimed.len();
        claimed.sort();
        claimed.dedup();
        let count = claimed.len();
        assert!((1..=5).contains(&count) && claims_made == count, "{claims_made} claims of {count} records");
        let rest = join_all((0..6).map(|_| claim_checks(store, now))).await;
        claimed.extend(rest.into_iter().flatten().map(|due| due.record.id));
        claimed.sort();
        claimed.dedup();
        assert_eq!(claimed.len(), 5, "each once");
    }
}

//! What an event or a check means for the person, and what an operator does next.

use super::advice::Advice;
use super::finding_advice::advice_on_finding;
use crate::domain::event::EventKind;
use crate::records::audit_event::AuditEvent;
use crate::records::checks::{CheckKind, Outcome};
use crate::records::liveness_session::SessionStatus;

/// The advice on a check; `None` for one that has passed or had nothing to check.
pub(super) fn advice_on_check(kind: CheckKind, outcome: Outcome) -> Option<Advice> {
    let (meaning, next) = match (kind, outcome) {
        (_, Outcome::Pass | Outcome::NotApplicable) => return None,
        (CheckKind::Document, Outcome::Fail) => (
            "The document contradicts itself: it is altered, forged or misread",
            "compare both sides in the console; reject it, or ask for another try of the document",
        ),
        (CheckKind::Document, Outcome::Warn) => (
            "The document could not be shown to be authentic; the findings say why",
            "look at the picture; ask for another try of the document if the findings blame the picture",
        ),
        (CheckKind::FaceMatch, Outcome::Fail) => (
            "The face does not match: the person does not look like the one on the document",
            "compare the pictures in the console; reject with face_mismatch, or ask for another try of the face",
        ),
        (CheckKind::FaceMatch, Outcome::Warn) => (
            "The faces could not all be compared, or may or may not be one person's",
            "compare the pictures in the console, or ask for another try of the step that the finding names",
        ),
        (CheckKind::Liveness, Outcome::Fail) => (
            "Liveness was not passed: no live person was found before the camera",
            "ask for another try of the face; if many persons fail, compare FACE_LIVENESS_THRESHOLD with the results",
        ),
        (CheckKind::Liveness, Outcome::Warn) => (
            "The liveness result was made by the local engines and confirms nothing here",
            "set LOCAL_LIVENESS_COUNTS=true to count such results, or configure AWS Rekognition",
        ),
        (CheckKind::DataAgreement, Outcome::Fail) => (
            "What the person typed differs from the document: a wrong document, or a typing error",
            "compare the fields that are named below; ask for another try of the details or of the document",
        ),
        (CheckKind::DataAgreement, Outcome::Warn) => (
            "Too little could be compared to tie the typed details to the document",
            "compare the details with the picture in the console",
        ),
    };
    Some(Advice::new(meaning, next))
}

/// The advice on events other than those of checks, sessions and statuses.
pub(super) fn advice_on_event(event: &AuditEvent) -> Option<Advice> {
    let is = |kind: EventKind| event.kind == kind.word();
    if is(EventKind::ProviderFailed) {
        return Some(advice_on_provider(&event.detail));
    }
    let (meaning, next) = if is(EventKind::TrustRefused) {
        (
            "The person's browser wrote after the decision, or claimed a status that only a reviewer sets",
            "nothing for one or two; many within an hour point to a manipulated browser",
        )
    } else if is(EventKind::LinksRevoked) {
        ("The links of the profile ended: the person gets 401 from then on", "create a new link to let them go on")
    } else if is(EventKind::ConsentWithdrawn) {
        ("The person no longer agrees to the checks", "ask them before they are asked for another try")
    } else {
        return None;
    };
    Some(Advice::new(meaning, next))
}

/// The advice on a provider's failure. The detail begins with the provider's name.
fn advice_on_provider(detail: &str) -> Advice {
    let (provider, _) = detail.split_once(':').unwrap_or((detail, ""));
    let effect = match provider {
        "document_reader" => "the document was not read, and the person had to type the details or try again",
        "liveness" => "the face check could not go on, and the person had to try again",
        "fingerprint" => "the visitor data stayed unchecked; the verification went on",
        _ => "the person had to try again",
    };
    Advice::new(
        format!("The provider was unavailable: {effect}"),
        "run identivia check --live, and look for `provider is unavailable` in the log of that time",
    )
}

/// The advice on the end of a liveness session, whose event names the status, the outcome and the provider's feedback.
pub(super) fn advice_on_finished_session(detail: &str) -> Vec<Advice> {
    let words: Vec<&str> = detail.split(' ').collect();
    let mut advice = Vec::new();
    if words.contains(&"not_live") {
        let failed = words.contains(&SessionStatus::Failed.word());
        let meaning = if failed {
            "Liveness was not passed: the session failed before there was a score"
        } else {
            "Liveness was not passed: the score is below FACE_LIVENESS_THRESHOLD"
        };
        advice.push(Advice::new(meaning, "the person may try again at once; after five failures they wait 30 minutes"));
    } else if words.contains(&"unconfirmed") {
        advice.push(Advice::new("The result does not count: LOCAL_LIVENESS_COUNTS is false", ""));
    }
    advice.extend(words.iter().filter_map(|word| advice_on_finding(word)).map(|(_, advice)| advice));
    advice
}

/// The advice on a profile without a verification record.
pub(super) fn advice_on_missing_record(has_started: bool) -> Advice {
    if has_started {
        Advice::new("The person has opened the link and sent no verification", "the last lines show how far they came")
    } else {
        Advice::new("The person has not opened the link", "send it again, or create a new one if it has expired")
    }
}

/// The advice on checks that have not ended.
pub(super) fn advice_on_pending_checks(attempts: u32) -> Advice {
    let next = "look at identivia_jobs_oldest_due_seconds and for `run of a job failed` in the log: the engines, the store or \
                the files are not available";
    let meaning = match attempts {
        0 => "The checks wait for a free engine".to_owned(),
        _ => format!("The checks were tried {attempts} times and have not ended"),
    };
    Advice::new(meaning, next)
}

//! What the checks on a demo record say: drawn pictures would all fail the same way, so the findings are invented too.

use serde_json::json;

use super::demo_person::{DemoPerson, DemoState};
use crate::records::checks::{Assurance, Check, CheckKind, Finding, Outcome};
use crate::records::verification_record::ChecksStatus;
use crate::store::CompletedChecks;

/// What judged.
const ENGINE: &str = "identivia demo-data";

/// The checks on a person's record.
pub(super) fn complete_checks(person: &DemoPerson, is_second_try: bool) -> CompletedChecks {
    let conspicuous = match (person.state, is_second_try) {
        (DemoState::VerifiedSecond, true) => None,
        (DemoState::Verified, _) if !person.number.is_multiple_of(5) => None,
        (DemoState::Submitted, _) if person.number.is_multiple_of(4) => None,
        _ => Some(conspicuous_finding(person.number)),
    };
    let kinds = [CheckKind::Document, CheckKind::FaceMatch, CheckKind::Liveness, CheckKind::DataAgreement];
    let checks = kinds.map(|kind| check_of_kind(kind, conspicuous.as_ref()));
    CompletedChecks { status: ChecksStatus::Done, checks: checks.into(), face_templates: None }
}

/// The finding that stands out, and the check that it belongs to.
fn conspicuous_finding(number: usize) -> (CheckKind, Finding) {
    match number % 6 {
        0 => (
            CheckKind::FaceMatch,
            Finding::new(
                "selfie_and_document",
                Outcome::Warn,
                "The faces look alike, but not clearly",
                [("similarity", json!(0.41)), ("threshold", json!(0.45))],
            ),
        ),
        1 => (
            CheckKind::Document,
            Finding::new("mrz_check_digits", Outcome::Fail, "A check digit of the machine-readable zone is wrong", []),
        ),
        2 => (CheckKind::Document, Finding::new("expired", Outcome::Fail, "The document has expired", [])),
        3 => (
            CheckKind::DataAgreement,
            Finding::new("date_of_birth", Outcome::Fail, "The date of birth is another one on the document", []),
        ),
        4 => (CheckKind::Liveness, Finding::new("timing", Outcome::Warn, "The steps came at an unusual pace", [])),
        _ => (CheckKind::Document, Finding::new("glare", Outcome::Warn, "A reflection covers a part", [])),
    }
}

fn check_of_kind(kind: CheckKind, conspicuous: Option<&(CheckKind, Finding)>) -> Check {
    let finding = conspicuous.filter(|(of, _)| *of == kind).map(|(_, finding)| finding.clone());
    let outcome = finding.as_ref().map_or(Outcome::Pass, |finding| finding.outcome);
    let (score, threshold, assurance) = match kind {
        CheckKind::Document => (None, None, Assurance::Optical),
        CheckKind::FaceMatch => {
            (Some(if outcome == Outcome::Pass { 0.71 } else { 0.41 }), Some(0.45), Assurance::Model)
        }
        CheckKind::Liveness => (Some(if outcome == Outcome::Pass { 96.0 } else { 78.0 }), Some(75.0), Assurance::Model),
        CheckKind::DataAgreement => (None, None, Assurance::Optical),
    };
    let message = finding.as_ref().map_or_else(|| "Nothing stands out".to_owned(), |finding| finding.message.clone());
    let findings = finding.into_iter().collect();
    Check {
        check: kind,
        outcome,
        score,
        threshold,
        engine: ENGINE.to_owned(),
        weights: Vec::new(),
        assurance,
        message,
        findings,
        readings: Vec::new(),
        eyes: Vec::new(),
    }
}

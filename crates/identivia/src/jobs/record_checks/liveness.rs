//! What stands behind a record's liveness: whose word it is, and how far it carries.

use serde_json::json;

use super::finding;
use crate::domain::checks::{Assurance, Check, Finding, Outcome};
use crate::domain::liveness::{Session, is_live};
use crate::domain::verification::VerificationRecord;
use crate::providers::local_engines::{self, Engines};

const AWS: &str = "AWS Rekognition Face Liveness";

/// The provider's own finding where there is a session of ours, else the word of whoever made the record.
pub(super) fn check(
    engines: &Engines,
    record: &VerificationRecord,
    session: Option<&Session>,
    threshold: f64,
) -> Check {
    let finished = session.filter(|session| session.status.is_finished());
    let is_local = finished.is_some_and(|session| session.details.task.is_some());
    let score = finished.map_or(record.liveness_confidence, |session| session.confidence);
    let live = match finished {
        Some(session) => is_live(session.status, session.confidence, threshold),
        None => record.liveness_status == "live",
    };
    let (engine, assurance) = match finished {
        None => ("a trusted server's word", Assurance::Asserted),
        Some(_) if is_local => (local_engines::NAME, Assurance::Model),
        Some(_) => (AWS, Assurance::Model),
    };
    let message = match (live, finished.is_none()) {
        (true, true) => "A trusted server says that the person was live",
        (false, true) => "A trusted server says that the person was not live",
        (true, false) => "The liveness provider found a live person",
        (false, false) => "The liveness provider did not find a live person",
    };
    Check {
        check: "liveness".to_owned(),
        outcome: if live { Outcome::Pass } else { Outcome::Fail },
        score,
        threshold: Some(threshold),
        engine: engine.to_owned(),
        weights: if is_local { engines.face_weights() } else { Vec::new() },
        assurance,
        message: message.to_owned(),
        findings: findings(record, finished),
    }
}

/// What the browser claimed beside what was found, and what the provider minded.
fn findings(record: &VerificationRecord, finished: Option<&Session>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(session) = finished
        && let (Some(claimed), Some(found)) = (record.claimed_liveness_confidence, session.confidence)
    {
        let agree = (claimed - found).abs() <= 1.0;
        let (outcome, message) = if agree {
            (Outcome::Pass, "The score that was sent is the one that was found")
        } else {
            (Outcome::Warn, "The score that was sent is not the one that was found")
        };
        let evidence = [("claimed", json!(claimed)), ("found", json!(found))];
        findings.push(finding("claim_matches_result", outcome, message, evidence));
    }
    for said in finished.into_iter().flat_map(|session| &session.details.feedback) {
        findings.push(finding(&said.code.to_ascii_lowercase(), Outcome::Warn, &said.message, []));
    }
    findings
}

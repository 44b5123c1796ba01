//! The liveness check: the provider's result, or a trusted server's word for it.

use serde_json::json;

use crate::domain::liveness::{AttackTests, LivenessRule};
use crate::providers::local_engines::{ENGINE_NAME, LocalEngines};
use crate::records::checks::{Assurance, Check, CheckKind, Finding, Outcome};
use crate::records::finding_code::code_of_feedback;
use crate::records::liveness_session::LivenessSession;
use crate::records::verification_record::VerificationRecord;

const AWS_ENGINE: &str = "AWS Rekognition Face Liveness";

/// Checks liveness by the provider's result where there is a session, else by the word of the server that added the record.
pub(super) fn check_liveness(
    engines: &LocalEngines,
    record: &VerificationRecord,
    session: Option<&LivenessSession>,
    rule: LivenessRule,
) -> Check {
    let finished = session.filter(|session| session.status.is_finished());
    let is_local = finished.is_some_and(LivenessSession::is_local);
    let score = finished.map_or(record.liveness_confidence, |session| session.confidence);
    let live = match finished {
        Some(session) => rule.has_passed(session),
        None => record.liveness_status == "live",
    };
    let (engine, assurance) = match finished {
        None => ("a trusted server's word", Assurance::Asserted),
        Some(_) if is_local => (ENGINE_NAME, Assurance::Model),
        Some(_) => (AWS_ENGINE, Assurance::Model),
    };
    let counts = finished.is_none_or(|session| rule.is_counted(session));
    let (outcome, message) = match (counts, live, finished.is_none()) {
        (false, ..) => (Outcome::Warn, "LOCAL_LIVENESS_COUNTS is false: a local result confirms nothing"),
        (true, true, true) => (Outcome::Pass, "A trusted server says that the person was live"),
        (true, false, true) => (Outcome::Fail, "A trusted server says that the person was not live"),
        (true, true, false) => (Outcome::Pass, "The liveness provider found a live person"),
        (true, false, false) => (Outcome::Fail, "The liveness provider did not find a live person"),
    };
    Check {
        check: CheckKind::Liveness,
        outcome,
        score,
        threshold: Some(rule.threshold),
        engine: engine.to_owned(),
        weights: if is_local { engines.face_weights() } else { Vec::new() },
        assurance,
        message: message.to_owned(),
        findings: collect_findings(record, finished),
        readings: Vec::new(),
        eyes: Vec::new(),
    }
}

/// Says against which attacks the result was tested.
fn describe_attack_tests(session: &LivenessSession) -> Finding {
    let tests = AttackTests::of_session(session);
    let (outcome, message) = if session.is_local() {
        (Outcome::Warn, "Photographs, screens, masks and injected pictures were not tested")
    } else {
        (Outcome::NotApplicable, "The provider tests for presentation attacks and injected pictures itself")
    };
    let evidence = [("presentation_attack", json!(tests.presentation_attack)), ("injection", json!(tests.injection))];
    Finding::new("attacks_tested", outcome, message, evidence)
}

/// Compares the browser's claim with the result, and adds the provider's feedback.
fn collect_findings(record: &VerificationRecord, finished: Option<&LivenessSession>) -> Vec<Finding> {
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
        findings.push(Finding::new("claim_matches_result", outcome, message, evidence));
    }
    findings.extend(finished.map(describe_attack_tests));
    for feedback in finished.into_iter().flat_map(|session| &session.details.feedback) {
        findings.push(Finding::new(code_of_feedback(&feedback.code), Outcome::Warn, &feedback.message, []));
    }
    findings
}

//! The leaves of the breakdown: which findings each is measured by, and what they may mean.

use super::node::{BreakdownNode, NodeResult};
use crate::domain::profile::FileField;
use crate::domain::reason::ReasonClass;
use crate::domain::verification::required_files;
use crate::records::checks::{Check, CheckKind, Finding, Outcome};
use crate::records::verification_record::VerificationRecord;

use ReasonClass::{Caution, Retry, Suspect};

/// What a finding means in a leaf: the class of a warning and of a failure, and the reason that fits.
struct FindingRule {
    code: &'static str,
    warn: ReasonClass,
    fail: ReasonClass,
    reason: Option<&'static str>,
}

const fn rule(code: &'static str, warn: ReasonClass, fail: ReasonClass, reason: Option<&'static str>) -> FindingRule {
    FindingRule { code, warn, fail, reason }
}

/// A leaf that findings of one check measure.
struct LeafRule {
    node: &'static str,
    from: CheckKind,
    /// Says whether findings that pass make it pass. A picture without traces of a forgery is no proof of an original.
    can_pass: bool,
    findings: &'static [FindingRule],
}

const LEAVES: [LeafRule; 8] = [
    LeafRule {
        node: "document.integrity.image_quality",
        from: CheckKind::Document,
        can_pass: true,
        findings: &[
            rule("picture_size", Retry, Retry, Some("blurred_photo")),
            rule("picture_sharp", Retry, Retry, Some("blurred_photo")),
            rule("light", Retry, Retry, Some("dark_photo")),
            rule("glare", Retry, Retry, Some("glare_on_photo")),
            rule("framing", Retry, Retry, Some("cut_off_document")),
            rule("unread", Retry, Retry, Some("no_document_in_image")),
        ],
    },
    LeafRule {
        node: "document.integrity.supported",
        from: CheckKind::Document,
        can_pass: true,
        findings: &[
            rule("issuing_state", Retry, Suspect, Some("country_not_supported")),
            rule("specimen", Caution, Caution, Some("document_type_not_supported")),
            rule("mrz_kind", Caution, Caution, Some("document_type_not_supported")),
        ],
    },
    LeafRule {
        node: "document.integrity.sides_complete",
        from: CheckKind::Document,
        can_pass: true,
        findings: &[rule("portrait_present", Retry, Retry, Some("incorrect_side"))],
    },
    LeafRule {
        node: "document.data.mrz_checksums",
        from: CheckKind::Document,
        can_pass: true,
        findings: &[rule("mrz_check_digits", Retry, Suspect, None)],
    },
    LeafRule {
        node: "document.data.expiry",
        from: CheckKind::Document,
        can_pass: true,
        findings: &[rule("expired", Caution, Retry, Some("document_expired"))],
    },
    LeafRule {
        node: "document.data.consistency",
        from: CheckKind::Document,
        can_pass: true,
        findings: &[
            rule("mrz_matches_print", Caution, Suspect, None),
            rule("mrz_matches_barcode", Caution, Suspect, None),
            rule("barcode_matches_print", Caution, Suspect, None),
            rule("sides_match", Caution, Suspect, None),
            rule("dates_plausible", Caution, Suspect, None),
        ],
    },
    LeafRule {
        node: "document.authenticity.original_present",
        from: CheckKind::Document,
        can_pass: false,
        findings: &[rule("screen", Caution, Caution, Some("photo_of_screen"))],
    },
    LeafRule {
        node: "document.authenticity.digital_tampering",
        from: CheckKind::Document,
        can_pass: false,
        findings: &[rule("edited", Caution, Suspect, Some("digital_tampering"))],
    },
];

/// What the feedback of a liveness check means.
const FEEDBACK: [(&str, &str); 8] = [
    ("one_face", "face_not_detected"),
    ("liveness_not_shown", "face_not_detected"),
    ("face_not_visible", "face_not_detected"),
    ("face_not_aligned", "face_not_detected"),
    ("face_obstruction_detected", "covered_photo"),
    ("low_lighting_detected", "dark_photo"),
    ("high_lighting_detected", "glare_on_photo"),
    ("low_video_quality_detected", "blurred_photo"),
];

/// A leaf of a record. `checks` is `None` where they gave no result.
pub(super) fn measure_leaf(
    group: &str,
    leaf: &str,
    record: &VerificationRecord,
    checks: Option<&[Check]>,
) -> BreakdownNode {
    let node = format!("{group}.{leaf}");
    let known = LEAVES.iter().find(|rule| rule.node == node);
    let source = match (known, node.as_str()) {
        (Some(rule), _) => rule.from,
        (None, "face.detected" | "face.match") => CheckKind::FaceMatch,
        (None, "liveness.challenge") => CheckKind::Liveness,
        (None, _) if group == "document.agreement" => CheckKind::DataAgreement,
        (None, _) => return BreakdownNode::unmeasured(node, NodeResult::NotApplicable),
    };
    let Some(checks) = checks else { return BreakdownNode::unmeasured(node, NodeResult::Unknown) };
    let Some(check) = checks.iter().find(|check| check.check == source) else {
        return BreakdownNode::unmeasured(node, NodeResult::NotApplicable);
    };
    let empty = BreakdownNode { from: vec![source], ..BreakdownNode::unmeasured(node, NodeResult::NotApplicable) };
    let measured = match (known, leaf) {
        (Some(rule), _) => measure_findings(empty, check, rule),
        (None, "detected") => measure_detection(empty, check),
        (None, "match") => measure_match(empty, check),
        (None, "challenge") => measure_challenge(empty, check),
        (None, field) => measure_field(empty, check, field),
    };
    let measured = if leaf == "sides_complete" { add_missing_back(measured, record) } else { measured };
    BreakdownNode { assurance: (measured.result == NodeResult::Pass).then_some(check.assurance), ..measured }
}

impl BreakdownNode {
    /// Adds what one finding says.
    fn add_finding(&mut self, outcome: Outcome, warn: ReasonClass, fail: ReasonClass, reason: Option<&'static str>) {
        self.result = self.result.worse(outcome.into());
        let class = match outcome {
            Outcome::Warn => warn,
            Outcome::Fail => fail,
            Outcome::Pass | Outcome::NotApplicable => return,
        };
        self.class = self.class.max(class);
        self.add_reasons(reason.as_slice());
    }
}

fn measure_findings(mut node: BreakdownNode, check: &Check, rule: &LeafRule) -> BreakdownNode {
    for found in &check.findings {
        let Some(means) = rule.findings.iter().find(|means| means.code == found.code) else { continue };
        if found.outcome == Outcome::Pass && !rule.can_pass {
            continue;
        }
        node.add_finding(found.outcome, means.warn, means.fail, means.reason);
    }
    // A check without findings had no picture that could be read.
    if check.findings.is_empty() && rule.node == "document.integrity.image_quality" {
        node.add_finding(check.outcome, Retry, Retry, Some("no_document_in_image"));
    }
    node
}

fn add_missing_back(mut node: BreakdownNode, record: &VerificationRecord) -> BreakdownNode {
    let needs_back = required_files(&record.document_type).contains(&FileField::DocumentBack);
    if needs_back && record.document_back.is_empty() {
        node.add_finding(Outcome::Fail, Retry, Retry, Some("missing_back"));
    }
    node
}

fn is_compared(found: &Finding) -> bool {
    found.evidence.contains_key("similarity")
}

fn measure_detection(mut node: BreakdownNode, check: &Check) -> BreakdownNode {
    for found in &check.findings {
        if found.code == "document_portrait" {
            node.add_finding(found.outcome, Caution, Caution, None);
        } else if is_compared(found) {
            node.add_finding(Outcome::Pass, Retry, Retry, None);
        } else {
            node.add_finding(found.outcome, Retry, Retry, Some("face_not_detected"));
        }
    }
    node
}

/// Faces that could not be compared give no result: that is no match, and no mismatch either.
fn measure_match(mut node: BreakdownNode, check: &Check) -> BreakdownNode {
    let pairs: Vec<&Finding> = check.findings.iter().filter(|found| found.code != "document_portrait").collect();
    for found in pairs.iter().filter(|found| is_compared(found)) {
        node.add_finding(found.outcome, Caution, Caution, Some("face_mismatch"));
    }
    if pairs.is_empty() || pairs.iter().any(|found| !is_compared(found)) {
        node.result = node.result.worse(NodeResult::Unknown);
        node.class = node.class.max(Caution);
    }
    with_score(node, check)
}

fn measure_challenge(mut node: BreakdownNode, check: &Check) -> BreakdownNode {
    node.add_finding(check.outcome, Caution, Caution, None);
    for found in check.findings.iter().filter(|found| matches!(found.outcome, Outcome::Warn | Outcome::Fail)) {
        if found.code == "claim_matches_result" {
            // A browser that reports another score than its provider was changed.
            node.add_finding(found.outcome, Caution, Caution, None);
        }
        let meant = FEEDBACK.iter().find(|(code, _)| *code == found.code).map(|(_, reason)| *reason);
        if check.outcome != Outcome::Pass {
            node.add_reasons(meant.as_slice());
        }
    }
    with_score(node, check)
}

fn measure_field(mut node: BreakdownNode, check: &Check, field: &str) -> BreakdownNode {
    for found in check.findings.iter().filter(|found| found.code == field) {
        node.add_finding(found.outcome, Retry, Retry, Some("data_mismatch"));
    }
    node
}

fn with_score(node: BreakdownNode, check: &Check) -> BreakdownNode {
    let decimal = |number: Option<f64>| number.map(|number| number.to_string());
    BreakdownNode { score: decimal(check.score), threshold: decimal(check.threshold), ..node }
}

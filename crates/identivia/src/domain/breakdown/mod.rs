//! The breakdown: a tree over a record's checks, whose nodes have permanent names. It says what was measured and what that
//! may mean; it decides nothing.
//!
//! `unknown` is a check that gave no result, `not_applicable` one that was not asked for. Neither is ever `pass`.

mod leaves;
mod node;

use crate::records::checks::{Check, CheckKind, Outcome};
use crate::records::verification_record::{ChecksStatus, VerificationRecord};

pub use node::{BreakdownNode, NodeResult};

/// The groups with their leaves, in the order in which they are shown. A leaf of another group stands below it.
const GROUPS: [(&str, Option<CheckKind>, &[&str]); 11] = [
    ("document.integrity", None, &["image_quality", "supported", "colour", "sides_complete"]),
    ("document.data", None, &["mrz_checksums", "expiry", "consistency", "age"]),
    (
        "document.agreement",
        Some(CheckKind::DataAgreement),
        &["name", "document_number", "date_of_birth", "country", "gender", "document_type"],
    ),
    (
        "document.authenticity",
        None,
        &["original_present", "digital_tampering", "security_features", "portrait_integrity"],
    ),
    ("document.chip", None, &["passive_authentication", "active_authentication"]),
    ("document.history", None, &["repeat_number", "repeat_image"]),
    ("face", Some(CheckKind::FaceMatch), &["detected", "match", "source_integrity"]),
    ("liveness", Some(CheckKind::Liveness), &["challenge", "replay"]),
    ("person", None, &["duplicate_face", "duplicate_document"]),
    ("network", None, &["velocity", "country", "private_network"]),
    ("screening", None, &["sanctions", "pep"]),
];

/// The checks of a record, as far as they have a result.
#[derive(Debug)]
pub enum KnownChecks {
    /// They are still to come, or the record is older than checks.
    None,
    /// They gave no result, or it cannot be read.
    Failed,
    Done(Vec<Check>),
}

impl KnownChecks {
    /// The checks of a stored record.
    #[must_use]
    pub fn of_record(record: &VerificationRecord) -> Self {
        match record.checks_status {
            None | Some(ChecksStatus::Pending) => Self::None,
            Some(ChecksStatus::Failed) => Self::Failed,
            Some(ChecksStatus::Done) => match record.checks.as_ref().map(|json| serde_json::from_str(json.get())) {
                Some(Ok(checks)) => Self::Done(checks),
                Some(Err(_)) | None => Self::Failed,
            },
        }
    }

    /// The codes of findings that are no pass, the worst first, each once.
    #[must_use]
    pub fn worst_codes(&self, limit: usize) -> Vec<String> {
        let Self::Done(checks) = self else { return Vec::new() };
        let findings = checks.iter().flat_map(|check| &check.findings);
        let mut noted: Vec<_> =
            findings.filter(|found| matches!(found.outcome, Outcome::Fail | Outcome::Warn)).collect();
        noted.sort_by_key(|found| found.outcome != Outcome::Fail);
        let mut codes: Vec<String> = Vec::new();
        for found in noted {
            if codes.len() < limit && !codes.contains(&found.code) {
                codes.push(found.code.clone());
            }
        }
        codes
    }
}

/// The tree over a record's checks; `None` while they have no result.
#[must_use]
pub fn break_down(record: &VerificationRecord, checks: &KnownChecks) -> Option<Vec<BreakdownNode>> {
    let checks = match checks {
        KnownChecks::None => return None,
        KnownChecks::Failed => None,
        KnownChecks::Done(checks) => Some(checks.as_slice()),
    };
    let mut document = Vec::new();
    let mut others = Vec::new();
    for (name, check, leaves) in GROUPS {
        let children = leaves.iter().map(|leaf| leaves::measure_leaf(name, leaf, record, checks)).collect();
        let group = BreakdownNode::group(name, children).bounded_by(checks, check);
        match name.starts_with("document.") {
            true => document.push(group),
            false => others.push(group),
        }
    }
    let document = BreakdownNode::group("document", document).bounded_by(checks, Some(CheckKind::Document));
    Some(std::iter::once(document).chain(others).collect())
}

#[cfg(test)]
mod tests;

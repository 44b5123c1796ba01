//! Checks on a verification record: what was found out after it was made, and how much each finding is worth. They decide
//! nothing about a profile.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::verification::VerificationRecord;

/// How far the checks on a record are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChecksStatus {
    Pending,
    Done,
    /// They were tried several times and gave no result.
    Failed,
}

impl ChecksStatus {
    /// Its word in records and answers.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Pass,
    Fail,
    /// Neither: somebody should look.
    Warn,
    /// There was nothing to check.
    NotApplicable,
}

/// What a finding rests on, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Assurance {
    /// A signature that was verified. No check of this version has it.
    Cryptographic,
    /// Read from print, and proved by check digits or by a second place that says the same.
    Optical,
    /// A trained network's score.
    Model,
    /// Somebody's word.
    Asserted,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// Such as `mrz_check_digits`.
    pub code: String,
    pub outcome: Outcome,
    /// For a person.
    pub message: String,
    /// What it was seen by: figures, and values as they were read.
    #[schema(value_type = Object)]
    pub evidence: Map<String, Value>,
}

/// Weights that an engine used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WeightsUsed {
    /// Such as `face-embed`.
    pub model: String,
    /// Of its file, in hexadecimal.
    pub sha256: String,
}

/// One check on a record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Check {
    /// `document`, `face_match`, `liveness` or `data_agreement`.
    pub check: String,
    pub outcome: Outcome,
    /// On the check's own scale; `null` where it has none.
    pub score: Option<f64>,
    /// From which score on it passes.
    pub threshold: Option<f64>,
    /// What judged, such as `identivia-vision 0.1.0`.
    pub engine: String,
    pub weights: Vec<WeightsUsed>,
    pub assurance: Assurance,
    /// For a person.
    pub message: String,
    pub findings: Vec<Finding>,
}

/// What came of all checks on a record.
#[derive(Clone, Debug)]
pub struct Checked {
    pub status: ChecksStatus,
    pub checks: Vec<Check>,
    /// Biometric templates, as JSON; empty unless they are kept.
    pub face_templates: String,
}

impl Checked {
    /// The checks as they are kept.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.checks).unwrap_or_default()
    }
}

/// A record whose checks are to be run, and how often that has begun.
#[derive(Clone, Debug)]
pub struct DueChecks {
    pub record: VerificationRecord,
    pub attempt: u32,
}

/// The checks as the record shows them; `None` where there are none or what is there is no list.
#[must_use]
pub fn checks_of(text: &str) -> Option<Box<RawValue>> {
    RawValue::from_string(text.to_owned()).ok().filter(|json| json.get().starts_with('['))
}

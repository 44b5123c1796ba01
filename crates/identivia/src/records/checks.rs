//! Checks on a verification record: what was found out after it was made, and how much each finding is worth. They decide
//! nothing about a profile.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::finding_code::FindingCode;

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = CheckOutcome)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Pass,
    Fail,
    /// Neither: a reviewer should look.
    Warn,
    /// There was nothing to check.
    NotApplicable,
}

impl Outcome {
    /// Its word in records and answers.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::NotApplicable => "not_applicable",
        }
    }
}

/// What a finding rests on, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Assurance {
    /// A signature that was verified. No check of this version has it.
    Cryptographic,
    /// Read from print, and proved by check digits or by a second place that says the same.
    Optical,
    /// A trained network's score.
    Model,
    /// A statement without evidence.
    Asserted,
}

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    #[schema(value_type = FindingCode)]
    pub code: String,
    pub outcome: Outcome,
    /// For a person.
    pub message: String,
    /// What it was seen by: figures, and values as they were read.
    #[schema(value_type = Object)]
    pub evidence: Map<String, Value>,
}

impl Finding {
    /// A finding with that evidence.
    #[must_use]
    pub fn new<const N: usize>(code: &str, outcome: Outcome, message: &str, evidence: [(&str, Value); N]) -> Self {
        let evidence = evidence.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { code: code.to_owned(), outcome, message: message.to_owned(), evidence }
    }
}

/// Weights that an engine used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WeightsUsed {
    /// Such as `face-embed`.
    pub model: String,
    /// Of its file, in hexadecimal.
    pub sha256: String,
}

/// What is checked on a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckKind {
    /// Whether the document agrees with itself.
    Document,
    /// Whether the faces look like one person's.
    FaceMatch,
    Liveness,
    /// Whether the record's fields are those of the document.
    DataAgreement,
}

impl CheckKind {
    /// Its word in records and answers.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::FaceMatch => "face_match",
            Self::Liveness => "liveness",
            Self::DataAgreement => "data_agreement",
        }
    }
}

/// One check on a record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Check {
    pub check: CheckKind,
    pub outcome: Outcome,
    /// On the check's own scale; `null` where it has none.
    #[schema(required = true)]
    pub score: Option<f64>,
    /// From which score on it passes.
    #[schema(required = true)]
    pub threshold: Option<f64>,
    /// What judged, such as `identivia-vision 0.1.0`.
    pub engine: String,
    pub weights: Vec<WeightsUsed>,
    pub assurance: Assurance,
    /// For a person.
    pub message: String,
    pub findings: Vec<Finding>,
}

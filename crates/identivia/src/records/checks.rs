//! Checks on a verification record: what was found out after it was made, and how much each finding is worth. They decide
//! nothing about a profile.

use std::collections::BTreeMap;

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
    /// What each part of the document says, as it was read (document check).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readings: Vec<SourceReading>,
    /// Where the eyes are in the pictures (face match).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub eyes: Vec<FaceEyes>,
}

/// A part of a document that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DocumentSource {
    /// The machine-readable zone.
    Mrz,
    Barcode,
    Print,
}

/// What one part of the document says: not compared with the other parts, nor completed by them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SourceReading {
    pub source: DocumentSource,
    /// By name, such as `document_number`; each of at most 255 letters.
    pub fields: BTreeMap<String, String>,
}

/// Where the eyes of the face in a picture are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FaceEyes {
    /// `document_front`, `document_back`, `facial_photo` or `liveness_reference`.
    pub image: String,
    /// The person's own right: on the left of a picture that is not mirrored.
    pub right: ImagePoint,
    pub left: ImagePoint,
}

/// A place in an upright picture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ImagePoint {
    /// In shares of the width, 0 to 1, from the left.
    #[schema(minimum = 0, maximum = 1)]
    pub x: f64,
    /// In shares of the height, 0 to 1, from the top.
    #[schema(minimum = 0, maximum = 1)]
    pub y: f64,
}

//! Bodies of changes of a review, and their checks.

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::domain::PARAGRAPH;
use crate::domain::reason::ReasonCode;
use crate::domain::resubmission::ResubmissionStep;
use crate::http::body::decision_fields::{read_reasons, read_steps};
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::error::ApiError;
use crate::records::review::{Decider, Proposal, ReviewOutcome};
use crate::records::time::Millis;

/// The longest claim id, in characters.
const CLAIM_ID: usize = 64;

/// A decision of a review that the caller holds.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"claim_id": "k3j5h7g9f1d2s4a6p8o0i2u4", "version": 2, "reasons": ["document_expired"]}))]
pub(crate) struct DecideReview {
    #[serde(default)]
    #[schema(value_type = String, required = true, min_length = 1, max_length = 64)]
    claim_id: RawField,
    /// The version that was read.
    #[serde(default)]
    #[schema(value_type = u64, required = true)]
    version: RawField,
    /// Codes of `GET /api/reasons`. A rejection needs one.
    #[serde(default)]
    #[schema(value_type = Option<Vec<ReasonCode>>, max_items = 10)]
    reasons: RawField,
    /// A text for the person, beside the reasons.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000, pattern = "^[^\\u0000]*$")]
    message: RawField,
    /// Never leaves the console.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000, pattern = "^[^\\u0000]*$")]
    internal_note: RawField,
}

/// A request for another try.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"claim_id": "k3j5h7g9f1d2s4a6p8o0i2u4", "version": 2, "reasons": ["glare_on_photo"],
    "steps": ["document_front"]}))]
pub(crate) struct RequestResubmission {
    #[serde(flatten)]
    decision: DecideReview,
    /// The steps to do again. The face check is repeated in any case.
    #[serde(default)]
    #[schema(value_type = Vec<ResubmissionStep>, required = true, min_items = 1, max_items = 4)]
    steps: RawField,
}

/// A checked decision.
pub(super) struct CheckedDecision {
    pub(super) claim_id: String,
    pub(super) version: u64,
    pub(super) internal_note: Option<String>,
    reasons: Vec<String>,
    steps: Vec<String>,
    message: Option<String>,
}

impl DecideReview {
    /// Checks the body of an approval or a rejection.
    pub(super) fn check(self, outcome: ReviewOutcome) -> Result<CheckedDecision, ApiError> {
        self.check_with_steps(outcome, None)
    }

    fn check_with_steps(self, outcome: ReviewOutcome, steps: RawField) -> Result<CheckedDecision, ApiError> {
        let mut checks = FieldChecks::default();
        let checked = CheckedDecision {
            claim_id: checks.required_text("claim_id", self.claim_id, CLAIM_ID),
            version: read_version(&mut checks, self.version),
            internal_note: checks.known_text("internal_note", self.internal_note, PARAGRAPH),
            reasons: read_reasons(&mut checks, self.reasons),
            steps: read_steps(&mut checks, steps),
            message: checks.known_text("message", self.message, PARAGRAPH),
        };
        let needs_reason = outcome != ReviewOutcome::Approve;
        if needs_reason && checked.reasons.is_empty() && !checks.has_problem("reasons") {
            checks.add_missing("reasons");
        }
        if outcome == ReviewOutcome::Approve && !checked.reasons.is_empty() {
            checks.add_problem("reasons", "must be left out of an approval");
        }
        let asks = outcome == ReviewOutcome::RequestResubmission;
        if asks && checked.steps.is_empty() && !checks.has_problem("steps") {
            checks.add_missing("steps");
        }
        checks.finish()?;
        Ok(checked)
    }
}

impl RequestResubmission {
    /// Checks the body of a request for another try.
    pub(super) fn check(self) -> Result<CheckedDecision, ApiError> {
        self.decision.check_with_steps(ReviewOutcome::RequestResubmission, self.steps)
    }
}

impl CheckedDecision {
    /// The decision.
    pub(super) fn to_proposal(&self, outcome: ReviewOutcome, by: Decider, at: Millis) -> Proposal {
        Proposal {
            outcome,
            reasons: self.reasons.clone(),
            steps: self.steps.clone(),
            message: self.message.clone(),
            by,
            at,
        }
    }
}

/// The version that the caller has read.
pub(super) fn read_version(checks: &mut FieldChecks, raw: RawField) -> u64 {
    match raw.filter(|value| !value.is_null()) {
        None => checks.add_missing("version"),
        Some(value) => match value.as_u64() {
            Some(version) => return version,
            None => checks.add_problem("version", "must be the version that was read: a whole number"),
        },
    }
    0
}

/// A flag that is false when left out.
pub(super) fn read_flag(checks: &mut FieldChecks, name: &'static str, raw: Option<&Value>) -> bool {
    match raw {
        None | Some(Value::Null) => false,
        Some(Value::Bool(flag)) => *flag,
        Some(_) => {
            checks.add_problem(name, "must be true or false");
            false
        }
    }
}

//! `POST /api/reviews/{id}/second`: another person agrees with a decision, or does not; a third one then decides.

use axum::Json;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::access::{NamedReview, decider_of, refusal_answer};
use super::case::{ReviewResponse, answer_case};
use super::decision_body::read_version;
use crate::domain::PARAGRAPH;
use crate::domain::event::EventKind;
use crate::domain::reason::ReasonCode;
use crate::domain::review::ReviewRefusal;
use crate::domain::scope::Scope;
use crate::http::body::decision_fields::read_reasons;
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::json;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::request_context::WholeRequest;
use crate::records::id::RecordId;
use crate::records::review::{Proposal, ReviewState};

/// What another person thinks of a decision.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"version": 4, "agree": true}))]
pub(crate) struct SecondReview {
    #[serde(default)]
    #[schema(value_type = u64, required = true)]
    version: RawField,
    #[serde(default)]
    #[schema(value_type = bool, required = true)]
    agree: RawField,
    /// Where the result is a rejection that the first one did not propose.
    #[serde(default)]
    #[schema(value_type = Option<Vec<ReasonCode>>, max_items = 10)]
    reasons: RawField,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000, pattern = "^[^\\u0000]*$")]
    internal_note: RawField,
}

struct CheckedSecond {
    version: u64,
    agrees: bool,
    reasons: Vec<String>,
    internal_note: Option<String>,
}

/// Decide as another person
///
/// Not the one who has decided: another account, another e-mail address and another subject of the identity provider. Agreement
/// puts the decision into effect. Disagreement leaves it to a third person with `reviews:override`.
#[utoipa::path(post, path = "/api/reviews/{id}/second", tag = "Reviews", security(("consoleSession" = ["reviews:second"])),
    params(("id" = RecordId, Path, description = "The review's id")),
    request_body = SecondReview,
    responses(
        (status = 200, description = "Decided, or put before a third person", body = ReviewResponse),
        (status = 409, description = "The review has changed, or waits for nobody", body = ErrorBody),
    ))]
pub(crate) async fn second_review(named: NamedReview, request: WholeRequest) -> Result<Json<ReviewResponse>, ApiError> {
    let body = check_second(json::read_json(request).await?)?;
    let by = decider_of(&named.context);
    let Some(first) = named.review.proposal.clone() else {
        return Err(refusal_answer(ReviewRefusal::WrongState(named.review.state)));
    };
    named.review.require_other_person(&by).map_err(refusal_answer)?;
    named.review.require_version(body.version).map_err(refusal_answer)?;
    named.require_newest_evidence().await?;
    let note = body.internal_note.clone().map(|text| named.note(text));
    let own = Proposal {
        outcome: if body.agrees { first.outcome } else { first.outcome.opposite() },
        reasons: if body.agrees { first.reasons.clone() } else { body.reasons },
        message: first.message.clone().filter(|_| body.agrees),
        steps: Vec::new(),
        by,
        at: named.now(),
    };
    let decided = match (named.review.state, body.agrees) {
        (ReviewState::SecondLook, true) => named.agree(first, own, note).await?,
        (ReviewState::SecondLook, false) => {
            let escalate = |review: &mut crate::records::review::Review| {
                review.escalate(own);
                Ok(())
            };
            named.change(EventKind::ReviewEscalated, first.outcome.word(), note, escalate).await?
        }
        (ReviewState::Escalated, _) => {
            named.require_permission(Scope::ReviewsOverride)?;
            named.put_into_effect(own, note, EventKind::ReviewDecided).await?
        }
        (state, _) => return Err(refusal_answer(ReviewRefusal::WrongState(state))),
    };
    answer_case(decided).await
}

impl NamedReview {
    /// Puts the first one's decision into effect, with the second one's name beside it.
    async fn agree(
        mut self,
        first: Proposal,
        own: Proposal,
        note: Option<crate::records::review::ReviewNote>,
    ) -> Result<Self, ApiError> {
        self.review.second = Some(own);
        self.put_into_effect(first, note, EventKind::ReviewDecided).await
    }
}

fn check_second(body: SecondReview) -> Result<CheckedSecond, ApiError> {
    let mut checks = FieldChecks::default();
    let version = read_version(&mut checks, body.version);
    let agrees = match body.agree {
        Some(Value::Bool(agrees)) => agrees,
        None | Some(Value::Null) => {
            checks.add_missing("agree");
            false
        }
        Some(_) => {
            checks.add_problem("agree", "must be true or false");
            false
        }
    };
    let reasons = read_reasons(&mut checks, body.reasons);
    let internal_note = checks.known_text("internal_note", body.internal_note, PARAGRAPH);
    checks.finish()?;
    Ok(CheckedSecond { version, agrees, reasons, internal_note })
}

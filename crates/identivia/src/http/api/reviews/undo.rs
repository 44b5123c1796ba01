//! `POST /api/reviews/{id}/undo`: takes back a decision that has not taken effect.

use axum::Json;
use serde::Deserialize;
use utoipa::ToSchema;

use super::access::{NamedReview, decider_of, refusal_answer};
use super::case::{ReviewResponse, answer_case};
use super::decision_body::read_version;
use crate::domain::event::EventKind;
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::json;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::request_context::WholeRequest;
use crate::records::id::RecordId;

/// The version that was read.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"version": 3}))]
pub(crate) struct UndoDecision {
    #[serde(default)]
    #[schema(value_type = u64, required = true)]
    version: RawField,
}

/// Undo a decision
///
/// By its maker, until it takes effect. Nothing was sent.
#[utoipa::path(post, path = "/api/reviews/{id}/undo", tag = "Reviews",
    security(("machine" = ["reviews:decide"]), ("consoleSession" = ["reviews:decide"])),
    params(("id" = RecordId, Path, description = "The review's id")),
    request_body = UndoDecision,
    responses(
        (status = 200, description = "The caller holds it again", body = ReviewResponse),
        (status = 409, description = "It has taken effect, or another one has decided", body = ErrorBody),
    ))]
pub(crate) async fn undo_review_decision(
    named: NamedReview,
    request: WholeRequest,
) -> Result<Json<ReviewResponse>, ApiError> {
    let body: UndoDecision = json::read_json(request).await?;
    let mut checks = FieldChecks::default();
    let version = read_version(&mut checks, body.version);
    checks.finish()?;
    let (by, now) = (decider_of(&named.context), named.now());
    named.review.require_version(version).map_err(refusal_answer)?;
    let undone = named.change(EventKind::ReviewUndone, "", None, |review| review.undo_decision(&by, now)).await?;
    answer_case(undone).await
}

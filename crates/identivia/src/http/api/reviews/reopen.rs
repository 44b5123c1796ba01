//! `POST /api/reviews/{id}/reopen`: opens a decided review again.

use axum::Json;
use serde::Deserialize;
use utoipa::ToSchema;

use super::access::{NamedReview, decider_of, refusal_answer};
use super::case::{ReviewResponse, answer_case};
use super::decision_body::read_version;
use crate::domain::PARAGRAPH;
use crate::domain::event::EventKind;
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::json;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::request_context::WholeRequest;
use crate::records::id::RecordId;
use crate::store::ReviewDecision;

/// Why the review is opened again.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"version": 5, "reason": "The wrong document was looked at"}))]
pub(crate) struct ReopenReview {
    #[serde(default)]
    #[schema(value_type = u64, required = true)]
    version: RawField,
    /// It becomes a note of the review.
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 2000, pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$")]
    reason: RawField,
}

/// Reopen a review
///
/// The profile is `pending` again, by a new status record; the old ones stay. The person's link stays closed.
#[utoipa::path(post, path = "/api/reviews/{id}/reopen", tag = "Reviews", security(("consoleSession" = ["reviews:override"])),
    params(("id" = RecordId, Path, description = "The review's id")),
    request_body = ReopenReview,
    responses(
        (status = 200, description = "It is open again", body = ReviewResponse),
        (status = 409, description = "It is not decided, has changed, or there is a newer record", body = ErrorBody),
    ))]
pub(crate) async fn reopen_review(named: NamedReview, request: WholeRequest) -> Result<Json<ReviewResponse>, ApiError> {
    let body: ReopenReview = json::read_json(request).await?;
    let mut checks = FieldChecks::default();
    let version = read_version(&mut checks, body.version);
    let reason = checks.required_text("reason", body.reason, PARAGRAPH);
    checks.finish()?;
    named.review.require_version(version).map_err(refusal_answer)?;
    named.require_newest_evidence().await?;
    let now = named.now();
    let settings = named.context.app.store.review_settings(&named.review.team).await?;
    let mut after = named.review.clone();
    after.reopen(now.plus_seconds(i64::from(settings.due_hours) * 3_600)).map_err(refusal_answer)?;
    let by = decider_of(&named.context);
    let decision = ReviewDecision::of_reopening(&named.review, after, &by, named.note(reason), now);
    let event = named.audit(EventKind::ReviewReopened, "");
    let written = named.context.app.store.decide_review(decision, event).await?;
    answer_case(named.after_write(written).await?).await
}

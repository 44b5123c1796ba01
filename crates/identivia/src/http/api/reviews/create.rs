//! `POST /api/reviews`: has people look at a record that a company's server has made.

use axum::Json;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::require_reviews;
use super::row::ReviewRow;
use crate::domain::breakdown::KnownChecks;
use crate::domain::event::EventKind;
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::json;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::profile_access::load_profile;
use crate::http::guard::request_context::{RequestContext, WholeRequest};
use crate::records::RecordKind;
use crate::records::id::RecordId;
use crate::records::review::Review;
use crate::store::Refusal;

/// The record to look at.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"verification": "vh23def456ghi78"}))]
pub(crate) struct CreateReview {
    /// The newest verification record of its profile.
    #[serde(default)]
    #[schema(value_type = RecordId, required = true)]
    verification: RawField,
}

/// A new review.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReviewCreatedResponse {
    success: bool,
    message: &'static str,
    data: ReviewRow,
}

/// Create a review
///
/// Of a record that a company's server has made. Records that people send with their link have a review already.
#[utoipa::path(post, path = "/api/reviews", tag = "Reviews", security(("machine" = ["reviews:decide"])),
    request_body = CreateReview,
    responses(
        (status = 201, description = "Created", body = ReviewCreatedResponse),
        (status = 409, description = "The record has a review, or is not the newest of its profile", body = ErrorBody),
    ))]
pub(crate) async fn create_review(
    context: RequestContext,
    request: WholeRequest,
) -> Result<(StatusCode, Json<ReviewCreatedResponse>), ApiError> {
    require_reviews(&context)?;
    let body: CreateReview = json::read_json(request).await?;
    let mut checks = FieldChecks::default();
    let named = checks.record_id("verification", body.verification);
    if named.is_none() && !checks.has_problem("verification") {
        checks.add_missing("verification");
    }
    checks.finish()?;
    let app = context.app.clone();
    let record = match named {
        Some(id) => app.store.verification_record(id).await?.ok_or_else(ApiError::unknown_verification)?,
        None => return Err(ApiError::unknown_verification()),
    };
    let profile = load_profile(&context, record.profile).await.map_err(|_| ApiError::unknown_verification())?;
    if profile.newest_verification != Some(record.id) {
        return Err(ApiError::evidence_changed(profile.newest_verification));
    }
    let now = app.clock.now();
    let settings = app.store.review_settings(&profile.team).await?;
    let due_at = now.plus_seconds(i64::from(settings.due_hours) * 3_600);
    let mut review = Review::new(&record, &profile.team, profile.attempts.unwrap_or(1), due_at, now);
    review.set_findings(KnownChecks::of_record(&record).worst_codes(usize::MAX));
    let event = context.audit_event(EventKind::ReviewCreated, Some(profile.id), "");
    let event = event.on(RecordKind::Reviews, review.id.as_str());
    match app.store.add_review(&review, &event).await? {
        Ok(()) => {
            let data = ReviewRow::new(&review, Some(&record), now);
            let response = ReviewCreatedResponse { success: true, message: "Review created", data };
            Ok((StatusCode::CREATED, Json(response)))
        }
        Err(Refusal::AlreadyExists) => {
            Err(ApiError::conflict("Review exists", "GET /api/reviews lists the reviews; a record has one"))
        }
        Err(refusal) => Err(context.refusal_error(profile.id, refusal).await),
    }
}

//! Claims of a review: taken, prolonged, given back, and taken over.

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::{NamedReview, decider_of, refusal_answer};
use super::case::{ReviewResponse, answer_case};
use super::decision_body::{read_flag, read_version};
use crate::domain::PARAGRAPH;
use crate::domain::event::EventKind;
use crate::domain::scope::Scope;
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::json;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::request_context::WholeRequest;
use crate::records::id::RecordId;
use crate::records::time::Millis;

/// A claim of a review.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"version": 1}))]
pub(crate) struct ClaimReview {
    /// The version that was read.
    #[serde(default)]
    #[schema(value_type = u64, required = true)]
    version: RawField,
    /// Takes it from another holder: with `reviews:override`, and a reason.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    force: RawField,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000, pattern = "^[^\\u0000]*$")]
    reason: RawField,
}

/// Claim a review
///
/// For 15 minutes. One holder has at most 5 claims.
#[utoipa::path(post, path = "/api/reviews/{id}/claim", tag = "Reviews",
    security(("machine" = ["reviews:decide"]), ("consoleSession" = ["reviews:decide"])),
    params(("id" = RecordId, Path, description = "The review's id")),
    request_body = ClaimReview,
    responses(
        (status = 200, description = "Claimed", body = ReviewResponse),
        (status = 409, description = "Another one holds it, it has changed, or the caller holds too many", body = ErrorBody),
    ))]
pub(crate) async fn claim_review(named: NamedReview, request: WholeRequest) -> Result<Json<ReviewResponse>, ApiError> {
    let body: ClaimReview = json::read_json(request).await?;
    let mut checks = FieldChecks::default();
    let version = read_version(&mut checks, body.version);
    let takes_over = read_flag(&mut checks, "force", body.force.as_ref());
    let reason = checks.known_text("reason", body.reason, PARAGRAPH);
    if takes_over && reason.is_none() && !checks.has_problem("reason") {
        checks.add_missing("reason");
    }
    checks.finish()?;
    if takes_over {
        named.require_permission(Scope::ReviewsOverride)?;
    }
    let claimed = take_claim(named, version, takes_over, reason).await?;
    answer_case(claimed).await
}

/// Claims a review for the caller.
pub(super) async fn take_claim(
    named: NamedReview,
    version: u64,
    takes_over: bool,
    reason: Option<String>,
) -> Result<NamedReview, ApiError> {
    let (by, now) = (decider_of(&named.context), named.now());
    // A caller who was too late learns who was first.
    let mut tried = named.review.clone();
    tried.claim(&by, takes_over, now).map_err(refusal_answer)?;
    named.review.require_version(version).map_err(refusal_answer)?;
    let kind = if takes_over { EventKind::ReviewTakenOver } else { EventKind::ReviewClaimed };
    let note = reason.filter(|_| takes_over).map(|reason| named.note(reason));
    named.change(kind, "", note, |review| review.claim(&by, takes_over, now)).await
}

/// The claim of the caller.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"claim_id": "k3j5h7g9f1d2s4a6p8o0i2u4"}))]
pub(crate) struct OwnClaim {
    #[serde(default)]
    #[schema(value_type = String, required = true, min_length = 1, max_length = 64)]
    claim_id: RawField,
}

async fn read_claim_id(request: WholeRequest) -> Result<String, ApiError> {
    let body: OwnClaim = json::read_json(request).await?;
    let mut checks = FieldChecks::default();
    let claim_id = checks.required_text("claim_id", body.claim_id, 64);
    checks.finish()?;
    Ok(claim_id)
}

/// A prolonged claim.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "data": {"claim_until": "2026-03-21 00:15:00.000Z", "version": 3}}))]
pub(crate) struct RenewedClaimResponse {
    success: bool,
    data: RenewedClaim,
}

#[derive(Serialize, ToSchema)]
struct RenewedClaim {
    #[schema(required = true)]
    claim_until: Option<Millis>,
    version: u64,
}

/// Renew a claim
///
/// For another 15 minutes. The version stays, so that a decision that is being written down is not refused.
#[utoipa::path(post, path = "/api/reviews/{id}/renew", tag = "Reviews",
    security(("machine" = ["reviews:decide"]), ("consoleSession" = ["reviews:decide"])),
    params(("id" = RecordId, Path, description = "The review's id")),
    request_body = OwnClaim,
    responses(
        (status = 200, description = "Renewed", body = RenewedClaimResponse),
        (status = 409, description = "The claim has ended", body = ErrorBody),
    ))]
pub(crate) async fn renew_review_claim(
    named: NamedReview,
    request: WholeRequest,
) -> Result<Json<RenewedClaimResponse>, ApiError> {
    let claim_id = read_claim_id(request).await?;
    let (by, now) = (decider_of(&named.context), named.now());
    named.review.require_claim(&by, &claim_id, now).map_err(refusal_answer)?;
    let mut after = named.review.clone();
    after.renew_claim(now);
    let written = named.context.app.store.renew_review_claim(&named.review, after.claim_until).await?;
    let written = written.map(|()| after);
    let renewed = named.after_write(written).await?.review;
    let data = RenewedClaim { claim_until: renewed.claim_until, version: renewed.version };
    Ok(Json(RenewedClaimResponse { success: true, data }))
}

/// Release a review
///
/// It is open for others at once.
#[utoipa::path(post, path = "/api/reviews/{id}/release", tag = "Reviews",
    security(("machine" = ["reviews:decide"]), ("consoleSession" = ["reviews:decide"])),
    params(("id" = RecordId, Path, description = "The review's id")),
    request_body = OwnClaim,
    responses(
        (status = 200, description = "It is open again", body = ReviewResponse),
        (status = 409, description = "The claim has ended", body = ErrorBody),
    ))]
pub(crate) async fn release_review(
    named: NamedReview,
    request: WholeRequest,
) -> Result<Json<ReviewResponse>, ApiError> {
    let claim_id = read_claim_id(request).await?;
    let (by, now) = (decider_of(&named.context), named.now());
    let released = named
        .change(EventKind::ReviewReleased, "", None, |review| {
            review.require_claim(&by, &claim_id, now)?;
            review.release();
            Ok(())
        })
        .await?;
    answer_case(released).await
}

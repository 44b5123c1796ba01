//! `POST /api/reviews/next`: claims the free review that is due first.

use axum::Json;
use serde::Deserialize;
use utoipa::ToSchema;

use super::access::{NamedReview, require_reviews};
use super::case::{ReviewResponse, answer_case};
use super::claim::take_claim;
use crate::domain::LINE;
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::json;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::request_context::{RequestContext, WholeRequest};

/// Which review is claimed.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({}))]
pub(crate) struct NextReview {
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    team: RawField,
}

/// Claim the next review
///
/// The free one that is due first. Of all who ask at once each gets another one.
#[utoipa::path(post, path = "/api/reviews/next", tag = "Reviews",
    security(("machine" = ["reviews:decide"]), ("consoleSession" = ["reviews:decide"])),
    request_body = NextReview,
    responses(
        (status = 200, description = "Claimed", body = ReviewResponse),
        (status = 404, description = "Nothing to review", body = ErrorBody),
        (status = 409, description = "The caller holds too many", body = ErrorBody),
    ))]
pub(crate) async fn claim_next_review(
    context: RequestContext,
    request: WholeRequest,
) -> Result<Json<ReviewResponse>, ApiError> {
    require_reviews(&context)?;
    let body: NextReview = json::read_json(request).await?;
    let mut checks = FieldChecks::default();
    let team = checks.known_text("team", body.team, LINE);
    checks.finish()?;
    let (store, now) = (context.app.store.clone(), context.app.clock.now());
    let mut context = context;
    for review in store.next_reviews(&context.authority.reach, team.clone(), now).await? {
        let version = review.version;
        let again = RequestContext {
            app: context.app.clone(),
            authority: context.authority.clone(),
            request_id: context.request_id.clone(),
            client_ip: context.client_ip,
            store: context.store.clone(),
        };
        match take_claim(NamedReview { context, review }, version, false, None).await {
            Ok(claimed) => return answer_case(claimed).await,
            // Another reviewer was first: the next one may be free.
            Err(error) if error.is_lost_race() => context = again,
            Err(error) => return Err(error),
        }
    }
    Err(ApiError::not_found("Nothing to review", "Every review is held or decided"))
}

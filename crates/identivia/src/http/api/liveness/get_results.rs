//! Results of a face liveness session: status, confidence and images, as fresh as the provider has them.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::session_access::{reachable_session, session_not_found};
use crate::app::App;
use crate::domain::liveness::{AttackTest, AttackTests, LivenessRule};
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::authority::{RestrictedView, Shown};
use crate::http::guard::provider_quotas::{ProviderOperation, ProviderQuotas};
use crate::http::guard::request_context::RequestContext;
use crate::records::checks::Assurance;
use crate::records::liveness_session::{BoundingBox, Challenge, Feedback, LivenessSession, SessionStatus};

/// The results of a session.
#[derive(Serialize, ToSchema)]
#[schema(as = LivenessResultsResponse)]
#[schema(example = json!({"success": true, "data": {
    "sessionId": "session-uuid-here", "confidenceScore": 95.5, "isLive": true, "hasPassed": true, "referenceImage": {
        "bytes": "base64-encoded-image", "boundingBox": {"Width": 0.5, "Height": 0.6, "Left": 0.2, "Top": 0.1},
    }, "auditImages": [], "status": "SUCCEEDED", "assurance": "model",
    "presentation_attack": "tested_by_provider", "injection": "tested_by_provider",
    "challenge": {"Type": "FaceMovementAndLightChallenge", "Version": "2.0.0"}, "feedback": [],
    "imageFiles": ["liveness_sessions/abc123def456ghi/reference_image_m4rk1.jpg"],
}, "message": "Face Liveness results retrieved successfully"}))]
pub(crate) struct ResultsResponse {
    success: bool,
    #[schema(value_type = Results)]
    data: Shown<Results>,
    message: &'static str,
}

#[derive(Serialize, ToSchema)]
#[schema(as = LivenessResults)]
#[serde(rename_all = "camelCase")]
struct Results {
    session_id: String,
    /// 0 to 100; `null` until the person has finished.
    #[schema(required = true)]
    confidence_score: Option<f64>,
    is_live: bool,
    /// Whether the person has done what was asked, and needs no further try. Differs from `isLive` where
    /// `LOCAL_LIVENESS_COUNTS` is `false`.
    has_passed: bool,
    /// The image that shows the face best; `null` when there is none.
    #[schema(required = true)]
    reference_image: Option<Image>,
    audit_images: Vec<Image>,
    /// `SUCCEEDED` means analysed, not live. An `EXPIRED` session is answered with 404.
    status: SessionStatus,
    /// What the result rests on: a trained network's score.
    assurance: Assurance,
    /// Photographs, screens and masks before the camera.
    #[serde(rename = "presentation_attack")]
    presentation_attack: AttackTest,
    /// Pictures that no camera has taken.
    injection: AttackTest,
    /// What the person was asked to do, once it is known.
    #[schema(required = true)]
    challenge: Option<Challenge>,
    /// What stood in the way of a good picture. A link is shown the codes that help with another try.
    feedback: Vec<Feedback>,
    /// The images as files, the reference image first, for `GET /api/files/{collection}/{recordId}/{filename}`; none where
    /// the session names no profile.
    image_files: Vec<String>,
}

/// The feedback that another try can change: what a link is shown of it.
const ADVICE_CODES: [&str; 9] = [
    "LIVENESS_NOT_SHOWN",
    "STEPS_ORDER",
    "TIMING",
    "ONE_FACE",
    "POSE_LOOK_STRAIGHT",
    "POSE_TURN_LEFT",
    "POSE_TURN_RIGHT",
    "POSE_MOVE_CLOSER",
    "LOW_LIGHTING_DETECTED",
];

/// A link sees the advice for another try, and no measured value.
impl RestrictedView for Results {
    fn hide_from_flow(&mut self) {
        self.feedback.retain(|feedback| ADVICE_CODES.contains(&feedback.code.as_str()));
        for feedback in &mut self.feedback {
            feedback.message.clear();
        }
    }

    /// No session of the console gets results.
    fn mask_for_console(&mut self) {
        self.hide_from_flow();
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = LivenessImage)]
#[serde(rename_all = "camelCase")]
struct Image {
    /// Base64.
    bytes: String,
    /// Where the face is, in shares of the image's width and height.
    #[schema(required = true)]
    bounding_box: Option<BoundingBox>,
}

/// Get face liveness results
///
/// While the person has not finished, `confidenceScore` is `null`, `isLive` false and `status` tells how far they are.
#[utoipa::path(get, path = "/api/face-liveness/results/{sessionId}", tag = "Face liveness",
    security(("machine" = ["liveness:read"]), ("flow" = ["liveness:read"])),
    params(("sessionId" = String, Path, description = "The session's id")),
    responses(
        (status = 200, description = "The results so far", body = ResultsResponse),
        (status = 404, description = "Unknown, expired or another person's", body = ErrorBody, example = json!({
            "error": "Session not found", "message": "Face Liveness session ID is invalid or expired",
        })),
        (status = 429, description = "A link asks too often; see `Retry-After`", body = ErrorBody),
        (status = 502, description = "The provider failed", body = ErrorBody),
        (status = 503, description = "The provider limits requests; see `Retry-After`", body = ErrorBody),
    ))]
pub(crate) async fn get_liveness_results(
    State(app): State<Arc<App>>,
    State(quotas): State<Arc<ProviderQuotas>>,
    context: RequestContext,
    path: Result<Path<String>, axum::extract::rejection::PathRejection>,
) -> Result<Json<ResultsResponse>, ApiError> {
    let session = match path {
        Ok(Path(id)) => reachable_session(&context, &id).await?,
        Err(_) => None,
    };
    let session = session.ok_or_else(session_not_found)?;
    quotas.charge(&context, ProviderOperation::GetResults).await?;
    let profile = session.profile;
    let refreshed = match app.liveness.refresh_session(session).await {
        Ok(refreshed) => refreshed,
        Err(error) => return Err(context.session_error(profile, error).await),
    };
    let session = refreshed.filter(|session| session.status != SessionStatus::Expired);
    let (session, images) = app.liveness.read_with_images(session.ok_or_else(session_not_found)?).await?;
    Ok(Json(ResultsResponse {
        success: true,
        data: context.authority.show(to_results(session, images, app.liveness.rule())),
        message: "Face Liveness results retrieved successfully",
    }))
}

/// The answer for a session. `images` has the order of its files, the reference image first.
fn to_results(session: LivenessSession, images: Vec<Option<String>>, rule: LivenessRule) -> Results {
    let tests = AttackTests::of_session(&session);
    let (is_live, has_passed) = (rule.is_live(&session), rule.has_passed(&session));
    let folder = format!("liveness_sessions/{}", session.files_id);
    let named = session.files().into_iter().flatten().filter(|_| session.profile.is_some());
    let image_files = named.map(|name| format!("{folder}/{name}")).collect();
    let boxes = session.details.bounding_boxes.into_iter().chain(std::iter::repeat(None));
    let mut images = images.into_iter().zip(boxes);
    let shown = |(bytes, bounding_box): (Option<String>, _)| bytes.map(|bytes| Image { bytes, bounding_box });
    Results {
        session_id: session.id,
        confidence_score: session.confidence,
        is_live,
        has_passed,
        reference_image: images.next().and_then(shown),
        audit_images: images.filter_map(shown).collect(),
        status: session.status,
        assurance: Assurance::Model,
        presentation_attack: tests.presentation_attack,
        injection: tests.injection,
        challenge: session.details.challenge,
        feedback: session.details.feedback,
        image_files,
    }
}

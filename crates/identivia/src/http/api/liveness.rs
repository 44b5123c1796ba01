//! Face liveness sessions. The provider makes and judges them; we remember whose each is and what came of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header;
use http_body::Body as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::App;
use crate::domain::event::EventKind;
use crate::domain::liveness::{BoundingBox, Challenge, ChallengeKind, Feedback, Session, SessionStatus, Step, is_live};
use crate::domain::profile::Word as _;
use crate::domain::token::CallerKind;
use crate::http::body::json::{self, Raw};
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::access::{By, Whole};
use crate::http::guard::provider_quotas::{self, Asked};
use crate::records::id::RecordId;

/// The longest session id that is looked up, in bytes.
const MAX_SESSION_ID: usize = 255;

/// Optional.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateSession {
    /// The profile that a machine token's session is for.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^[a-z0-9]{15}$")]
    profile: Raw,
    /// `FaceMovementAndLightChallenge` or, without flashes, `FaceMovementChallenge`: one of those that
    /// `FACE_LIVENESS_CHALLENGES` allows.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^(FaceMovementAndLightChallenge|FaceMovementChallenge)$")]
    challenge_type: Raw,
}

/// A new session.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "success": true, "sessionId": "session-uuid-here", "message": "Face Liveness session created successfully",
    "challengeType": "FaceMovementAndLightChallenge",
}))]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionResponse {
    success: bool,
    session_id: String,
    message: &'static str,
    challenge_type: &'static str,
    /// What the person is to do, where this server judges by itself: their frames go to
    /// `POST /api/face-liveness/session/{sessionId}/frames`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    challenge: Option<Steps>,
}

/// The steps of a local check.
#[derive(Serialize, ToSchema)]
struct Steps {
    /// In this order.
    steps: Vec<Step>,
    /// To be sent with the frames.
    nonce: String,
    /// Until when frames are taken (RFC 3339).
    expiration: String,
}

/// The results of a session.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "data": {
    "sessionId": "session-uuid-here", "confidenceScore": 95.5, "isLive": true, "referenceImage": {
        "bytes": "base64-encoded-image", "boundingBox": {"Width": 0.5, "Height": 0.6, "Left": 0.2, "Top": 0.1},
    }, "auditImages": [], "status": "SUCCEEDED",
    "challenge": {"Type": "FaceMovementAndLightChallenge", "Version": "2.0.0"}, "feedback": [],
    "imageFiles": ["liveness_sessions/abc123def456ghi/reference_image_m4rk1.jpg"],
}, "message": "Face Liveness results retrieved successfully"}))]
pub(crate) struct ResultsResponse {
    success: bool,
    data: Results,
    message: &'static str,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Results {
    session_id: String,
    /// 0 to 100; `null` until the person has finished.
    confidence_score: Option<f64>,
    is_live: bool,
    /// The image that shows the face best; `null` when there is none.
    reference_image: Option<Image>,
    audit_images: Vec<Image>,
    /// `CREATED`, `IN_PROGRESS`, `SUCCEEDED` or `FAILED`. `SUCCEEDED` means analysed, not live.
    status: &'static str,
    /// What the person was asked to do, once it is known.
    challenge: Option<Challenge>,
    /// What stood in the way of a good picture.
    feedback: Vec<Feedback>,
    /// The images as files, the reference image first, for `GET /api/files/{collection}/{recordId}/{filename}`; none where
    /// the session names no profile.
    image_files: Vec<String>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Image {
    /// Base64.
    bytes: String,
    /// Where the face is, in shares of the image's width and height.
    bounding_box: Option<BoundingBox>,
}

/// Create a face liveness session
///
/// A flow token's session belongs to its profile. It serves one verification record.
#[utoipa::path(post, path = "/api/face-liveness/session", tag = "Face liveness",
    security(("machine" = ["liveness:write"]), ("flow" = ["liveness:write"])),
    request_body(content = CreateSession, description = "Optional"),
    responses(
        (status = 200, description = "Created", body = SessionResponse),
        (status = 404, description = "No such profile within the token's reach", body = ErrorBody),
        (status = 429, description = "A link asks too often, or five checks have failed within three minutes; see `Retry-After`",
            body = ErrorBody),
        (status = 502, description = "The provider failed", body = ErrorBody),
        (status = 503, description = "The provider asks for patience; see `Retry-After`", body = ErrorBody),
    ))]
pub(crate) async fn create_session(
    State(app): State<Arc<App>>,
    by: By,
    request: Whole,
) -> Result<Json<SessionResponse>, ApiError> {
    let body: CreateSession = if has_body(&request) { json::json(request).await? } else { CreateSession::default() };
    let profile = wanted_profile(&app, &by, body.profile).await?;
    let challenge = wanted_challenge(app.liveness.provider().challenges(), body.challenge_type)?;
    provider_quotas::take(&app, &by, Asked::Session).await?;
    if let Some(profile) = profile {
        provider_quotas::refuse_while_pausing(&app, profile).await?;
    }
    let event = by.event(&app, EventKind::SessionCreated, profile, challenge.word());
    let session = app.liveness.create(profile, by.caller.reach().team(), challenge, event).await?;
    Ok(Json(SessionResponse {
        success: true,
        session_id: session.id,
        message: "Face Liveness session created successfully",
        challenge_type: challenge.word(),
        challenge: session.details.task.map(|task| Steps {
            steps: task.steps,
            nonce: task.nonce,
            expiration: session.expires.rfc3339(),
        }),
    }))
}

/// The challenge that is asked for, of those that may be given; the usual one when none is.
fn wanted_challenge(given: &[ChallengeKind], asked: Raw) -> Result<ChallengeKind, ApiError> {
    let asked = match asked {
        None | Some(Value::Null) => given.first().copied(),
        Some(Value::String(word)) => ChallengeKind::of(&word).filter(|asked| given.contains(asked)),
        Some(_) => None,
    };
    asked.ok_or_else(|| {
        let words: Vec<&str> = given.iter().map(|challenge| challenge.word()).collect();
        ApiError::invalid([("challengeType", format!("must be one of {}", words.join(", ")))].into())
    })
}

/// The profile a session is for: a flow token's own, or the one that a machine token names.
async fn wanted_profile(app: &App, by: &By, named: Raw) -> Result<Option<RecordId>, ApiError> {
    let id = match (&by.caller.kind, named) {
        (CallerKind::Flow { profile }, _) => *profile,
        (CallerKind::Machine { .. }, None | Some(Value::Null)) => return Ok(None),
        (CallerKind::Machine { .. }, Some(Value::String(text))) => {
            RecordId::parse(&text).ok_or_else(ApiError::no_profile)?
        }
        (CallerKind::Machine { .. }, Some(_)) => {
            return Err(ApiError::invalid([("profile", "must be a profile's id".to_owned())].into()));
        }
    };
    by.writable(app, id).await?;
    Ok(Some(id))
}

fn has_body(request: &Whole) -> bool {
    !request.body().is_end_stream() && request.headers().get(header::CONTENT_LENGTH).is_none_or(|length| length != "0")
}

/// Get face liveness results
///
/// While the person has not finished, `confidenceScore` is `null`, `isLive` false and `status` tells how far they are.
#[utoipa::path(get, path = "/api/face-liveness/results/{sessionId}", tag = "Face liveness",
    security(("machine" = ["liveness:read"]), ("flow" = ["liveness:read"])),
    params(("sessionId" = String, Path, description = "The session's id")),
    responses(
        (status = 200, description = "The results so far", body = ResultsResponse),
        (status = 404, description = "Unknown, expired or somebody else's", body = ErrorBody, example = json!({
            "error": "Session not found", "message": "Face Liveness session ID is invalid or expired",
        })),
        (status = 429, description = "A link asks too often; see `Retry-After`", body = ErrorBody),
        (status = 502, description = "The provider failed", body = ErrorBody),
        (status = 503, description = "The provider asks for patience; see `Retry-After`", body = ErrorBody),
    ))]
pub(crate) async fn get_results(
    State(app): State<Arc<App>>,
    by: By,
    path: Result<Path<String>, axum::extract::rejection::PathRejection>,
) -> Result<Json<ResultsResponse>, ApiError> {
    let session = match path {
        Ok(Path(id)) => reachable_session(&app, &by, &id).await?,
        Err(_) => None,
    };
    let session = session.ok_or_else(no_session)?;
    provider_quotas::take(&app, &by, Asked::Results).await?;
    let session = app.liveness.looked_at(session).await?.filter(|session| session.status != SessionStatus::Expired);
    let (session, images) = app.liveness.with_images(session.ok_or_else(no_session)?).await?;
    Ok(Json(ResultsResponse {
        success: true,
        data: results(session, images, app.liveness_threshold),
        message: "Face Liveness results retrieved successfully",
    }))
}

pub(crate) fn no_session() -> ApiError {
    ApiError::not_found("Session not found", "Face Liveness session ID is invalid or expired")
}

/// A session within the caller's reach that can still come to something, or has.
pub(crate) async fn reachable_session(app: &App, by: &By, id: &str) -> Result<Option<Session>, ApiError> {
    // A session that came to nothing in its time stays that way, whatever is reported of it later.
    let session = known_session(app, id).await?.filter(|session| session.is_usable(app.clock.now()));
    let Some(session) = session else { return Ok(None) };
    let reach = by.caller.reach();
    let within_reach = match session.profile {
        Some(profile) => by.caller.may_name(profile) && app.store.profile(profile, &reach).await?.is_some(),
        None => !by.caller.is_flow() && reach.team().is_none_or(|team| team == session.team),
    };
    Ok(Some(session).filter(|_| within_reach))
}

/// What is shown of a session: `images` in the order of its files, the reference image first.
fn results(session: Session, images: Vec<Option<String>>, threshold: f64) -> Results {
    let is_live = is_live(session.status, session.confidence, threshold);
    let folder = format!("liveness_sessions/{}", session.key());
    let named = session.files.iter().filter(|name| !name.is_empty() && session.profile.is_some());
    let image_files = named.map(|name| format!("{folder}/{name}")).collect();
    let boxes = session.details.bounding_boxes.into_iter().chain(std::iter::repeat(None));
    let mut images = images.into_iter().zip(boxes);
    let shown = |(bytes, bounding_box): (Option<String>, _)| bytes.map(|bytes| Image { bytes, bounding_box });
    Results {
        session_id: session.id,
        confidence_score: session.confidence,
        is_live,
        reference_image: images.next().and_then(shown),
        audit_images: images.filter_map(shown).collect(),
        status: session.status.word(),
        challenge: session.details.challenge,
        feedback: session.details.feedback,
        image_files,
    }
}

/// A session of that profile that is usable now, with the provider's word on it as fresh as it need be.
pub(crate) async fn session_of(app: &App, by: &By, id: &str, profile: RecordId) -> Result<Option<Session>, ApiError> {
    let session = known_session(app, id).await?.filter(|session| session.profile == Some(profile));
    let Some(session) = session.filter(|session| session.is_usable(app.clock.now())) else { return Ok(None) };
    if session.status.is_finished() || session.used {
        return Ok(Some(session));
    }
    provider_quotas::take(app, by, Asked::Results).await?;
    let session = app.liveness.looked_at(session).await?;
    Ok(session.filter(|session| session.is_usable(app.clock.now())))
}

/// The refusal of a session that cannot serve this record: unknown, expired or another profile's, told apart by nothing.
pub(crate) fn invalid_session() -> ApiError {
    ApiError::bad_request(
        "Invalid liveness session",
        "The session is unknown, expired or not this profile's; make a new one",
    )
}

async fn known_session(app: &App, id: &str) -> Result<Option<Session>, ApiError> {
    if id.is_empty() || id.len() > MAX_SESSION_ID || id.contains('\0') {
        return Ok(None);
    }
    Ok(app.store.session(id).await?)
}

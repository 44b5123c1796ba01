//! Face liveness sessions. The provider makes and judges them; we remember whose each is and what came of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header;
use http_body::Body as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::access::{By, Whole};
use super::input::{self, Raw};
use crate::app::App;
use crate::domain::event::EventKind;
use crate::domain::id::RecordId;
use crate::domain::liveness::{SESSION_SECONDS, Session, SessionStatus, is_live};
use crate::domain::token::CallerKind;
use crate::error::{ApiError, ErrorBody};
use crate::liveness::{Liveness, ProviderError, Report};

/// The longest session id that is looked up, in bytes.
const MAX_SESSION_ID: usize = 255;

/// Optional: the profile that a machine token's session is for.
#[derive(Default, Deserialize, ToSchema)]
pub(super) struct CreateSession {
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^[a-z0-9]{15}$")]
    profile: Raw,
}

/// A new session.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "success": true, "sessionId": "session-uuid-here", "message": "Face Liveness session created successfully",
    "challengeType": "FaceMovementAndLightChallenge",
}))]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionResponse {
    success: bool,
    session_id: String,
    message: &'static str,
    challenge_type: &'static str,
}

/// The results of a session.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "data": {
    "sessionId": "session-uuid-here", "confidenceScore": 95.5, "isLive": true, "referenceImage": {
        "bytes": "base64-encoded-image", "boundingBox": {"Width": 0.5, "Height": 0.6, "Left": 0.2, "Top": 0.1},
    }, "auditImages": [], "status": "SUCCEEDED",
}, "message": "Face Liveness results retrieved successfully"}))]
pub(super) struct ResultsResponse {
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
    reference_image: Value,
    audit_images: Vec<Value>,
    /// `CREATED`, `IN_PROGRESS`, `SUCCEEDED`, `FAILED` or `EXPIRED`.
    status: &'static str,
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
        (status = 501, description = "No liveness provider is configured", body = ErrorBody, example = json!({
            "error": "AWS credentials not configured",
            "message": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set in environment variables",
        })),
        (status = 502, description = "The provider failed", body = ErrorBody),
    ))]
pub(super) async fn create_session(
    State(app): State<Arc<App>>,
    by: By,
    request: Whole,
) -> Result<Json<SessionResponse>, ApiError> {
    let profile = wanted_profile(&app, &by, request).await?;
    let provider = provider(&app)?;
    let made = provider.create_session(profile).await.map_err(provider_error)?;
    let session = Session {
        id: made.id.clone(),
        profile,
        status: SessionStatus::Created,
        confidence: None,
        expires: app.clock.now().plus_seconds(SESSION_SECONDS),
        used: false,
    };
    let event = by.event(&app, EventKind::SessionCreated, profile, "");
    app.store.add_session(session, event).await?;
    Ok(Json(SessionResponse {
        success: true,
        session_id: made.id,
        message: "Face Liveness session created successfully",
        challenge_type: made.challenge,
    }))
}

/// The profile a session is for: a flow token's own, or the one that a machine token names.
async fn wanted_profile(app: &App, by: &By, request: Whole) -> Result<Option<RecordId>, ApiError> {
    let body: CreateSession = if has_body(&request) { input::json(request).await? } else { CreateSession::default() };
    let id = match (&by.caller.kind, body.profile) {
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
        (status = 501, description = "No liveness provider is configured", body = ErrorBody),
        (status = 502, description = "The provider failed", body = ErrorBody),
    ))]
pub(super) async fn get_results(
    State(app): State<Arc<App>>,
    By { caller, .. }: By,
    path: Result<Path<String>, axum::extract::rejection::PathRejection>,
) -> Result<Json<ResultsResponse>, ApiError> {
    let provider = provider(&app)?;
    let no_session = || ApiError::not_found("Session not found", "Face Liveness session ID is invalid or expired");
    let Ok(Path(id)) = path else { return Err(no_session()) };
    // A session that came to nothing in its time stays that way, whatever is reported of it later.
    let session = known_session(&app, &id).await?.filter(|session| session.is_usable(app.clock.now()));
    let session = session.ok_or_else(no_session)?;
    let within_reach = match session.profile {
        Some(profile) => caller.may_name(profile) && app.store.profile(profile, &caller.reach()).await?.is_some(),
        None => !caller.is_flow(),
    };
    if !within_reach {
        return Err(no_session());
    }
    let report = provider.report(&id).await.map_err(provider_error)?.ok_or_else(no_session)?;
    keep(&app, session, &report).await?;
    Ok(Json(ResultsResponse {
        success: true,
        data: Results {
            session_id: id,
            is_live: is_live(report.status, report.confidence, app.liveness_threshold),
            confidence_score: report.confidence,
            reference_image: report.reference_image,
            audit_images: report.audit_images,
            status: report.status.word(),
        },
        message: "Face Liveness results retrieved successfully",
    }))
}

/// A session of that profile that is usable now, with the provider's word on it as fresh as it need be.
pub(super) async fn session_of(app: &App, id: &str, profile: RecordId) -> Result<Option<Session>, ApiError> {
    let session = known_session(app, id).await?.filter(|session| session.profile == Some(profile));
    let Some(session) = session.filter(|session| session.is_usable(app.clock.now())) else { return Ok(None) };
    if session.status.is_finished() || session.used {
        return Ok(Some(session));
    }
    let report = provider(app)?.report(id).await.map_err(provider_error)?;
    let Some(report) = report else { return Ok(None) };
    let session = keep(app, session, &report).await?;
    Ok(Some(session).filter(|session| session.is_usable(app.clock.now())))
}

/// The refusal of a session that cannot serve this record: unknown, expired or another profile's, told apart by nothing.
pub(super) fn invalid_session() -> ApiError {
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

/// Keeps what the provider reported: it forgets, we do not.
async fn keep(app: &App, session: Session, report: &Report) -> Result<Session, ApiError> {
    let kept = Session { status: report.status, confidence: report.confidence, ..session };
    app.store.update_session(kept.clone()).await?;
    Ok(kept)
}

pub(super) fn provider(app: &App) -> Result<&dyn Liveness, ApiError> {
    app.liveness.as_deref().ok_or_else(|| {
        ApiError::not_configured(
            "AWS credentials not configured",
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set in environment variables",
        )
    })
}

pub(super) fn provider_error(error: ProviderError) -> ApiError {
    match error {
        ProviderError::Denied(_) => {
            ApiError::forbidden("AWS access denied", "The operator's AWS keys lack a permission; the log names it")
        }
        ProviderError::Throttled => ApiError::unavailable("The liveness provider asks for patience"),
        ProviderError::Failed(_) => {
            ApiError::new(axum::http::StatusCode::BAD_GATEWAY, "Liveness provider failed").advice("Try again")
        }
    }
    .because(error)
}

//! Creates a face liveness session with the provider and remembers its profile.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use http_body::Body as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::App;
use crate::domain::event::EventKind;
use crate::domain::liveness::ChallengeKind;
use crate::domain::profile::Word as _;
use crate::http::body::field_checks::RawField;
use crate::http::body::json;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::profile_access::WritableProfile;
use crate::http::guard::provider_quotas::{self, ProviderOperation, ProviderQuotas};
use crate::http::guard::request_context::{RequestContext, WholeRequest};
use crate::records::id::RecordId;
use crate::records::liveness_session::Step;

/// Optional.
#[derive(Default, Deserialize, ToSchema)]
#[schema(as = CreateLivenessSession, example = json!({"challengeType": "FaceMovementChallenge"}))]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateSession {
    /// The profile that a machine token's session is for.
    #[serde(default)]
    #[schema(value_type = Option<RecordId>)]
    profile: RawField,
    /// One of those that `FACE_LIVENESS_CHALLENGES` allows.
    #[serde(default)]
    #[schema(value_type = Option<ChallengeKind>)]
    challenge_type: RawField,
}

/// A new session.
#[derive(Serialize, ToSchema)]
#[schema(as = LivenessSessionResponse)]
#[schema(example = json!({
    "success": true, "sessionId": "session-uuid-here", "message": "Face Liveness session created successfully",
    "challengeType": "FaceMovementAndLightChallenge",
}))]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionResponse {
    success: bool,
    session_id: String,
    message: &'static str,
    #[schema(value_type = ChallengeKind)]
    challenge_type: &'static str,
    /// What the person is to do, where this server judges by itself: their frames go to
    /// `POST /api/face-liveness/session/{sessionId}/frames`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    challenge: Option<Steps>,
}

/// The steps of a local check.
#[derive(Serialize, ToSchema)]
#[schema(as = LivenessSteps)]
struct Steps {
    /// In this order.
    steps: Vec<Step>,
    /// To be sent with the frames.
    nonce: String,
    /// Until when frames are taken (RFC 3339).
    expiration: String,
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
        (status = 501, description = "`LIVENESS_PROVIDER` is `off`", body = ErrorBody),
        (status = 502, description = "The provider failed", body = ErrorBody),
        (status = 503, description = "The provider limits requests; see `Retry-After`", body = ErrorBody),
    ))]
pub(crate) async fn create_liveness_session(
    State(app): State<Arc<App>>,
    State(quotas): State<Arc<ProviderQuotas>>,
    context: RequestContext,
    request: WholeRequest,
) -> Result<Json<SessionResponse>, ApiError> {
    let body: CreateSession =
        if has_body(&request) { json::read_json(request).await? } else { CreateSession::default() };
    let profile = choose_profile(&context, body.profile).await?;
    if app.liveness.provider().is_off() {
        return Err(ApiError::aws_not_configured());
    }
    let challenge = choose_challenge(app.liveness.provider().challenges(), body.challenge_type)?;
    quotas.charge(&context, ProviderOperation::CreateSession).await?;
    if let Some(profile) = profile {
        provider_quotas::refuse_during_pause(&context, profile).await?;
    }
    let event = context.audit_event(EventKind::SessionCreated, profile, challenge.word());
    let created = app.liveness.create_session(profile, context.authority.reach.only_team(), challenge, event).await;
    let session = match created {
        Ok(session) => session,
        Err(error) => return Err(context.session_error(profile, error).await),
    };
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
fn choose_challenge(given: &[ChallengeKind], asked: RawField) -> Result<ChallengeKind, ApiError> {
    let asked = match asked {
        None | Some(Value::Null) => given.first().copied(),
        Some(Value::String(word)) => ChallengeKind::of(&word).filter(|asked| given.contains(asked)),
        Some(_) => None,
    };
    asked.ok_or_else(|| {
        let words: Vec<&str> = given.iter().map(|challenge| challenge.word()).collect();
        ApiError::invalid_fields([("challengeType", format!("must be one of {}", words.join(", ")))].into())
    })
}

/// The profile a session is for: the caller's own, or else the one that the body names.
async fn choose_profile(context: &RequestContext, named: RawField) -> Result<Option<RecordId>, ApiError> {
    let id = match (context.authority.own_profile, named) {
        (Some(own), _) => own,
        (None, None | Some(Value::Null)) => return Ok(None),
        (None, Some(Value::String(text))) => RecordId::parse(&text).ok_or_else(ApiError::profile_not_found)?,
        (None, Some(_)) => {
            return Err(ApiError::invalid_fields([("profile", "must be a profile's id".to_owned())].into()));
        }
    };
    Ok(Some(WritableProfile::load(context, id).await?.id()))
}

fn has_body(request: &WholeRequest) -> bool {
    !request.body().is_end_stream() && request.headers().get(header::CONTENT_LENGTH).is_none_or(|length| length != "0")
}

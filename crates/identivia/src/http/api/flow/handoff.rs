//! Handoff to another device: a code from one device gives the other one a flow token.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::domain::LINE;
use crate::domain::event::EventKind;
use crate::domain::handoff::{CODE_SECONDS, Code, Handoff};
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::json;
use crate::http::error::{ApiError, ErrorBody, RefusalKind};
use crate::http::guard::blocked_addresses::{BlockedFor, warn_of_blocked_address};
use crate::http::guard::failed_guesses::FailedGuesses;
use crate::http::guard::profile_access::UndecidedProfile;
use crate::http::guard::rate_limiter::ReserveError;
use crate::http::guard::request_context::{ClientIp, RequestContext, RequestId, WholeRequest};
use crate::records::audit_event::AuditEvent;
use crate::records::id::RecordId;
use crate::records::time::Millis;
use crate::store::Refusal;

/// Attempts to draw an unused code. A collision is less likely than a broken disk.
const MAX_CODE_DRAWS: usize = 3;

/// A code for another device.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "data": {
    "code": "K7PM-4QXD", "url": "https://app.identivia.com/go#K7PM4QXD", "expires": "2026-03-21T00:10:00.000Z",
}}))]
pub(crate) struct HandoffResponse {
    success: bool,
    data: HandoffData,
}

#[derive(Serialize, ToSchema)]
struct HandoffData {
    /// As a person types it at `CLIENT_URL/go`.
    code: String,
    /// For a QR code: the code stands behind `#`, which no browser sends to a server.
    url: String,
    /// 10 minutes from now, or when the token ends (RFC 3339).
    #[schema(format = DateTime)]
    expires: String,
}

/// A code from another device.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"code": "k7pm 4qxd"}))]
pub(crate) struct RedeemCode {
    /// In any case, with spaces and dashes anywhere.
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 255, pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$")]
    code: RawField,
}

/// What the other device goes on with.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "data": {
    "id": "abc123def456ghi", "flow_token": "FLOW_TOKEN", "expires": "2026-03-21T00:30:00.000Z",
}}))]
pub(crate) struct RedeemResponse {
    success: bool,
    data: RedeemedData,
}

#[derive(Serialize, ToSchema)]
struct RedeemedData {
    id: RecordId,
    /// Does what the token can that asked for the code, and ends when it does.
    flow_token: String,
    /// RFC 3339.
    #[schema(format = DateTime)]
    expires: String,
}

/// Get a code for another device
///
/// Good once, for 10 minutes or as long as the token; asking again ends the one before.
#[utoipa::path(post, path = "/api/flow/{id}/handoff", tag = "Flow", security(("flow" = ["profiles:write"])),
    params(("id" = RecordId, Path, description = "The profile's id")),
    responses((status = 201, description = "A code", body = HandoffResponse)))]
pub(crate) async fn offer_handoff(
    State(app): State<Arc<App>>,
    context: RequestContext,
    UndecidedProfile { profile, .. }: UndecidedProfile,
) -> Result<(StatusCode, Json<HandoffResponse>), ApiError> {
    let ends = app.clock.now().plus_seconds(CODE_SECONDS).min(context.authority.expires);
    let code = offer_code(&context, profile.id, ends).await?;
    let data =
        HandoffData { code: code.format_in_groups(), url: app.links.handoff_link(&code), expires: ends.rfc3339() };
    Ok((StatusCode::CREATED, Json(HandoffResponse { success: true, data })))
}

async fn offer_code(context: &RequestContext, id: RecordId, ends: Millis) -> Result<Code, ApiError> {
    let (app, authority) = (&context.app, &context.authority);
    let condition = authority.last_step_condition();
    let mut written = Err(Refusal::CodeTaken);
    let mut code = Code::random();
    for _ in 0..MAX_CODE_DRAWS {
        let handoff = Handoff {
            code_hash: app.code_key.hash(&code),
            ends,
            token_ends: authority.expires,
            scope: authority.scopes.to_claim(),
        };
        let event = context.audit_event(EventKind::HandoffOffered, Some(id), "");
        written = app.store.offer_handoff(id, &authority.reach, condition, &handoff, event).await?;
        if written != Err(Refusal::CodeTaken) {
            break;
        }
        code = Code::random();
    }
    context.resolve_write(id, written).await?;
    Ok(code)
}

/// Take a code that another device shows
///
/// Needs no token: the code is one, and good once. After 10 wrong ones from one address within 60 seconds the answer is
/// 429 until they have passed.
#[utoipa::path(post, path = "/api/flow/redeem", tag = "Flow", security(()),
    request_body = RedeemCode,
    responses(
        (status = 200, description = "A flow token", body = RedeemResponse),
        (status = 404, description = "Wrong, used or expired code: one answer for all three", body = ErrorBody, example = json!({
            "error": "Code not valid", "message": "Ask for a new code on the other device, and enter it within 10 minutes",
        })),
        (status = 429, description = "Too many failures; see `Retry-After`", body = ErrorBody),
    ))]
pub(crate) async fn redeem_handoff_code(
    State(app): State<Arc<App>>,
    State(guesses): State<Arc<FailedGuesses>>,
    Extension(client): Extension<ClientIp>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    request: WholeRequest,
) -> Result<Json<RedeemResponse>, ApiError> {
    let now = app.clock.now();
    let source = client.network();
    if let Some(seconds) = guesses.codes.seconds_blocked(&source, now) {
        return Err(refuse_source(&app, &guesses, source, seconds));
    }
    let body: RedeemCode = json::read_public_json(request).await?;
    let mut checks = FieldChecks::default();
    let typed = checks.required_text("code", body.code, LINE);
    checks.finish()?;
    // Reserved before the code is looked for, so that simultaneous guesses get no further than the limit.
    let attempt = guesses.codes.reserve(source, now).map_err(|error| match error {
        ReserveError::Blocked(seconds) => refuse_source(&app, &guesses, source, seconds),
        ReserveError::Busy => too_many_codes(&guesses, 1),
    })?;
    let event = AuditEvent::new(EventKind::HandoffTaken, now, "");
    let event = AuditEvent { request_id: request_id.as_ref().to_owned(), ..event.from_address(Some(client.0)) };
    let event = event.with_detail(format!("from {}", client.0));
    let handed = match Code::parse(&typed) {
        Some(code) => app.store.take_handoff(&app.code_key.hash(&code), event).await?,
        None => None,
    };
    let Some(handed) = handed else {
        BlockedFor::HandoffCodes.count_failure();
        let name = format!("codes tried at {source}");
        let blocked = guesses.count_failure(&*app.store, &guesses.codes, source, attempt, &name, now).await;
        return Err(blocked.map_or_else(invalid_code, |seconds| refuse_source(&app, &guesses, source, seconds)));
    };
    attempt.release();
    let token = app.tokens.issue_flow_token_until(handed.profile, handed.epoch, &handed.scope, now, handed.token_ends);
    let flow_token = token.map_err(ApiError::internal)?;
    let data = RedeemedData { id: handed.profile, flow_token, expires: handed.token_ends.rfc3339() };
    Ok(Json(RedeemResponse { success: true, data }))
}

/// The refusal of a wrong, used or expired code: the same bytes for all.
fn invalid_code() -> ApiError {
    ApiError::not_found("Code not valid", "Ask for a new code on the other device, and enter it within 10 minutes")
}

fn refuse_source(app: &App, guesses: &FailedGuesses, source: IpAddr, seconds: u64) -> ApiError {
    warn_of_blocked_address(app, BlockedFor::HandoffCodes, source);
    too_many_codes(guesses, seconds)
}

fn too_many_codes(guesses: &FailedGuesses, seconds: u64) -> ApiError {
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "Too many wrong codes")
        .with_message("Try again when Retry-After has passed")
        .with_rate_limit("codes", guesses.codes.limit(), seconds)
        .with_kind(RefusalKind::Guesses)
}

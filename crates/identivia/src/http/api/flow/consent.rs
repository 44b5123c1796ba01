//! Consent: records the version and language of the text that a person accepts.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::flow_change::change_profile;
use crate::app::App;
use crate::domain::LINE;
use crate::domain::event::EventKind;
use crate::domain::flow::{self, LANGUAGE_BYTES, VERSION_BYTES};
use crate::domain::profile::ProfileChange;
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::json;
use crate::http::error::ApiError;
use crate::http::guard::profile_access::{ProfilePath, WritableProfile, load_profile};
use crate::http::guard::request_context::{RequestContext, WholeRequest};
use crate::records::id::RecordId;
use crate::records::profile::Consent;

/// What a person agrees to.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"version": "2026-11", "language": "es"}))]
pub(crate) struct AcceptConsent {
    /// Of the text: 1 to 64 of A-Z, a-z, 0-9, `.`, `_` and `-`.
    #[serde(default)]
    #[schema(value_type = String, required = true, pattern = "^[A-Za-z0-9._-]{1,64}$")]
    version: RawField,
    /// In which it was read (RFC 5646).
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 35, pattern = "^[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*$")]
    language: RawField,
}

/// What was agreed to, at the server's time.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "data": {
    "id": "abc123def456ghi", "version": "2026-11", "language": "es", "accepted": "2026-03-21T00:00:00.000Z",
}}))]
pub(crate) struct ConsentResponse {
    success: bool,
    data: Consent,
}

/// Record the person's consent
///
/// The newest one is kept with the profile; each is in the audit trail, at the server's time.
#[utoipa::path(post, path = "/api/flow/{id}/consent", tag = "Flow", security(("flow" = ["profiles:write"])),
    params(("id" = RecordId, Path, description = "The profile's id")),
    request_body = AcceptConsent,
    responses((status = 200, description = "Recorded", body = ConsentResponse)))]
pub(crate) async fn accept_consent(
    State(app): State<Arc<App>>,
    context: RequestContext,
    profile: WritableProfile,
    request: WholeRequest,
) -> Result<Json<ConsentResponse>, ApiError> {
    let consent = check_consent(json::read_json(request).await?, &app)?;
    let detail = format!("{} {}", consent.version, consent.language);
    let change = ProfileChange { consent: Some(consent.clone()), ..ProfileChange::default() };
    change_profile(&context, &profile, change, EventKind::ConsentAccepted, detail).await?;
    Ok(Json(ConsentResponse { success: true, data: consent }))
}

/// Withdraw the person's consent
///
/// Possible at any time, also after the decision. The company learns of it by the event `consent.withdrawn`.
#[utoipa::path(delete, path = "/api/flow/{id}/consent", tag = "Flow",
    security(("flow" = ["profiles:write"]), ("machine" = ["profiles:write"])),
    params(("id" = RecordId, Path, description = "The profile's id")),
    responses((status = 204, description = "Withdrawn, or there was none")))]
pub(crate) async fn withdraw_consent(
    State(app): State<Arc<App>>,
    context: RequestContext,
    ProfilePath(id): ProfilePath,
) -> Result<StatusCode, ApiError> {
    let profile = load_profile(&context, id).await?;
    if let Some(consent) = profile.consent {
        let event = context.audit_event(EventKind::ConsentWithdrawn, Some(id), consent.version);
        let written = app.store.withdraw_consent(id, &context.authority.reach, consent.id, event).await?;
        context.resolve_write(id, written).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// The answer to a consent that an earlier attempt has recorded: the newest one.
pub(crate) async fn answer_accepted(context: &RequestContext, id: RecordId) -> Result<Response, ApiError> {
    let data = load_profile(context, id).await?.consent.ok_or_else(ApiError::profile_not_found)?;
    Ok(Json(ConsentResponse { success: true, data }).into_response())
}

fn check_consent(body: AcceptConsent, app: &App) -> Result<Consent, ApiError> {
    let mut checks = FieldChecks::default();
    let version = checks.required_text("version", body.version, LINE);
    if !version.is_empty() && !flow::is_version(&version) {
        checks.add_problem("version", format!("must be 1 to {VERSION_BYTES} of A-Z, a-z, 0-9, ., _ and -"));
    }
    let language = checks.required_text("language", body.language, LINE);
    if !language.is_empty() && !flow::is_language(&language) {
        checks.add_problem(
            "language",
            format!("must be a language tag such as es or pt-BR, at most {LANGUAGE_BYTES} long"),
        );
    }
    checks.finish()?;
    Ok(Consent { id: RecordId::random(), version, language, accepted: app.clock.now() })
}

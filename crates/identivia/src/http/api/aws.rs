//! Temporary credentials for a browser that talks to the liveness provider itself.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::domain::event::EventKind;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::profile_access::OwnWritableProfile;
use crate::http::guard::provider_quotas::{ProviderOperation, ProviderQuotas};
use crate::http::guard::request_context::RequestContext;
use crate::providers::liveness::sessions::SessionError;

/// Credentials for 900 seconds.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "data": {
    "accessKeyId": "ASIA...", "secretAccessKey": "...", "sessionToken": "...", "expiration": "2026-03-21T00:15:00.000Z",
}}))]
pub(crate) struct CredentialsResponse {
    success: bool,
    data: CredentialsData,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CredentialsData {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    expiration: String,
}

/// Get temporary AWS credentials
///
/// Scoped to `rekognition:StartFaceLivenessSession` and `rekognition:GetFaceLivenessSessionResults`, for 15 minutes.
#[utoipa::path(get, path = "/api/aws/credentials", tag = "Face liveness",
    security(("machine" = ["aws:credentials"]), ("flow" = ["aws:credentials"])),
    responses(
        (status = 200, description = "Credentials", body = CredentialsResponse),
        (status = 404, description = "The link's profile is gone", body = ErrorBody),
        (status = 429, description = "A link gets 5 in 3 minutes; see `Retry-After`", body = ErrorBody),
        (status = 501, description = "No provider that gives any is configured", body = ErrorBody, example = json!({
            "error": "AWS credentials not configured",
            "message": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set in environment variables",
        })),
        (status = 502, description = "AWS failed", body = ErrorBody),
    ))]
pub(crate) async fn get_aws_credentials(
    State(app): State<Arc<App>>,
    State(quotas): State<Arc<ProviderQuotas>>,
    context: RequestContext,
    OwnWritableProfile(profile): OwnWritableProfile,
) -> Result<Json<CredentialsResponse>, ApiError> {
    if app.liveness.provider().browser_endpoint().is_none() {
        return Err(ApiError::aws_not_configured());
    }
    quotas.charge(&context, ProviderOperation::Credentials).await?;
    let issued = match app.liveness.issue_credentials(profile).await {
        Ok(issued) => issued,
        Err(error) => return Err(context.session_error(profile, SessionError::Provider(error)).await),
    };
    let credentials = issued.ok_or_else(ApiError::aws_not_configured)?;
    app.store.record_event(&context.audit_event(EventKind::CredentialsIssued, profile, "")).await?;
    Ok(Json(CredentialsResponse {
        success: true,
        data: CredentialsData {
            access_key_id: credentials.access_key_id,
            secret_access_key: credentials.secret_access_key,
            session_token: credentials.session_token,
            expiration: credentials.expiration.rfc3339(),
        },
    }))
}

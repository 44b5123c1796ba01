//! `GET /api/webhooks/{id}/secret`: shows a person at the console the secrets that sign now, after a second factor.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::endpoint_access::NamedEndpoint;
use crate::app::App;
use crate::domain::event::EventKind;
use crate::http::error::{ApiError, ErrorBody};
use crate::records::id::RecordId;
use crate::records::time::Millis;
use crate::system_key::UnsealError;

/// The secrets of a webhook, the newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookSecretList {
    success: bool,
    data: Vec<ShownSecret>,
}

/// A secret that signs deliveries.
#[derive(Serialize, ToSchema)]
#[schema(as = ShownWebhookSecret)]
pub(crate) struct ShownSecret {
    id: RecordId,
    #[schema(pattern = "^whsec_[A-Za-z0-9+/]+=*$")]
    secret: String,
    created: Millis,
    /// When it signs no more; `null` for the newest.
    #[schema(required = true)]
    expires: Option<Millis>,
}

/// Show the secrets of a webhook
///
/// For people at the console, with a second factor shown within five minutes. Each time is an audit event. Servers keep the secret that
/// they were given, or rotate it.
#[utoipa::path(get, path = "/api/webhooks/{id}/secret", tag = "Webhooks", security(("consoleSession" = ["webhooks:write"])),
    params(("id" = RecordId, Path, description = "The webhook's id")),
    responses(
        (status = 200, description = "The secrets that sign now", body = WebhookSecretList),
        (status = 409, description = "They were sealed with another system key", body = ErrorBody),
    ))]
pub(crate) async fn get_webhook_secret(
    State(app): State<Arc<App>>,
    named: NamedEndpoint,
) -> Result<Json<WebhookSecretList>, ApiError> {
    named.context.require_fresh_factor()?;
    let (endpoint, system_key) = (&named.endpoint, app.webhooks.system_key());
    let shown = endpoint.active_keys(app.clock.now()).map(|key| {
        let secret = key.secret_text(system_key, endpoint.id)?;
        Ok(ShownSecret { id: key.id, secret, created: key.created, expires: key.expires })
    });
    let data = shown.collect::<Result<Vec<_>, UnsealError>>().map_err(|_| {
        ApiError::conflict("Secret cannot be read", "It was sealed with another system key: rotate it to get a new one")
    })?;
    // The trail has it before the person does.
    app.store.record_event(&named.audit(EventKind::WebhookSecretShown, "")).await?;
    Ok(Json(WebhookSecretList { success: true, data }))
}

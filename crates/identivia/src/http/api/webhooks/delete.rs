//! `DELETE /api/webhooks/{id}`: removes an endpoint. What waits for it is not sent.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::endpoint_access::{NamedEndpoint, refusal_error};
use crate::app::App;
use crate::domain::event::EventKind;
use crate::http::error::ApiError;
use crate::records::id::RecordId;

/// A removed webhook.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "message": "Webhook deleted"}))]
pub(crate) struct WebhookDeletedResponse {
    success: bool,
    message: &'static str,
}

/// Delete a webhook
///
/// What waits for it is not sent. To keep it for later, disable it.
#[utoipa::path(delete, path = "/api/webhooks/{id}", tag = "Webhooks", security(("machine" = ["webhooks:write"]), ("consoleSession" = ["webhooks:write"])),
    params(("id" = RecordId, Path, description = "The webhook's id")),
    responses((status = 200, description = "Deleted", body = WebhookDeletedResponse)))]
pub(crate) async fn delete_webhook(
    State(app): State<Arc<App>>,
    named: NamedEndpoint,
) -> Result<Json<WebhookDeletedResponse>, ApiError> {
    let audit = named.audit(EventKind::WebhookDeleted, "");
    let deleted = named.context.store.delete_webhook_endpoint(&named.endpoint, &audit).await?;
    deleted.map_err(refusal_error)?;
    app.webhooks.drop_waiting(named.endpoint.id).await?;
    app.webhooks.forget_failures(named.endpoint.id).await?;
    Ok(Json(WebhookDeletedResponse { success: true, message: "Webhook deleted" }))
}

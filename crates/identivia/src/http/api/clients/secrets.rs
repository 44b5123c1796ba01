//! `/api/clients/{id}/secrets`: rotates a client's secret. Two may be active: the current one and the next.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::access::{ClientPath, OperatorContext, refusal_error, self_lockout};
use super::delete::ClientDeletedResponse;
use super::view::SecretView;
use crate::app::App;
use crate::domain::drawn_secret::DrawnSecret;
use crate::domain::event::EventKind;
use crate::domain::managed_client::MAX_SECRETS;
use crate::http::error::{ApiError, ErrorBody};
use crate::records::id::RecordId;

/// A new secret, which is not shown again.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "message": "Secret created",
    "data": {"id": "abc123def456ghi", "created": "2026-03-21 00:00:00.000Z"}, "client_secret": "idv_..."}))]
pub(crate) struct CreatedSecretResponse {
    success: bool,
    message: &'static str,
    data: SecretView,
    /// Store it now: the server keeps only its hash.
    client_secret: String,
}

/// Make another secret for a client
///
/// Both secrets are good until one is deleted. The answer has the secret, which is not shown again.
#[utoipa::path(post, path = "/api/clients/{id}/secrets", tag = "Clients", security(("machine" = ["clients:manage"]), ("consoleSession" = ["clients:manage"])),
    params(("id" = String, Path, description = "The client's id")),
    responses(
        (status = 201, description = "Made", body = CreatedSecretResponse),
        (status = 409, description = "A client of the configuration, or one with two secrets", body = ErrorBody),
    ))]
pub(crate) async fn create_client_secret(
    State(app): State<Arc<App>>,
    context: OperatorContext,
    ClientPath(id): ClientPath,
) -> Result<(StatusCode, Json<CreatedSecretResponse>), ApiError> {
    let before = context.load_managed_client(&id).await?;
    if before.secrets.len() >= MAX_SECRETS {
        return Err(ApiError::conflict(
            "Client has two secrets",
            "Delete the one that is no longer used: DELETE /api/clients/{id}/secrets/{secretId}",
        ));
    }
    let secret = DrawnSecret::random();
    let stored = secret.to_stored(app.clock.now());
    let event = context.client_event(EventKind::ClientSecretCreated, &id, stored.id.as_str());
    let data = SecretView::from(&stored);
    let mut after = before.clone();
    after.secrets.push(stored);
    app.store.replace_client(&before, after, event).await?.map_err(refusal_error)?;
    app.clients.note_change();
    let client_secret = secret.into_text();
    let response = CreatedSecretResponse { success: true, message: "Secret created", data, client_secret };
    Ok((StatusCode::CREATED, Json(response)))
}

/// Delete a secret of a client
///
/// Tokens that were issued with it end on every server within 5 seconds. To rotate without a gap, make the next secret, give it
/// to the client, and delete the old one once the tokens that were issued with it have ended (`JWT_TTL_SECONDS`).
#[utoipa::path(delete, path = "/api/clients/{id}/secrets/{secretId}", tag = "Clients",
    security(("machine" = ["clients:manage"]), ("consoleSession" = ["clients:manage"])),
    params(
        ("id" = String, Path, description = "The client's id"),
        ("secretId" = RecordId, Path, description = "The secret's id"),
    ),
    responses(
        (status = 200, description = "Deleted", body = ClientDeletedResponse),
        (status = 409, description = "A client of the configuration, or the caller's own last secret", body = ErrorBody),
    ))]
pub(crate) async fn delete_client_secret(
    State(app): State<Arc<App>>,
    context: OperatorContext,
    Path((id, secret)): Path<(String, String)>,
) -> Result<Json<ClientDeletedResponse>, ApiError> {
    let before = context.load_managed_client(&id).await?;
    let mut after = before.clone();
    after.secrets.retain(|stored| stored.id.as_str() != secret);
    if after.secrets.len() == before.secrets.len() {
        return Err(ApiError::not_found("Secret not found", "GET /api/clients/{id} lists the secrets of the client"));
    }
    if after.secrets.is_empty() && context.is_own(&id) {
        return Err(self_lockout("A client cannot delete its own last secret: make another one first"));
    }
    let event = context.client_event(EventKind::ClientSecretDeleted, &id, &secret);
    app.store.replace_client(&before, after, event).await?.map_err(refusal_error)?;
    app.clients.note_change();
    Ok(Json(ClientDeletedResponse { success: true, message: "Secret deleted" }))
}

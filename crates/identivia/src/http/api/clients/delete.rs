//! `DELETE /api/clients/{id}`: removes a client, which ends its tokens.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::access::{ClientPath, OperatorContext, refusal_error, self_lockout};
use crate::app::App;
use crate::domain::event::EventKind;
use crate::http::error::{ApiError, ErrorBody};

/// A removed client or secret.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "message": "Client deleted"}))]
pub(crate) struct ClientDeletedResponse {
    pub(super) success: bool,
    pub(super) message: &'static str,
}

/// Delete a client
///
/// Its tokens end on every server within 5 seconds. To keep the client for later, disable it.
#[utoipa::path(delete, path = "/api/clients/{id}", tag = "Clients", security(("machine" = ["clients:manage"]), ("consoleSession" = ["clients:manage"])),
    params(("id" = String, Path, description = "The client's id")),
    responses(
        (status = 200, description = "Deleted", body = ClientDeletedResponse),
        (status = 409, description = "A client of the configuration, or the client itself", body = ErrorBody),
    ))]
pub(crate) async fn delete_client(
    State(app): State<Arc<App>>,
    context: OperatorContext,
    ClientPath(id): ClientPath,
) -> Result<Json<ClientDeletedResponse>, ApiError> {
    let client = context.load_managed_client(&id).await?;
    if context.is_own(&id) {
        return Err(self_lockout("A client cannot delete itself: use another client for it"));
    }
    let event = context.client_event(EventKind::ClientDeleted, &id, "");
    app.store.delete_client(&client, event).await?.map_err(refusal_error)?;
    app.clients.note_change();
    Ok(Json(ClientDeletedResponse { success: true, message: "Client deleted" }))
}

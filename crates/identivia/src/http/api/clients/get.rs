//! `GET /api/clients/{id}`: shows a client.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::access::{ClientPath, OperatorContext, client_not_found};
use super::view::{ClientResponse, ClientView};
use crate::app::App;
use crate::http::error::ApiError;

/// Get a client
///
/// Without its secrets. A client of the configuration is shown too.
#[utoipa::path(get, path = "/api/clients/{id}", tag = "Clients", security(("machine" = ["clients:manage"]), ("consoleSession" = ["clients:manage"])),
    params(("id" = String, Path, description = "The client's id")),
    responses((status = 200, description = "The client", body = ClientResponse)))]
pub(crate) async fn get_client(
    State(app): State<Arc<App>>,
    _: OperatorContext,
    ClientPath(id): ClientPath,
) -> Result<Json<ClientResponse>, ApiError> {
    let data = match app.clients.configured.find_client(&id) {
        Some(client) => ClientView::from(client),
        None => ClientView::from(&app.store.client(&id).await?.ok_or_else(client_not_found)?),
    };
    Ok(Json(ClientResponse { success: true, message: "Client found", data }))
}

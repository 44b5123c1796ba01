//! `PATCH /api/clients/{id}`: changes a client, disables and enables it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::access::{ClientPath, OperatorContext, refusal_error};
use super::client_fields::{check_team_scopes, read_addresses, read_description, read_expiry, read_scopes};
use super::view::{ClientResponse, ClientView};
use crate::app::App;
use crate::domain::LINE;
use crate::domain::event::EventKind;
use crate::domain::managed_client::ClientChange;
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::json;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::request_context::WholeRequest;
use crate::http::openapi;
use crate::records::client::ClientRecord;
use crate::records::time::Millis;

/// The fields of a client to change. Fields that are left out stay as they are.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"scopes": ["profiles:read"], "disabled": false}))]
pub(crate) struct ChangeClient {
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$")]
    name: RawField,
    /// An empty text removes it.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000, pattern = "^[^\\u0000]*$")]
    description: RawField,
    /// Scopes that are removed no longer count in tokens that were issued before.
    #[serde(default)]
    #[schema(schema_with = openapi::scope_list_or_null, required = false)]
    scopes: RawField,
    /// An empty list: from everywhere.
    #[serde(default)]
    #[schema(schema_with = openapi::network_list_or_null, required = false)]
    allowed_addresses: RawField,
    /// A time in the future. An empty text: never.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "iso-time", max_length = 255)]
    expires_at: RawField,
    /// Disabling ends every token of the client for good; enabled again, it asks for new ones.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    disabled: RawField,
    /// Cannot be changed: make another client.
    #[serde(default)]
    #[schema(ignore)]
    team: RawField,
}

/// Change a client
///
/// A change holds on every server within 5 seconds. A client cannot disable itself, remove `clients:manage` from itself or
/// exclude its own address: another client has to do it.
#[utoipa::path(patch, path = "/api/clients/{id}", tag = "Clients", security(("machine" = ["clients:manage"]), ("consoleSession" = ["clients:manage"])),
    params(("id" = String, Path, description = "The client's id")),
    request_body = ChangeClient,
    responses(
        (status = 200, description = "Changed", body = ClientResponse),
        (status = 409, description = "A client of the configuration, or the client would lock itself out", body = ErrorBody),
    ))]
pub(crate) async fn change_client(
    State(app): State<Arc<App>>,
    context: OperatorContext,
    ClientPath(id): ClientPath,
    request: WholeRequest,
) -> Result<Json<ClientResponse>, ApiError> {
    let before = context.load_managed_client(&id).await?;
    let change = check_change(json::read_json(request).await?, &before, app.clock.now())?;
    let (after, changed) = change.apply(&before, app.clock.now());
    context.refuse_lockout(&after)?;
    let stored = if changed.is_empty() {
        before
    } else {
        let event = context.client_event(EventKind::ClientChanged, &id, &changed.join(", "));
        let stored = app.store.replace_client(&before, after, event).await?.map_err(refusal_error)?;
        app.clients.note_change();
        stored
    };
    Ok(Json(ClientResponse { success: true, message: "Client saved", data: ClientView::from(&stored) }))
}

fn check_change(body: ChangeClient, before: &ClientRecord, now: Millis) -> Result<ClientChange, ApiError> {
    let mut checks = FieldChecks::default();
    let name = checks.optional_text("name", body.name, LINE);
    if name.as_ref().is_some_and(|name| name.trim().is_empty()) {
        checks.add_problem("name", "must not be empty");
    }
    let description = read_description(&mut checks, body.description);
    let scopes = read_scopes(&mut checks, body.scopes);
    check_team_scopes(&mut checks, before.team.as_deref(), scopes.as_deref().unwrap_or_default());
    let addresses = read_addresses(&mut checks, body.allowed_addresses);
    let expires_at = read_expiry(&mut checks, body.expires_at, now);
    let disabled = match body.disabled {
        None | Some(Value::Null) => None,
        Some(Value::Bool(disabled)) => Some(disabled),
        Some(_) => {
            checks.add_problem("disabled", "must be true or false");
            None
        }
    };
    if body.team.is_some_and(|team| team.as_str() != before.team.as_deref()) {
        checks.add_problem("team", "cannot be changed: make another client for that team");
    }
    checks.finish()?;
    Ok(ClientChange { name, description, scopes, addresses, expires_at, disabled })
}

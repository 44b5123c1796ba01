//! `POST /api/clients`: makes a client with its first secret.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::OperatorContext;
use super::client_fields::{check_team_scopes, read_addresses, read_description, read_expiry, read_scopes};
use super::view::ClientView;
use crate::app::App;
use crate::domain::LINE;
use crate::domain::drawn_secret::DrawnSecret;
use crate::domain::event::EventKind;
use crate::domain::managed_client::{AllowedAddresses, MAX_CLIENTS, NewClient, is_client_id};
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::json;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::request_context::WholeRequest;
use crate::http::openapi;
use crate::records::id::RecordId;
use crate::records::time::Millis;

/// A client to make.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"name": "Billing backend", "team": "acme", "scopes": ["profiles:read"],
    "allowed_addresses": ["203.0.113.0/24"]}))]
pub(crate) struct CreateClient {
    /// Its own id: 3 to 64 of A-Z, a-z, 0-9, `_`, `-` and `.`; drawn when left out.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^([A-Za-z0-9_-][A-Za-z0-9_.-]{2,63})?$")]
    client_id: RawField,
    /// What people call it.
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 255, pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$")]
    name: RawField,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000, pattern = "^[^\\u0000]*$")]
    description: RawField,
    /// The team whose records it sees; without one it is an operator's client and sees all. It cannot be changed later.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    team: RawField,
    /// What its tokens may be asked for. `clients:manage` is for clients without a team.
    #[serde(default)]
    #[schema(schema_with = openapi::scope_list, required = true)]
    scopes: RawField,
    /// Addresses and networks from which it may ask for tokens and use them; from everywhere when left out or empty.
    #[serde(default)]
    #[schema(schema_with = openapi::network_list_or_null, required = false)]
    allowed_addresses: RawField,
    /// From when on neither it nor its tokens are accepted: a time in the future.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "iso-time", max_length = 255)]
    expires_at: RawField,
}

/// A new client, and its secret, which is not shown again.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedClientResponse {
    success: bool,
    message: &'static str,
    data: ClientView,
    /// Store it now: the server keeps only its hash.
    client_secret: String,
}

/// Make a client
///
/// The answer has the client's secret, which is not shown again. At most 1,000 clients can be made.
#[utoipa::path(post, path = "/api/clients", tag = "Clients", security(("machine" = ["clients:manage"]), ("consoleSession" = ["clients:manage"])),
    request_body = CreateClient,
    responses(
        (status = 201, description = "Made", body = CreatedClientResponse),
        (status = 409, description = "There is a client of that id, or there are 1,000 clients", body = ErrorBody),
    ))]
pub(crate) async fn create_client(
    State(app): State<Arc<App>>,
    context: OperatorContext,
    request: WholeRequest,
) -> Result<(StatusCode, Json<CreatedClientResponse>), ApiError> {
    let now = app.clock.now();
    let new = check_new_client(json::read_json(request).await?, now)?;
    if app.clients.configured.find_client(&new.client_id).is_some() {
        return Err(taken_id());
    }
    if app.store.count_clients(MAX_CLIENTS).await? >= MAX_CLIENTS {
        return Err(ApiError::conflict(
            "Too many clients",
            "At most 1,000 can be made: delete those that are not needed",
        ));
    }
    let secret = DrawnSecret::random();
    let record = new.into_record(secret.to_stored(now), now);
    let event = context.client_event(EventKind::ClientCreated, &record.client_id, "");
    app.store.add_client(&record, event).await?.map_err(|_| taken_id())?;
    app.clients.note_change();
    let data = ClientView::from(&record);
    let response =
        CreatedClientResponse { success: true, message: "Client created", data, client_secret: secret.into_text() };
    Ok((StatusCode::CREATED, Json(response)))
}

fn taken_id() -> ApiError {
    ApiError::conflict("Client id is taken", "Choose another client_id, or leave it out")
}

fn check_new_client(body: CreateClient, now: Millis) -> Result<NewClient, ApiError> {
    let mut checks = FieldChecks::default();
    let client_id = checks.known_line("client_id", body.client_id);
    if client_id.as_deref().is_some_and(|id| !is_client_id(id)) {
        checks.add_problem("client_id", "must be 3 to 64 of A-Z, a-z, 0-9, _, - and ., and not begin with .");
    }
    let name = checks.required_text("name", body.name, LINE);
    let description = read_description(&mut checks, body.description).flatten();
    let team = checks.known_line("team", body.team);
    if body.scopes.as_ref().is_none_or(serde_json::Value::is_null) {
        checks.add_missing("scopes");
    }
    let scopes = read_scopes(&mut checks, body.scopes).unwrap_or_default();
    check_team_scopes(&mut checks, team.as_deref(), &scopes);
    let addresses = read_addresses(&mut checks, body.allowed_addresses).unwrap_or(AllowedAddresses::All);
    let expires_at = read_expiry(&mut checks, body.expires_at, now).flatten();
    checks.finish()?;
    let client_id = client_id.unwrap_or_else(|| RecordId::random().to_string());
    Ok(NewClient { client_id, name, description, team, scopes, addresses, expires_at })
}

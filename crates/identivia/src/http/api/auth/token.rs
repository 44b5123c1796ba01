//! `POST /api/auth/token`: machine tokens by client credentials (RFC 6749 §4.4), as JSON or as a form.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::client_authentication::ClientAuthentication;
use super::credentials::{ClientCredentials, Parameters, invalid_request, read_parameters, read_text};
use crate::app::App;
use crate::client_directory::ProvenClient;
use crate::domain::LINE;
use crate::http::body::field_checks::RawField;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::request_context::WholeRequest;

/// The longest parameter, in characters.
const MAX_PARAMETER: usize = LINE * 16;

/// Client credentials. With HTTP Basic authentication the first two are left out.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"client_id": "postman", "client_secret": "replace-me", "scope": "profiles:read health:read"}))]
pub(crate) struct TokenRequest {
    /// The client's id.
    #[serde(default)]
    #[schema(value_type = String, required = true, min_length = 1, max_length = 255)]
    client_id: RawField,
    /// Its secret.
    #[serde(default)]
    #[schema(value_type = String, required = true, min_length = 1, max_length = 255)]
    client_secret: RawField,
    /// Some of the client's scopes, separated by spaces; all of them when left out.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    scope: RawField,
    /// `client_credentials`, which a form must name and JSON may.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^client_credentials$")]
    grant_type: RawField,
}

impl Parameters for TokenRequest {
    fn field(&mut self, name: &str) -> Option<&mut RawField> {
        match name {
            "client_id" => Some(&mut self.client_id),
            "client_secret" => Some(&mut self.client_secret),
            "scope" => Some(&mut self.scope),
            "grant_type" => Some(&mut self.grant_type),
            _ => None,
        }
    }
}

/// A machine token.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"access_token": "eyJ...", "token_type": "Bearer", "expires_in": 3600, "scope": "profiles:read health:read"}))]
pub(crate) struct TokenResponse {
    access_token: String,
    token_type: &'static str,
    /// Seconds.
    expires_in: i64,
    scope: String,
}

/// Issue a machine token
///
/// JSON as in the reference, or a form as in RFC 6749; the client's id and secret stand in the body or in an HTTP Basic
/// header, not in both. After 10 failures of one client from one address within 60 seconds the answer is 429 until they
/// have passed.
#[utoipa::path(
    post, path = "/api/auth/token", tag = "Tokens", security(()),
    request_body = TokenRequest,
    responses(
        (status = 200, description = "A machine token", body = TokenResponse),
        (status = 401, description = "`invalid_client`: one answer for an unknown client and a wrong secret, and for a client that is disabled or has expired", body = ErrorBody),
        (status = 403, description = "`unauthorized_client`: not from this address", body = ErrorBody),
        (status = 429, description = "Too many failures; see `Retry-After`", body = ErrorBody),
    ),
)]
pub(crate) async fn issue_token(
    State(app): State<Arc<App>>,
    authentication: ClientAuthentication,
    request: WholeRequest,
) -> Result<Json<TokenResponse>, ApiError> {
    let (credentials, asked) = read_token_request(request).await?;
    let client = authentication.authenticate_client(&credentials).await?;
    let scope = grant_scopes(&client, asked.as_deref())?;
    let token = app
        .tokens
        .issue_machine_token(&client.id, &scope, client.team.as_deref(), client.binding.as_ref(), app.clock.now())
        .map_err(ApiError::internal)?;
    Ok(Json(TokenResponse { access_token: token, token_type: "Bearer", expires_in: app.tokens.machine_ttl, scope }))
}

/// The client's credentials, and the scopes that it asks for.
async fn read_token_request(request: WholeRequest) -> Result<(ClientCredentials, Option<String>), ApiError> {
    let mut sent = read_parameters::<TokenRequest>(request).await?;
    let fields = std::mem::take(&mut sent.parameters);
    let has_grant_type = fields.grant_type.as_ref().is_some_and(|grant| *grant != "");
    if sent.is_form && !has_grant_type {
        return Err(invalid_request("Send grant_type=client_credentials").with_required(vec!["grant_type"]));
    }
    let scope = read_text(join_scopes(fields.scope), MAX_PARAMETER)?;
    let (id, secret) = (read_text(fields.client_id, MAX_PARAMETER)?, read_text(fields.client_secret, MAX_PARAMETER)?);
    let grant_type = read_text(fields.grant_type, MAX_PARAMETER)?;
    let credentials = sent.choose_credentials(id, secret, Vec::new())?;
    if grant_type.is_some_and(|grant| grant != "client_credentials") {
        return Err(ApiError::oauth_error(
            StatusCode::BAD_REQUEST,
            "unsupported_grant_type",
            "Only client_credentials is supported",
        ));
    }
    Ok((credentials, scope))
}

/// Scopes may also come as a list of texts.
fn join_scopes(raw: RawField) -> RawField {
    let Some(Value::Array(list)) = &raw else { return raw };
    let words: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
    words.map(|words| json!(words.join(" "))).or(raw)
}

/// The scopes to grant: what was asked for if the client has all of it, else everything it has.
fn grant_scopes(client: &ProvenClient, asked: Option<&str>) -> Result<String, ApiError> {
    let Some(asked) = asked else { return Ok(client.scopes.join(" ")) };
    let mut scopes: Vec<&str> = Vec::new();
    for scope in asked.split(' ').filter(|scope| !scope.is_empty()) {
        if !client.scopes.iter().any(|own| own == scope) {
            return Err(invalid_scope("The client does not have all the scopes it asks for"));
        }
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    if scopes.is_empty() {
        return Err(invalid_scope("Name at least one scope, or leave scope out for all the client has"));
    }
    Ok(scopes.join(" "))
}

fn invalid_scope(message: &'static str) -> ApiError {
    ApiError::oauth_error(StatusCode::BAD_REQUEST, "invalid_scope", message)
}

//! `POST /api/auth/revoke`: a client ends a token of its own before its time (RFC 7009).

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::client_authentication::ClientAuthentication;
use super::credentials::{ClientCredentials, Parameters, read_parameters, read_text};
use crate::app::App;
use crate::domain::LINE;
use crate::domain::event::EventKind;
use crate::domain::managed_client::revoked_token_key;
use crate::domain::token::{IssuedTo, LEEWAY_SECONDS, TokenHolder, VerifiedToken};
use crate::http::body::field_checks::RawField;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::request_context::{RequestId, WholeRequest};
use crate::records::audit_event::{ActorKind, AuditEvent};
use crate::records::revoked_token::RevokedToken;
use crate::records::time::Millis;

/// The longest token, in characters: what the `Authorization` header takes.
const MAX_TOKEN: usize = 8 * 1024;
/// The longest other parameter, in characters.
const MAX_PARAMETER: usize = LINE * 16;
/// Revoked tokens of one client that would otherwise still be good, and of all clients: every server keeps them in memory.
const MAX_REVOKED_OF_CLIENT: usize = 500;
const MAX_REVOKED: usize = 5_000;
/// When a client with too many of them may try again, in seconds.
const RETRY_SECONDS: u64 = 60;

/// A token to end, and the credentials of its client. With HTTP Basic authentication the last two are left out.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"token": "eyJ...", "client_id": "postman", "client_secret": "replace-me"}))]
pub(crate) struct RevokeRequest {
    /// The machine token.
    #[serde(default)]
    #[schema(value_type = String, required = true, min_length = 1, max_length = 8192)]
    token: RawField,
    /// Ignored: there is one type of token.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    token_type_hint: RawField,
    /// The client's id.
    #[serde(default)]
    #[schema(value_type = String, required = true, min_length = 1, max_length = 255)]
    client_id: RawField,
    /// Its secret.
    #[serde(default)]
    #[schema(value_type = String, required = true, min_length = 1, max_length = 255)]
    client_secret: RawField,
}

impl Parameters for RevokeRequest {
    fn field(&mut self, name: &str) -> Option<&mut RawField> {
        match name {
            "token" => Some(&mut self.token),
            "token_type_hint" => Some(&mut self.token_type_hint),
            "client_id" => Some(&mut self.client_id),
            "client_secret" => Some(&mut self.client_secret),
            _ => None,
        }
    }
}

/// The token is not accepted any more.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "message": "Token revoked"}))]
pub(crate) struct RevokeResponse {
    success: bool,
    message: &'static str,
}

/// Revoke a machine token
///
/// A client ends a token of its own (RFC 7009). Within 5 seconds every server answers it with 401. A token that is unknown,
/// has ended or is revoked already gets 200 too. A client can have 500 revoked tokens that would otherwise still be good.
#[utoipa::path(
    post, path = "/api/auth/revoke", tag = "Tokens", security(()),
    request_body = RevokeRequest,
    responses(
        (status = 200, description = "The token is not accepted any more", body = RevokeResponse),
        (status = 400, description = "`unauthorized_client`: another client's token; `unsupported_token_type`: a flow token", body = ErrorBody),
        (status = 401, description = "`invalid_client`: one answer for an unknown client and a wrong secret, and for a client that is disabled or has expired", body = ErrorBody),
        (status = 403, description = "`unauthorized_client`: not from this address", body = ErrorBody),
        (status = 429, description = "Too many failures; see `Retry-After`", body = ErrorBody),
    ),
)]
pub(crate) async fn revoke_token(
    State(app): State<Arc<App>>,
    authentication: ClientAuthentication,
    Extension(RequestId(request_id)): Extension<RequestId>,
    request: WholeRequest,
) -> Result<Json<RevokeResponse>, ApiError> {
    let (credentials, token) = read_revoke_request(request).await?;
    let client = authentication.authenticate_client(&credentials).await?;
    let now = app.clock.now();
    let own = app.tokens.verify(&token, now).map(|token| check_owner(token, &client.id)).transpose()?;
    if let Some((jti, expires)) = own {
        check_room(&app, &client.id, now).await?;
        let id = revoked_token_key(&jti);
        let revoked = RevokedToken { id, client: client.id.clone(), expires, created: now };
        let event = AuditEvent::new(EventKind::TokenRevoked, now, client.id).by(ActorKind::Client);
        app.store.revoke_token(&revoked, AuditEvent { request_id: request_id.as_ref().to_owned(), ..event }).await?;
        app.clients.note_change();
    }
    Ok(Json(RevokeResponse { success: true, message: "Token revoked" }))
}

async fn read_revoke_request(request: WholeRequest) -> Result<(ClientCredentials, String), ApiError> {
    let mut sent = read_parameters::<RevokeRequest>(request).await?;
    let fields = std::mem::take(&mut sent.parameters);
    let token = read_text(fields.token, MAX_TOKEN)?;
    let (id, secret) = (read_text(fields.client_id, MAX_PARAMETER)?, read_text(fields.client_secret, MAX_PARAMETER)?);
    let others = if token.is_none() { vec!["token"] } else { Vec::new() };
    let credentials = sent.choose_credentials(id, secret, others)?;
    Ok((credentials, token.unwrap_or_default()))
}

/// The id of a token and when it ends, if the client may revoke it. Only its own client may (RFC 7009 §2.1).
fn check_owner(token: VerifiedToken, client: &str) -> Result<(String, Millis), ApiError> {
    match token.holder {
        TokenHolder::Machine { issued_to: Some(IssuedTo { client: owner, jti: Some(jti), .. }), .. } => {
            if owner == client {
                return Ok((jti, token.expires));
            }
            let message = "Another client has this token: only that client can revoke it";
            Err(ApiError::oauth_error(StatusCode::BAD_REQUEST, "unauthorized_client", message))
        }
        TokenHolder::Machine { .. } => {
            let message = "This server has not issued this token: end it where it was issued";
            Err(ApiError::oauth_error(StatusCode::BAD_REQUEST, "unsupported_token_type", message))
        }
        TokenHolder::Flow { .. } => {
            let message = "Links end with POST /api/profiles/{id}/revoke_links";
            Err(ApiError::oauth_error(StatusCode::BAD_REQUEST, "unsupported_token_type", message))
        }
    }
}

/// Refuses a client that has revoked as many tokens as are kept. RFC 7009 §2.2.1 has 503 for a token that is not revoked.
async fn check_room(app: &App, client: &str, now: Millis) -> Result<(), ApiError> {
    let after = now.plus_seconds(-LEEWAY_SECONDS);
    let own = app.store.count_revoked_tokens(client, after, MAX_REVOKED_OF_CLIENT).await?;
    let all = app.clients.last_snapshot().revoked_count();
    if own < MAX_REVOKED_OF_CLIENT && all < MAX_REVOKED {
        return Ok(());
    }
    let message = "Too many revoked tokens have not ended yet: try again later, or have an operator end one of the client's \
                   secrets, which ends all tokens that were issued with it";
    Err(ApiError::oauth_error(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", message)
        .retry_after(RETRY_SECONDS))
}

//! `GET /.well-known/oauth-authorization-server`: where the OAuth endpoints are and what they take (RFC 8414).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::domain::scope::Scope;

/// How a client may authenticate: with HTTP Basic, or with parameters of the body.
const AUTHENTICATION_METHODS: [&str; 2] = ["client_secret_basic", "client_secret_post"];

/// What OAuth libraries read to set themselves up.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "issuer": "https://verify.example.com",
    "token_endpoint": "https://verify.example.com/api/auth/token",
    "revocation_endpoint": "https://verify.example.com/api/auth/revoke",
    "grant_types_supported": ["client_credentials"], "response_types_supported": [],
    "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
    "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
    "scopes_supported": ["profiles:read", "profiles:write"],
    "service_documentation": "https://verify.example.com/docs",
}))]
pub(crate) struct ServerMetadata {
    /// `PUBLIC_URL`. The `iss` of tokens is `JWT_ISSUER`.
    issuer: String,
    token_endpoint: String,
    revocation_endpoint: String,
    grant_types_supported: [&'static str; 1],
    /// None: there is no authorization endpoint.
    response_types_supported: [&'static str; 0],
    token_endpoint_auth_methods_supported: [&'static str; 2],
    revocation_endpoint_auth_methods_supported: [&'static str; 2],
    #[schema(value_type = Vec<String>)]
    scopes_supported: [&'static str; Scope::MACHINE.len()],
    service_documentation: String,
}

/// Get the OAuth metadata
///
/// RFC 8414. The scopes are all that a client may be given.
#[utoipa::path(get, path = "/.well-known/oauth-authorization-server", tag = "Tokens", security(()),
    responses((status = 200, description = "Endpoints and what they take", body = ServerMetadata)))]
pub(crate) async fn get_oauth_metadata(State(app): State<Arc<App>>) -> Json<ServerMetadata> {
    let issuer = app.public_url.clone();
    Json(ServerMetadata {
        token_endpoint: format!("{issuer}/api/auth/token"),
        revocation_endpoint: format!("{issuer}/api/auth/revoke"),
        grant_types_supported: ["client_credentials"],
        response_types_supported: [],
        token_endpoint_auth_methods_supported: AUTHENTICATION_METHODS,
        revocation_endpoint_auth_methods_supported: AUTHENTICATION_METHODS,
        scopes_supported: Scope::MACHINE.map(Scope::name),
        service_documentation: format!("{issuer}/docs"),
        issuer,
    })
}

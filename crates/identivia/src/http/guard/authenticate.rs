//! Authentication: reads the bearer token, checks it against the access table, and gives the handler its authority.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::access_table::{AcceptedCallers, AccessRule, AccessTable};
use super::authority::Authority;
use crate::app::App;
use crate::domain::profile::Reach;
use crate::domain::scope::Scope;
use crate::domain::token::{TokenHolder, VerifiedToken};
use crate::http::error::ApiError;
use crate::http::pages::api_docs;

/// The longest `Authorization` header, in bytes.
const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// Passes a request to its handler with its [`Authority`], or refuses it.
pub(crate) async fn authenticate_request(
    State((app, table)): State<(Arc<App>, Arc<AccessTable>)>,
    mut request: Request,
    next: Next,
) -> Response {
    let path = request.extensions().get::<MatchedPath>();
    match path.and_then(|path| table.find_rule(path.as_str(), request.method())) {
        // A method without a rule is one that the path does not have: the router answers 405.
        None | Some(AccessRule::Public) => next.run(request).await,
        Some(AccessRule::Token { scope, callers }) => {
            let token = verify_token(&app, request.headers()).await;
            match token.and_then(|token| create_authority(token, scope, callers)) {
                Ok(authority) => {
                    request.extensions_mut().insert(Arc::new(authority));
                    next.run(request).await
                }
                Err(refusal) => api_docs::redirect_browser_to_docs(&request).unwrap_or_else(|| refusal.into_response()),
            }
        }
    }
}

/// Verifies the request's token, and that neither its client nor its link has been revoked since it was issued.
async fn verify_token(app: &App, headers: &HeaderMap) -> Result<VerifiedToken, ApiError> {
    let token = app.tokens.verify(read_bearer_token(headers)?, app.clock.now()).ok_or_else(ApiError::invalid_token)?;
    let is_revoked = match &token.holder {
        TokenHolder::Machine { client, .. } => {
            client.as_ref().is_some_and(|client| app.clients.find_client(client).is_none())
        }
        // The link of a profile that is gone gets the handlers' 404.
        TokenHolder::Flow { profile, epoch } => {
            let profile = app.store.profile(*profile, &Reach::Every).await?;
            profile.is_some_and(|profile| profile.link_epoch() != *epoch)
        }
    };
    if is_revoked { Err(ApiError::invalid_token()) } else { Ok(token) }
}

fn create_authority(token: VerifiedToken, scope: Scope, callers: AcceptedCallers) -> Result<Authority, ApiError> {
    let authority = Authority::from_token(token);
    let kind = authority.actor.kind;
    if !callers.has_kind(kind) {
        return Err(ApiError::insufficient_scope(scope.name()).with_message(kind.refusal_message()));
    }
    if !authority.scopes.has(scope) {
        return Err(ApiError::insufficient_scope(scope.name()));
    }
    Ok(authority)
}

/// The token of the one `Authorization: Bearer` header (RFC 6750 §2.1). Tokens in any other place are ignored.
fn read_bearer_token(headers: &HeaderMap) -> Result<&str, ApiError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or_else(ApiError::missing_token)?;
    if values.next().is_some() {
        return Err(ApiError::bad_request("More than one Authorization header", "Send exactly one"));
    }
    if value.len() > MAX_TOKEN_BYTES {
        return Err(ApiError::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "Authorization header is too large")
            .with_message("The limit is 8 KiB"));
    }
    let (scheme, token) =
        value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(ApiError::missing_token)?;
    if !scheme.eq_ignore_ascii_case("bearer") || token.trim().is_empty() {
        return Err(ApiError::missing_token());
    }
    Ok(token.trim())
}

//! Authentication: reads the bearer token, checks it against the access table, and gives the handler its authority.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRef as _, MatchedPath, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body::Body as _;

use super::access_table::{AcceptedCallers, AccessRule, AccessTable};
use super::authority::Authority;
use super::body_limits::{BodyLimits, BodyPermit, BodySender};
use super::request_context::ClientIp;
use crate::app::App;
use crate::client_directory::TokenStanding;
use crate::domain::profile::Reach;
use crate::domain::scope::{Scope, ScopeSet};
use crate::domain::token::{IssuedTo, TokenHolder};
use crate::http::error::ApiError;
use crate::http::idempotency::key_header::has_idempotency_key;
use crate::http::idempotency::keyed_request::answer_keyed_request;
use crate::http::pages::console_page;
use crate::http::state::HttpState;

/// The longest `Authorization` header, in bytes.
const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// What the guard needs of the server. It is behind one handle, because every request copies that.
pub(crate) struct Guard {
    pub(crate) state: HttpState,
    pub(crate) table: AccessTable,
}

/// Passes a request to its handler with its [`Authority`], or refuses it.
pub(crate) async fn authenticate_request(
    State(guard): State<Arc<Guard>>,
    mut request: Request,
    next: Next,
) -> Response {
    let Guard { state, table } = &*guard;
    let path = request.extensions().get::<MatchedPath>();
    match path.and_then(|path| table.find_rule(path.as_str(), request.method())) {
        // A method without a rule is one that the path does not have: the router answers 405.
        None | Some(AccessRule::Public) => {
            let network = request.extensions().get::<ClientIp>().map(|ip| ip.network());
            // A caller on this machine may be a proxy that is not listed, which all callers come through.
            let sender = BodySender::Stranger(network.filter(|network| !network.is_loopback()));
            match admit_body(&state.body_limits, sender, &mut request) {
                Ok(_permit) => next.run(request).await,
                Err(refusal) => refusal.into_response(),
            }
        }
        Some(AccessRule::Token { scope, callers }) => {
            let app = Arc::<App>::from_ref(state);
            let address = request.extensions().get::<ClientIp>().map(|ip| ip.0);
            match verify_authority(&app, request.headers(), address, scope, callers).await {
                Ok(authority) => run_authorized(state, &app, authority, request, next).await,
                Err(refusal) => {
                    console_page::redirect_browser_to_console(&request).unwrap_or_else(|| refusal.into_response())
                }
            }
        }
    }
}

/// Runs a request of a caller who may make it; one with an idempotency key is done once.
async fn run_authorized(
    state: &HttpState,
    app: &Arc<App>,
    authority: Authority,
    mut request: Request,
    next: Next,
) -> Response {
    let authority = Arc::new(authority);
    request.extensions_mut().insert(authority.work_holder());
    request.extensions_mut().insert(authority.clone());
    match admit_body(&state.body_limits, authority.body_sender(), &mut request) {
        Err(refusal) => refusal.into_response(),
        Ok(_permit) if has_idempotency_key(&request) => {
            answer_keyed_request(app, &state.key_ring, &authority, request, next).await.into_response()
        }
        Ok(_permit) => next.run(request).await,
    }
}

/// Lets a request in whose body, if it has one, is within the limits. What the body holds is given back with the permit.
fn admit_body(
    limits: &Arc<BodyLimits>,
    sender: BodySender,
    request: &mut Request,
) -> Result<Option<Arc<BodyPermit>>, ApiError> {
    if request.body().is_end_stream() {
        return Ok(None);
    }
    let permit = limits.admit_body(sender)?;
    request.extensions_mut().insert(permit.clone());
    Ok(Some(permit))
}

/// The authority that the request's token gives for an operation. Neither its client nor its link nor the token itself may
/// have been revoked since it was issued.
async fn verify_authority(
    app: &App,
    headers: &HeaderMap,
    address: Option<IpAddr>,
    scope: Scope,
    callers: AcceptedCallers,
) -> Result<Authority, ApiError> {
    let token = app.tokens.verify(read_bearer_token(headers)?, app.clock.now());
    let mut token = token.ok_or_else(ApiError::invalid_token)?;
    let mut team_of_link = String::new();
    match &token.holder {
        TokenHolder::Machine { issued_to: Some(issued), .. } => {
            token.scopes = token.scopes.intersect(check_client(app, issued, address, scope).await?);
        }
        // Another service has signed it: its scopes decide.
        TokenHolder::Machine { issued_to: None, .. } => {}
        TokenHolder::Flow { profile, epoch } => match app.store.profile(*profile, &Reach::Every).await? {
            Some(profile) if profile.link_epoch() != *epoch => return Err(ApiError::invalid_token()),
            Some(profile) => team_of_link = profile.team,
            // The link of a profile that is gone gets the handlers' 404.
            None => {}
        },
    }
    let authority = Authority::from_token(token, team_of_link);
    let kind = authority.actor.kind;
    if !callers.has_kind(kind) {
        return Err(ApiError::insufficient_scope(scope.name()).with_message(kind.refusal_message()));
    }
    if !authority.scopes.has(scope) {
        return Err(ApiError::insufficient_scope(scope.name()));
    }
    Ok(authority)
}

/// The scopes that the client of a token has now. Where clients cannot be read, only the health report is shown: it tells the
/// operator why.
async fn check_client(
    app: &App,
    issued: &IssuedTo,
    address: Option<IpAddr>,
    scope: Scope,
) -> Result<ScopeSet, ApiError> {
    let snapshot = match app.clients.current_snapshot().await {
        Err(_) if scope == Scope::HealthRead => app.clients.last_snapshot(),
        snapshot => snapshot?,
    };
    match app.clients.judge_token(&snapshot, issued, address, app.clock.now()) {
        TokenStanding::Valid(scopes) => Ok(scopes),
        TokenStanding::Ended => Err(ApiError::invalid_token()),
        TokenStanding::ForeignAddress => Err(ApiError::foreign_address()),
    }
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

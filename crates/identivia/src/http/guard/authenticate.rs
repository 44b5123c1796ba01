//! Authentication: reads the bearer token, checks it against the access table, and gives the handler its authority.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRef as _, MatchedPath, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body::Body as _;

use super::access_table::{AccessRule, AccessTable, CallerScopes};
use super::authority::{Authority, CallerKind};
use super::body_limits::{BodyLimits, BodyPermit, BodySender};
use super::console_session::{Credentials, refuse_other_sites, verify_session};
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
use crate::http::request_log::{LoggedCaller, profile_of_path};
use crate::http::state::HttpState;

/// The longest `Authorization` header, in bytes.
const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// The beginning of the paths of the console's own operations.
pub(crate) const CONSOLE_PATHS: &str = "/api/console/";

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
            match admit_body(state.body_limits(), sender, &mut request) {
                Ok(_permit) => next.run(request).await,
                Err(refusal) => refusal.into_response(),
            }
        }
        Some(AccessRule::Scoped(scopes)) => {
            let app = Arc::<App>::from_ref(state);
            match verify_caller(&app, &mut request, scopes).await {
                Ok(authority) => run_authorized(state, &app, authority, request, next).await,
                Err(refusal) => {
                    console_page::redirect_browser_to_console(&request).unwrap_or_else(|| refusal.into_response())
                }
            }
        }
    }
}

/// The authority of a request's caller, by its token or by the console's cookie.
async fn verify_caller(app: &App, request: &mut Request, scopes: CallerScopes) -> Result<Authority, ApiError> {
    let address = request.extensions().get::<ClientIp>().map(|ip| ip.0);
    let token = match Credentials::of_request(app, request.headers())? {
        Credentials::Token if scopes.first().is_some_and(|(kind, _)| kind == CallerKind::Console) => {
            return verify_token(app, request.headers(), address, scopes).await.map_err(ask_to_sign_in);
        }
        Credentials::Token => return verify_token(app, request.headers(), address, scopes).await,
        Credentials::Cookie(token) => token,
    };
    let has_body = !request.body().is_end_stream();
    refuse_other_sites(app, request.method(), request.headers(), has_body)?;
    let Some(permission) = scopes.of_kind(CallerKind::Console) else { return Err(refuse_kind(scopes)) };
    let (authority, open) = verify_session(app, token.as_ref(), permission, request.method()).await?;
    request.extensions_mut().insert(open);
    Ok(authority)
}

/// Where only people at the console may call, the answer to a caller without credentials asks for a session.
fn ask_to_sign_in(refusal: ApiError) -> ApiError {
    if refusal.is_unauthenticated() { ApiError::not_signed_in() } else { refusal }
}

/// The refusal of a caller of a kind that the operation does not take.
fn refuse_kind(scopes: CallerScopes) -> ApiError {
    match scopes.first() {
        Some((kind, scope)) => ApiError::insufficient_scope(scope.name()).with_message(kind.requirement()),
        None => ApiError::not_signed_in(),
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
    let caller = describe_caller(&authority, &request);
    // Answers to people at the console may hold their new cookie, which is stored nowhere.
    let is_keyed = has_idempotency_key(&request) && !is_of_console(&request);
    request.extensions_mut().insert(authority.work_holder());
    request.extensions_mut().insert(authority.clone());
    let mut response = match admit_body(state.body_limits(), authority.body_sender(), &mut request) {
        Err(refusal) => refusal.into_response(),
        Ok(_permit) if is_keyed => {
            answer_keyed_request(app, state.key_ring(), &authority, request, next).await.into_response()
        }
        Ok(_permit) => next.run(request).await,
    };
    response.extensions_mut().insert(caller);
    response
}

/// Who calls, and about which profile, for the log line.
fn describe_caller(authority: &Authority, request: &Request) -> LoggedCaller {
    let template = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let named = template.and_then(|template| profile_of_path(template, request.uri().path()));
    let actor = &authority.actor;
    // A link's id is its profile's.
    let caller = match actor.kind {
        CallerKind::Flow => "link".to_owned(),
        CallerKind::Machine => format!("client {}", actor.id),
        CallerKind::Console => format!("user {}", actor.id),
    };
    LoggedCaller { caller, profile: authority.own_profile.or(named) }
}

/// Says whether the operation is one of the console's own: those take no idempotency key.
fn is_of_console(request: &Request) -> bool {
    request.extensions().get::<MatchedPath>().is_some_and(|path| path.as_str().starts_with(CONSOLE_PATHS))
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
async fn verify_token(
    app: &App,
    headers: &HeaderMap,
    address: Option<IpAddr>,
    scopes: CallerScopes,
) -> Result<Authority, ApiError> {
    let token = app.tokens.verify(read_bearer_token(headers)?, app.clock.now());
    let mut token = token.ok_or_else(ApiError::invalid_token)?;
    let of_machine = scopes.of_kind(CallerKind::Machine);
    let mut team_of_link = String::new();
    match &token.holder {
        TokenHolder::Machine { issued_to: Some(issued), .. } => {
            token.scopes = token.scopes.intersect(check_client(app, issued, address, of_machine).await?);
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
    let Some(scope) = scopes.of_kind(authority.actor.kind) else { return Err(refuse_kind(scopes)) };
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
    scope: Option<Scope>,
) -> Result<ScopeSet, ApiError> {
    let snapshot = match app.clients.current_snapshot().await {
        Err(_) if scope == Some(Scope::HealthRead) => app.clients.last_snapshot(),
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

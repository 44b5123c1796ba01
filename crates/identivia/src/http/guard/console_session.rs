//! The console's cookie: which of a request's credentials count, the checks against requests of other sites, and the session.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use super::authority::Authority;
use crate::app::App;
use crate::domain::console::oidc::sign_in_secret::{PROVIDER_SIGN_IN_SECONDS, SignInSecret};
use crate::domain::console::role::session_permissions;
use crate::domain::console::session::ConsoleToken;
use crate::domain::scope::Scope;
use crate::http::body::json::media_type;
use crate::http::error::ApiError;
use crate::http::origin::to_origin;
use crate::records::console_session::ConsoleSession;
use crate::records::console_user::ConsoleUser;
use crate::records::id::RecordId;

/// The cookie's name where the public URL is https: browsers take such a cookie from no other host or path, and send it to none.
const SECURE_COOKIE: &str = "__Host-identivia";
/// Its name on http, where some browsers refuse cookies with `Secure`.
const PLAIN_COOKIE: &str = "identivia";
/// The header that no form and no image of another site can send.
pub(crate) const CONSOLE_HEADER: HeaderName = HeaderName::from_static("x-identivia-console");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What a request proves its caller with.
pub(crate) enum Credentials {
    /// A bearer token, or nothing.
    Token,
    /// The console's cookie. `None`: its value cannot be one of ours.
    Cookie(Option<ConsoleToken>),
}

impl Credentials {
    /// Finds out which credentials a request has. A request with both kinds is refused: what counts must be clear.
    pub(crate) fn of_request(app: &App, headers: &HeaderMap) -> Result<Self, ApiError> {
        let Some(cookie) = find_cookie(app, headers) else { return Ok(Self::Token) };
        if headers.contains_key(header::AUTHORIZATION) {
            return Err(ApiError::bad_request(
                "Two kinds of credentials",
                "Send the console's cookie or an Authorization header, not both",
            ));
        }
        Ok(Self::Cookie(cookie))
    }
}

/// A session that has not ended, and its user.
#[derive(Clone)]
pub(crate) struct OpenSession {
    pub(crate) user: ConsoleUser,
    pub(crate) session: ConsoleSession,
}

/// The value of the console's cookie. A value that comes twice, or has another form, is ignored.
fn find_cookie(app: &App, headers: &HeaderMap) -> Option<Option<ConsoleToken>> {
    find_cookie_of_name(cookie_name(app), headers).map(|value| value.and_then(ConsoleToken::parse))
}

/// The value of a cookie of ours: `None` without one, `Some(None)` when it comes twice.
fn find_cookie_of_name<'a>(name: &str, headers: &'a HeaderMap) -> Option<Option<&'a str>> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(own, _)| *own == name).map(|(_, value)| value);
    let first = values.next()?;
    Some(Some(first).filter(|_| values.next().is_none()))
}

fn cookie_name(app: &App) -> &'static str {
    if is_https(app) { SECURE_COOKIE } else { PLAIN_COOKIE }
}

fn is_https(app: &App) -> bool {
    app.public_url.starts_with("https://")
}

/// The header that gives a browser the cookie of a session. It ends with the browser; the server ends it earlier.
pub(crate) fn set_cookie(app: &App, token: &ConsoleToken) -> Result<HeaderValue, ApiError> {
    let secure = if is_https(app) { "; Secure" } else { "" };
    let text = format!("{}={}; Path=/; HttpOnly; SameSite=Strict{secure}", cookie_name(app), token.as_text());
    let mut value = HeaderValue::from_str(&text).map_err(ApiError::internal)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The header that removes the cookie.
pub(crate) fn remove_cookie(app: &App) -> HeaderValue {
    HeaderValue::from_static(if is_https(app) {
        "__Host-identivia=; Path=/; HttpOnly; SameSite=Strict; Secure; Max-Age=0"
    } else {
        "identivia=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"
    })
}

fn sign_in_cookie_name(app: &App) -> &'static str {
    if is_https(app) { "__Host-identivia-oidc" } else { "identivia-oidc" }
}

/// The secret of the sign-in with a provider that this browser has begun.
pub(crate) fn find_sign_in_secret(app: &App, headers: &HeaderMap) -> Option<SignInSecret> {
    find_cookie_of_name(sign_in_cookie_name(app), headers).flatten().and_then(SignInSecret::parse)
}

/// The header that gives a browser the secret of a sign-in with a provider; without one it is removed. The browser comes back
/// from another site, so the cookie cannot be `Strict`.
pub(crate) fn set_sign_in_cookie(app: &App, secret: Option<&SignInSecret>) -> Result<HeaderValue, ApiError> {
    let secure = if is_https(app) { "; Secure" } else { "" };
    let (value, seconds) = secret.map_or(("", 0), |secret| (secret.as_text(), PROVIDER_SIGN_IN_SECONDS));
    let name = sign_in_cookie_name(app);
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    let mut value = HeaderValue::from_str(&text).map_err(ApiError::internal)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Refuses a change that a page of another site may have sent: the browser says that the request is of the same origin, its
/// body is JSON, and it has a header that only scripts of the same origin can set.
pub(crate) fn refuse_other_sites(
    app: &App,
    method: &Method,
    headers: &HeaderMap,
    has_body: bool,
) -> Result<(), ApiError> {
    if method.is_safe() {
        return Ok(());
    }
    let is_same_origin = match headers.get(&FETCH_SITE) {
        Some(site) => site == "same-origin",
        None => headers.get(header::ORIGIN).is_some_and(|origin| *origin == to_origin(&app.public_url).as_str()),
    };
    let has_header = headers.get(&CONSOLE_HEADER).is_some_and(|value| value == "1");
    let is_json = !has_body || media_type(headers) == "application/json";
    if is_same_origin && has_header && is_json { Ok(()) } else { Err(request_refused()) }
}

fn request_refused() -> ApiError {
    ApiError::forbidden(
        "Request refused",
        "Changes are taken from pages of this server only, as JSON with X-Identivia-Console: 1",
    )
}

/// The session of a cookie, if it has not ended.
pub(crate) async fn find_session(app: &App, token: Option<&ConsoleToken>) -> Result<Option<OpenSession>, ApiError> {
    let Some(token) = token else { return Ok(None) };
    let session = app.console.session(token.session_id()).await?;
    let Some(session) = session.filter(|session| session.has_token(token) && app.sign_in.admits(session)) else {
        return Ok(None);
    };
    let user = app.console.user(session.console_user).await?;
    let now = app.clock.now();
    Ok(user.filter(|user| session.is_alive(user, now)).map(|user| OpenSession { user, session }))
}

/// Says whether a session that was open before still is.
pub(crate) async fn is_session_open(app: &App, session: RecordId) -> Result<bool, ApiError> {
    let Some(session) = app.console.session(session).await? else { return Ok(false) };
    let user = app.console.user(session.console_user).await?;
    Ok(user.is_some_and(|user| session.is_alive(&user, app.clock.now())))
}

/// The authority that the cookie gives for an operation with that permission.
pub(crate) async fn verify_session(
    app: &App,
    token: Option<&ConsoleToken>,
    permission: Scope,
    method: &Method,
) -> Result<(Authority, OpenSession), ApiError> {
    let open = find_session(app, token).await?.ok_or_else(ApiError::not_signed_in)?;
    let OpenSession { user, session } = &open;
    if !session_permissions(user.role, user.senior, session.stage).has(permission) {
        return Err(ApiError::insufficient_permission(permission.name()));
    }
    let now = app.clock.now();
    let authority = Authority::from_console_session(user, session);
    let has_fresh_factor = authority.reviewer.as_ref().is_some_and(|reviewer| reviewer.has_fresh_factor(now));
    if permission.needs_step_up() && !method.is_safe() && !has_fresh_factor {
        return Err(ApiError::step_up_required());
    }
    if permission.keeps_session_alive() && session.needs_touch(now) {
        app.console.touch_session(session.id, now).await?;
    }
    Ok((authority, open))
}

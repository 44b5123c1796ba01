//! `GET /api/console/oidc/{provider}/start`: sends the browser to a provider.

use axum::extract::RawQuery;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::super::console_call::ConsoleCall;
use super::begin::{ProviderPath, SignInIntent, begin_sign_in, find_provider};
use super::failure::SignInFailure;
use crate::domain::console::oidc::problem::SignInProblem;
use crate::http::guard::console_session::set_sign_in_cookie;
use crate::records::console_identity::SignInPurpose;

/// Sign in with a provider
///
/// For browsers: sends them to the provider's page, with a cookie of 10 minutes that the way back needs. What goes wrong is a page
/// that says what to do.
#[utoipa::path(get, path = "/api/console/oidc/{provider}/start", tag = "Console", security(()),
    params(
        ("provider" = String, Path, description = "The provider's id"),
        ("return_to" = Option<String>, Query, description = "A path of the console to go on to"),
    ),
    responses(
        (status = 303, description = "To the provider"),
        (status = 404, description = "No such provider", body = String, content_type = "text/html"),
        (status = 429, description = "Too many sign-ins under way; see `Retry-After`", body = String, content_type = "text/html"),
        (status = 503, description = "The provider does not answer", body = String, content_type = "text/html"),
    ))]
pub(crate) async fn start_provider_sign_in(
    call: ConsoleCall,
    path: ProviderPath,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    match send_to_provider(&call, path, query.as_deref().unwrap_or_default()).await {
        Ok(response) => response,
        Err(failure) => failure.to_page(&call, &headers),
    }
}

async fn send_to_provider(call: &ConsoleCall, path: ProviderPath, query: &str) -> Result<Response, SignInFailure> {
    let provider = find_provider(call, path)?;
    let return_to = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "return_to");
    let return_to = return_to.map(|(_, value)| value);
    let intent = SignInIntent::new(SignInPurpose::SignIn, return_to.as_deref());
    let (url, secret) = begin_sign_in(call, &provider, intent).await?;
    let location = HeaderValue::from_str(url.as_str()).map_err(|_| SignInProblem::ProviderRefuses)?;
    let cookie = set_sign_in_cookie(&call.app, Some(&secret))?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, location), (header::SET_COOKIE, cookie)]).into_response())
}

//! Begins a sign-in with a provider: stores that it is under way, and gives the browser its secret and the provider's address.

use axum::Json;
use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use super::super::console_call::{ConsoleCall, Person};
use super::super::set_up::{find_link, link_not_valid};
use super::failure::SignInFailure;
use crate::domain::LINE;
use crate::domain::console::oidc::problem::SignInProblem;
use crate::domain::console::oidc::return_path::choose_return_path;
use crate::domain::console::oidc::sign_in_secret::{PROVIDER_SIGN_IN_SECONDS, SignInSecret};
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::json;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::console_session::set_sign_in_cookie;
use crate::http::guard::request_context::WholeRequest;
use crate::providers::oidc::OidcProvider;
use crate::records::client::SecretHash;
use crate::records::console_identity::{ConsoleSignIn, SignInPurpose};
use crate::records::console_link::LinkPurpose;
use crate::records::console_user::ConsoleUserStatus;
use crate::records::id::RecordId;

/// The path of a provider's id, as handlers extract it.
pub(super) type ProviderPath = Result<Path<String>, axum::extract::rejection::PathRejection>;

/// What a sign-in is for.
pub(super) struct SignInIntent {
    pub(super) purpose: SignInPurpose,
    pub(super) session: Option<RecordId>,
    pub(super) link: Option<SecretHash>,
    pub(super) name: String,
    pub(super) return_to: String,
}

impl SignInIntent {
    pub(super) fn new(purpose: SignInPurpose, return_to: Option<&str>) -> Self {
        Self { purpose, session: None, link: None, name: String::new(), return_to: choose_return_path(return_to) }
    }
}

/// Where a provider sends the browser back to.
pub(super) fn redirect_uri(call: &ConsoleCall, provider: &OidcProvider) -> String {
    format!("{}/api/console/oidc/{}/callback", call.app.public_url, provider.settings.id)
}

/// Begins a sign-in: the provider's address, and the secret for the browser.
pub(super) async fn begin_sign_in(
    call: &ConsoleCall,
    provider: &OidcProvider,
    intent: SignInIntent,
) -> Result<(Url, SignInSecret), SignInFailure> {
    let now = call.now();
    let metadata = provider.metadata(now).await?;
    let secret = SignInSecret::random();
    let asks_again = intent.purpose == SignInPurpose::StepUp;
    let url = provider.authorization_url(&metadata, &secret, &redirect_uri(call, provider), asks_again);
    let sign_in = ConsoleSignIn {
        id: secret.record_id(),
        provider: provider.settings.id.clone(),
        purpose: intent.purpose,
        session: intent.session,
        link: intent.link,
        name: intent.name,
        return_to: intent.return_to,
        address: call.address_text(),
        begun: now,
        expires: now.plus_seconds(PROVIDER_SIGN_IN_SECONDS),
    };
    if !call.app.console.begin_sign_in(&sign_in, now).await? {
        return Err(SignInProblem::TooMany.into());
    }
    Ok((url, secret))
}

/// The provider of a path.
pub(super) fn find_provider(
    call: &ConsoleCall,
    path: ProviderPath,
) -> Result<std::sync::Arc<OidcProvider>, SignInFailure> {
    let found = path.ok().and_then(|Path(id)| call.app.oidc.find(&id));
    found.ok_or_else(|| SignInProblem::UnknownProvider.into())
}

/// Where the page sends the browser.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "data": {"url": "https://login.example.com/authorize?client_id=identivia"}}))]
pub(crate) struct ProviderUrlResponse {
    success: bool,
    data: ProviderUrl,
}

#[derive(Serialize, ToSchema)]
struct ProviderUrl {
    /// The provider's page. It brings the browser back.
    url: String,
}

async fn answer_url(call: &ConsoleCall, provider: &OidcProvider, intent: SignInIntent) -> Result<Response, ApiError> {
    let begun = begin_sign_in(call, provider, intent).await;
    let (url, secret) = begun.map_err(SignInFailure::into_api_error)?;
    let mut response =
        Json(ProviderUrlResponse { success: true, data: ProviderUrl { url: url.into() } }).into_response();
    response.headers_mut().insert(header::SET_COOKIE, set_sign_in_cookie(&call.app, Some(&secret))?);
    Ok(response)
}

/// The link of an invitation that is accepted with a provider.
#[derive(Deserialize, ToSchema)]
pub(crate) struct AcceptWithProvider {
    /// The part of the link after `#token=`.
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 255, pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$")]
    token: RawField,
    /// Left out, the name is the provider's.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    name: RawField,
}

/// Accept an invitation with a provider
///
/// The answer has the provider's address and sets a cookie of 10 minutes. The invitation is accepted when the browser comes back.
#[utoipa::path(post, path = "/api/console/invitation/oidc/{provider}", tag = "Console", security(()),
    params(("provider" = String, Path, description = "The provider's id")),
    request_body = AcceptWithProvider,
    responses(
        (status = 200, description = "Where to go", body = ProviderUrlResponse),
        (status = 403, description = "The link is unknown, used or too old", body = ErrorBody),
        (status = 404, description = "No such provider", body = ErrorBody),
        (status = 429, description = "Too many failures, or too many sign-ins under way; see `Retry-After`", body = ErrorBody),
        (status = 503, description = "The provider does not answer", body = ErrorBody),
    ))]
pub(crate) async fn accept_invitation_with_provider(
    call: ConsoleCall,
    path: ProviderPath,
    request: WholeRequest,
) -> Result<Response, ApiError> {
    let body: AcceptWithProvider = json::read_public_json(request).await?;
    let provider = find_provider(&call, path).map_err(SignInFailure::into_api_error)?;
    let mut checks = FieldChecks::default();
    let token = checks.required_text("token", body.token, LINE);
    let name = checks.line_or_empty("name", body.name).trim().to_owned();
    checks.finish()?;
    let link = find_link(&call, &token, LinkPurpose::Invitation).await?;
    let user = match link.console_user {
        Some(id) => call.app.console.user(id).await?,
        None => None,
    };
    // The same kind of link sets a new password of a user who has joined: for that, their second factor still counts.
    if user.is_none_or(|user| user.status != ConsoleUserStatus::Invited) {
        return Err(link_not_valid());
    }
    let intent = SignInIntent { link: Some(link.hash), name, ..SignInIntent::new(SignInPurpose::Invitation, None) };
    answer_url(&call, &provider, intent).await
}

/// Where to go on afterwards.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"return_to": "/console/account"}))]
pub(crate) struct ReturnTarget {
    /// A path of the console; left out, its first page.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    return_to: RawField,
}

async fn read_return_target(request: WholeRequest) -> Result<String, ApiError> {
    let body: ReturnTarget = json::read_json(request).await?;
    let mut checks = FieldChecks::default();
    let return_to = checks.line_or_empty("return_to", body.return_to);
    checks.finish()?;
    Ok(return_to)
}

/// Connect a provider to the own account
///
/// Needs a fresh second factor. The answer has the provider's address and sets a cookie of 10 minutes. The provider is connected
/// when the browser comes back.
#[utoipa::path(post, path = "/api/console/me/oidc/{provider}", tag = "Console", security(("consoleSession" = ["console:self"])),
    params(("provider" = String, Path, description = "The provider's id")),
    request_body = ReturnTarget,
    responses(
        (status = 200, description = "Where to go", body = ProviderUrlResponse),
        (status = 404, description = "No such provider", body = ErrorBody),
        (status = 409, description = "A provider is connected already", body = ErrorBody),
        (status = 503, description = "The provider does not answer", body = ErrorBody),
    ))]
pub(crate) async fn connect_provider(
    person: Person,
    path: ProviderPath,
    request: WholeRequest,
) -> Result<Response, ApiError> {
    let return_to = read_return_target(request).await?;
    let provider = find_provider(&person.call, path).map_err(SignInFailure::into_api_error)?;
    person.require_fresh_factor()?;
    if person.user.oidc_subject.is_some() {
        return Err(ApiError::conflict(
            "Provider is connected",
            "Disconnect it first with DELETE /api/console/me/oidc",
        ));
    }
    let intent = SignInIntent {
        session: Some(person.session.id),
        ..SignInIntent::new(SignInPurpose::Connect, Some(&return_to))
    };
    answer_url(&person.call, &provider, intent).await
}

/// Confirm with the provider
///
/// For users who sign in with a provider: it asks them who they are again. The answer has the provider's address and sets a
/// cookie of 10 minutes. The session is confirmed when the browser comes back.
#[utoipa::path(post, path = "/api/console/step_up/oidc", tag = "Console", security(("consoleSession" = ["console:self"])),
    request_body = ReturnTarget,
    responses(
        (status = 200, description = "Where to go", body = ProviderUrlResponse),
        (status = 404, description = "No provider is connected", body = ErrorBody),
        (status = 503, description = "The provider does not answer", body = ErrorBody),
    ))]
pub(crate) async fn confirm_identity_with_provider(
    person: Person,
    request: WholeRequest,
) -> Result<Response, ApiError> {
    let return_to = read_return_target(request).await?;
    let issuer = person.user.oidc_issuer.as_deref().unwrap_or_default();
    let provider = person.call.app.oidc.find_by_issuer(issuer).cloned().ok_or_else(not_connected)?;
    let intent =
        SignInIntent { session: Some(person.session.id), ..SignInIntent::new(SignInPurpose::StepUp, Some(&return_to)) };
    answer_url(&person.call, &provider, intent).await
}

/// 404 where the account has no provider.
pub(super) fn not_connected() -> ApiError {
    ApiError::not_found("No provider is connected", "POST /api/console/me/oidc/{provider} connects one")
}

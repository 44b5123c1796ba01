//! `GET /api/console/oidc/{provider}/callback`: the browser comes back from a provider, with a code or with an error.

use axum::extract::RawQuery;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;

use super::super::console_call::ConsoleCall;
use super::begin::{ProviderPath, find_provider, redirect_uri};
use super::failure::SignInFailure;
use super::finish::finish_sign_in;
use super::returned::{FinishedSignIn, ReturnedSignIn};
use crate::domain::console::oidc::problem::SignInProblem;
use crate::domain::console::oidc::sign_in_secret::SignInSecret;
use crate::http::guard::console_session::{find_sign_in_secret, set_sign_in_cookie};
use crate::http::pages::sign_in_page::continue_page;
use crate::providers::http_call::{ProviderError, keep_plain_code};
use crate::providers::oidc::{CodeToExchange, OidcProvider};

/// The longest code, in bytes.
const MAX_CODE: usize = 4_096;

/// Come back from a provider
///
/// For browsers: ends the sign-in that the cookie belongs to, and answers a page that goes on to the console. What goes wrong is a
/// page that says what to do.
#[utoipa::path(get, path = "/api/console/oidc/{provider}/callback", tag = "Console", security(()),
    params(
        ("provider" = String, Path, description = "The provider's id"),
        ("state" = Option<String>, Query, description = "As it was sent to the provider"),
        ("code" = Option<String>, Query, description = "The provider's code"),
        ("iss" = Option<String>, Query, description = "The provider's issuer (RFC 9207)"),
        ("error" = Option<String>, Query, description = "The provider's error, such as `access_denied`"),
    ),
    responses(
        (status = 200, description = "Signed in", body = String, content_type = "text/html"),
        (status = 400, description = "No sign-in of this browser is under way, or the ID token is not accepted", body = String,
            content_type = "text/html"),
        (status = 403, description = "Cancelled, or no account", body = String, content_type = "text/html"),
        (status = 404, description = "No such provider", body = String, content_type = "text/html"),
        (status = 429, description = "Too many failures; see `Retry-After`", body = String, content_type = "text/html"),
        (status = 503, description = "The provider does not answer", body = String, content_type = "text/html"),
    ))]
pub(crate) async fn finish_provider_sign_in(
    call: ConsoleCall,
    path: ProviderPath,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let provider = match find_provider(&call, path) {
        Ok(provider) => provider,
        Err(failure) => return failure.to_page(&call, &headers),
    };
    let answer = ProviderAnswer::parse(query.as_deref().unwrap_or_default());
    let finished = finish_counted(&call, &provider, &answer, &headers).await;
    match finished.and_then(|finished| answer_finished(&call, &finished, &headers)) {
        Ok(response) => response,
        Err(failure) => {
            let step = format!("{}, {}", provider.settings.id, failure.problem.word());
            match call.audit_failure(failure.user, &step).await {
                Ok(()) => failure.to_page(&call, &headers),
                Err(error) => SignInFailure::from(error).to_page(&call, &headers),
            }
        }
    }
}

fn answer_finished(
    call: &ConsoleCall,
    finished: &FinishedSignIn,
    headers: &HeaderMap,
) -> Result<Response, SignInFailure> {
    let cookies: [HeaderValue; 2] = [call.cookie_of(&finished.token)?, set_sign_in_cookie(&call.app, None)?];
    let mut response = continue_page(&finished.return_to, headers);
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Ends a sign-in, and counts its failure for the address. A request without the cookie tries nothing, so it is not counted:
/// otherwise any site could have its visitors locked out.
async fn finish_counted(
    call: &ConsoleCall,
    provider: &OidcProvider,
    answer: &ProviderAnswer,
    headers: &HeaderMap,
) -> Result<FinishedSignIn, SignInFailure> {
    let secret = find_sign_in_secret(&call.app, headers).ok_or(SignInProblem::NotBegun)?;
    let attempt = call.begin_attempt(&format!("provider sign-ins at {}", call.address_text()));
    let attempt = attempt.map_err(|_| SignInProblem::TooMany)?;
    let finished = finish_answer(call, provider, answer, &secret).await;
    match &finished {
        Err(failure) if failure.problem.is_counted() => attempt.fail(&*call.app.store, call.now()).await,
        Err(_) => attempt.pass(),
        Ok(_) => attempt.complete(),
    }
    finished
}

/// The sign-in is taken before anything is done with the answer: it counts once.
async fn finish_answer(
    call: &ConsoleCall,
    provider: &OidcProvider,
    answer: &ProviderAnswer,
    secret: &SignInSecret,
) -> Result<FinishedSignIn, SignInFailure> {
    let now = call.now();
    if !answer.state.as_deref().is_some_and(|state| secret.has_state(state)) {
        return Err(SignInProblem::NotBegun.into());
    }
    let taken = call.app.console.take_sign_in(secret.record_id(), now).await?;
    let begun = taken.filter(|taken| taken.provider == provider.settings.id).ok_or(SignInProblem::NotBegun)?;
    let metadata = provider.metadata(now).await?;
    answer.check_issuer(&metadata.issuer, metadata.names_issuer)?;
    let code = answer.read_code()?;
    let redirect_uri = redirect_uri(call, provider);
    let code = CodeToExchange { code, secret, redirect_uri: &redirect_uri, begun: begun.begun };
    let person = provider.exchange_code(&code, now).await?;
    finish_sign_in(ReturnedSignIn { call, provider, begun: &begun, person: &person, now }).await
}

/// The parameters that a provider sends back. One that comes twice is none.
#[derive(Default)]
struct ProviderAnswer {
    state: Option<String>,
    code: Option<String>,
    issuer: Option<String>,
    error: Option<String>,
}

impl ProviderAnswer {
    fn parse(query: &str) -> Self {
        let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
        let only = |name: &str| {
            let mut values = pairs.iter().filter(|(own, _)| own == name).map(|(_, value)| value.to_string());
            values.next().filter(|_| values.next().is_none())
        };
        Self { state: only("state"), code: only("code"), issuer: only("iss"), error: only("error") }
    }

    /// The answer is of that issuer: another provider's would be a mix-up (RFC 9207 §2.4).
    fn check_issuer(&self, issuer: &str, is_required: bool) -> Result<(), SignInFailure> {
        let is_right = match &self.issuer {
            Some(named) => named == issuer,
            None => !is_required,
        };
        if is_right {
            return Ok(());
        }
        let cause = ProviderError::failed("the answer in the browser is of another issuer (iss)");
        Err(SignInFailure::from(SignInProblem::BadAnswer).caused_by(cause))
    }

    fn read_code(&self) -> Result<&str, SignInFailure> {
        if let Some(error) = self.error.as_deref() {
            let cause = ProviderError::refused(303, keep_plain_code(error));
            let problem = match error {
                "access_denied" | "login_required" | "interaction_required" | "consent_required" => {
                    return Err(SignInProblem::Cancelled.into());
                }
                "server_error" | "temporarily_unavailable" => SignInProblem::ProviderDown,
                _ => SignInProblem::ProviderRefuses,
            };
            return Err(SignInFailure::from(problem).caused_by(cause));
        }
        let code = self.code.as_deref().filter(|code| (1..=MAX_CODE).contains(&code.len()));
        code.ok_or_else(|| SignInProblem::BadAnswer.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameter_that_comes_twice_is_none() {
        let answer = ProviderAnswer::parse("state=a&code=c%20d&code=e&iss=https%3A%2F%2Fa.example&error=");
        assert_eq!((answer.state.as_deref(), answer.code.as_deref()), (Some("a"), None));
        assert!(answer.check_issuer("https://a.example", true).is_ok());
        assert!(answer.check_issuer("https://b.example", false).is_err());
        let unnamed = ProviderAnswer::default();
        assert!(unnamed.check_issuer("x", false).is_ok() && unnamed.check_issuer("x", true).is_err());
    }
}

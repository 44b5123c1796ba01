//! A sign-in with a provider that did not work: the problem, and the cause that only the log sees.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;

use super::super::console_call::ConsoleCall;
use crate::domain::console::oidc::problem::SignInProblem;
use crate::domain::console::oidc::return_path::CONSOLE_HOME;
use crate::http::error::{ApiError, ErrorCause, RefusalKind};
use crate::http::guard::console_session::set_sign_in_cookie;
use crate::http::pages::sign_in_page::problem_page;
use crate::providers::http_call::ProviderError;
use crate::providers::oidc::ExchangeError;
use crate::records::id::RecordId;
use crate::store::StoreError;

/// How long to wait when the problem does not say it, in seconds.
const RETRY_SECONDS: u64 = 60;

/// Why a sign-in did not work.
pub(super) struct SignInFailure {
    pub(super) problem: SignInProblem,
    /// Whose sign-in it was, if that is known.
    pub(super) user: Option<RecordId>,
    cause: Option<ErrorCause>,
}

impl From<SignInProblem> for SignInFailure {
    fn from(problem: SignInProblem) -> Self {
        Self { problem, user: None, cause: None }
    }
}

impl From<StoreError> for SignInFailure {
    fn from(error: StoreError) -> Self {
        Self::from(SignInProblem::Unavailable).caused_by(error)
    }
}

impl From<ApiError> for SignInFailure {
    fn from(error: ApiError) -> Self {
        // Only a header that cannot be written gets here.
        drop(error);
        Self::from(SignInProblem::Unavailable)
    }
}

impl From<ProviderError> for SignInFailure {
    fn from(error: ProviderError) -> Self {
        let problem = match &error {
            // A code that was used or has expired.
            ProviderError::Refused { code, .. } if code == "invalid_grant" => SignInProblem::BadAnswer,
            ProviderError::Refused { status, .. } if *status < 500 => SignInProblem::ProviderRefuses,
            ProviderError::Denied(_) | ProviderError::MissingSetting(_) => SignInProblem::ProviderRefuses,
            _ => SignInProblem::ProviderDown,
        };
        Self::from(problem).caused_by(error)
    }
}

impl From<ExchangeError> for SignInFailure {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::Provider(error) => error.into(),
            ExchangeError::Token(_) => Self::from(SignInProblem::BadAnswer).caused_by(error),
            ExchangeError::Clock(_) => Self::from(SignInProblem::Clock).caused_by(error),
        }
    }
}

impl SignInFailure {
    pub(super) fn caused_by(self, cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self { cause: Some(ErrorCause(Arc::new(cause))), ..self }
    }

    pub(super) fn of_user(self, user: RecordId) -> Self {
        Self { user: Some(user), ..self }
    }

    /// The page that says what went wrong. Nothing of the sign-in is left in the browser, unless it never was this browser's.
    pub(super) fn to_page(&self, call: &ConsoleCall, request_headers: &HeaderMap) -> Response {
        let mut response = problem_page(self.problem, CONSOLE_HOME, request_headers);
        if self.problem != SignInProblem::NotBegun
            && let Ok(cookie) = set_sign_in_cookie(&call.app, None)
        {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        if matches!(response.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_SECONDS));
        }
        if self.problem == SignInProblem::TooMany {
            response.extensions_mut().insert(RefusalKind::Guesses);
        }
        if let Some(cause) = &self.cause {
            response.extensions_mut().insert(cause.clone());
        }
        response
    }

    /// The same as an API error, for the console's page.
    pub(super) fn into_api_error(self) -> ApiError {
        let error = match self.problem {
            SignInProblem::TooMany => ApiError::new(StatusCode::TOO_MANY_REQUESTS, "Too many sign-ins")
                .with_message("Too many sign-ins with a provider are under way; try again when Retry-After has passed")
                .retry_after(RETRY_SECONDS)
                .with_kind(RefusalKind::Guesses),
            SignInProblem::UnknownProvider => {
                ApiError::not_found("Provider not found", "GET /api/console/state lists the providers")
            }
            SignInProblem::ProviderRefuses => {
                ApiError::unavailable("The sign-in service cannot be used; the log of the server says why")
            }
            SignInProblem::ProviderDown => ApiError::unavailable("The sign-in service does not answer; try again"),
            _ => ApiError::unavailable("The server cannot do this now; try again"),
        };
        match self.cause {
            Some(cause) => error.with_shared_cause(cause),
            None => error,
        }
    }
}

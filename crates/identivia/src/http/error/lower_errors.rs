//! The answers to errors of stores, files and providers. Their causes go to the log only.

use axum::http::StatusCode;

use super::ApiError;
use crate::files::FilesError;
use crate::providers::http_call::ProviderError;
use crate::providers::liveness::sessions::SessionError;
use crate::store::StoreError;

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::BadCursor => {
                Self::bad_request("Invalid cursor", "Use next_cursor of the page before, unchanged")
            }
            StoreError::Refused(why) => Self::bad_request("The record store refuses this", why),
            StoreError::Full => out_of_space().with_cause(error),
            StoreError::Busy | StoreError::Broken => {
                Self::unavailable("The database cannot write now; try again").with_cause(error)
            }
            StoreError::Unavailable(_) => {
                Self::unavailable("The records cannot be reached now; try again").retry_after(5).with_cause(error)
            }
            StoreError::Failed(_) => Self::internal(error),
        }
    }
}

impl ApiError {
    /// The answer for a provider's failure. Only the log gets its cause.
    #[must_use]
    pub fn from_provider(provider: &'static str, advice: &'static str, error: ProviderError) -> Self {
        match &error {
            ProviderError::Denied(_) => {
                Self::new(StatusCode::FORBIDDEN, format!("{provider} denies access")).with_message(advice)
            }
            ProviderError::Busy => Self::unavailable("The server is busy; try again"),
            ProviderError::Overloaded(seconds) => {
                Self::unavailable("The server has too much work; try again when Retry-After has passed")
                    .retry_after(*seconds)
            }
            ProviderError::RateLimited(seconds) => {
                let message = format!("{provider} limits requests; try again when Retry-After has passed");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "Service unavailable")
                    .with_message(message)
                    .retry_after(*seconds)
            }
            ProviderError::MissingSetting(why) => {
                Self::new(StatusCode::NOT_IMPLEMENTED, "Not configured").with_message(*why)
            }
            ProviderError::Timeout | ProviderError::Refused { .. } | ProviderError::Failed(_) => {
                Self::new(StatusCode::BAD_GATEWAY, format!("{provider} failed")).with_message(advice)
            }
        }
        .with_cause(error)
    }
}

impl From<SessionError> for ApiError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Provider(ProviderError::Denied(action)) => {
                Self::forbidden("AWS access denied", "The operator's AWS keys lack a permission; the log names it")
                    .with_cause(ProviderError::Denied(action))
            }
            SessionError::Provider(error) => Self::from_provider("Liveness provider", "Try again", error),
            SessionError::Store(error) => error.into(),
            SessionError::Files(error) => error.into(),
        }
    }
}

impl From<FilesError> for ApiError {
    fn from(error: FilesError) -> Self {
        match error {
            FilesError::Full => out_of_space().with_cause(error),
            FilesError::Broken => {
                Self::unavailable("Files cannot be stored until the operator restarts the server").with_cause(error)
            }
            FilesError::Busy => Self::unavailable("The server is busy; try again").with_cause(error),
            FilesError::Unavailable(_) | FilesError::WrongStore(_) => {
                Self::unavailable("The files cannot be reached now; try again").retry_after(5).with_cause(error)
            }
            FilesError::Store(error) => error.into(),
            FilesError::Failed(_) | FilesError::Gone | FilesError::UnfitPicture(_) => Self::internal(error),
        }
    }
}

fn out_of_space() -> ApiError {
    ApiError::new(StatusCode::INSUFFICIENT_STORAGE, "Out of storage")
        .with_message("Nothing was stored; try again once the operator has made room")
}

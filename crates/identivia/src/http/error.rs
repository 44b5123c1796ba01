//! What a caller may be told when something is wrong, and every conversion into it. Causes go to the log, never out.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::files::FilesError;
use crate::providers::http_call::ProviderError;
use crate::providers::liveness::sessions::SessionError;
use crate::store::StoreError;

type Text = Cow<'static, str>;

/// A refusal: its status, its body and the headers that go with it. Boxed, so that it is small where all goes well.
#[derive(Debug)]
pub struct ApiError(Box<Refusal>);

#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    body: ErrorBody,
    headers: Vec<(header::HeaderName, HeaderValue)>,
    cause: Option<Cause>,
}

/// The body of every error.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Error)]
pub struct ErrorBody {
    /// What is wrong, in a short sentence or in RFC 6749's word for it.
    #[schema(value_type = String)]
    pub error: Text,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub message: Option<Text>,
    /// The same for OAuth clients (RFC 6749 §5.2); at the token endpoint only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub error_description: Option<Text>,
    /// The names of what is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required: Option<Vec<&'static str>>,
    /// Each wrong field, and what is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<BTreeMap<&'static str, String>>,
}

/// Why a request failed, for the log line of that request.
#[derive(Clone, Debug)]
pub struct Cause(pub Arc<dyn std::error::Error + Send + Sync>);

impl ApiError {
    /// A refusal with that status and sentence.
    #[must_use]
    pub fn new(status: StatusCode, error: impl Into<Text>) -> Self {
        let body =
            ErrorBody { error: error.into(), message: None, error_description: None, required: None, fields: None };
        Self(Box::new(Refusal { status, body, headers: Vec::new(), cause: None }))
    }

    /// 400 with a sentence and what to do.
    #[must_use]
    pub fn bad_request(error: impl Into<Text>, message: impl Into<Text>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error).advice(message)
    }

    /// 400 that names everything that is missing.
    #[must_use]
    pub fn missing(required: Vec<&'static str>) -> Self {
        let mut refusal = Self::new(StatusCode::BAD_REQUEST, "Missing required fields");
        refusal.0.body.required = Some(required);
        refusal
    }

    /// 400 that says what is wrong with each field.
    #[must_use]
    pub fn invalid(fields: BTreeMap<&'static str, String>) -> Self {
        let mut refusal = Self::new(StatusCode::BAD_REQUEST, "Invalid fields");
        refusal.0.body.fields = Some(fields);
        refusal
    }

    /// 401 without a usable bearer token.
    #[must_use]
    pub fn missing_token() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Missing bearer token")
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// 401 for a token that is not in order. Why is not told.
    #[must_use]
    pub fn invalid_token() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Invalid or expired token")
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"invalid_token\""))
    }

    /// 403 for a token that lacks a scope, with the challenge of RFC 6750 §3.1.
    #[must_use]
    pub fn insufficient_scope(scope: &'static str) -> Self {
        let mut refusal = Self::new(StatusCode::FORBIDDEN, "Insufficient scope");
        refusal.0.body.required = Some(vec![scope]);
        let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
        match HeaderValue::from_str(&challenge) {
            Ok(challenge) => refusal.header(header::WWW_AUTHENTICATE, challenge),
            Err(_) => refusal,
        }
    }

    /// 403 for what the caller may not do whatever its scopes.
    #[must_use]
    pub fn forbidden(error: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, error).advice(message)
    }

    /// The 404 for a profile that is not there, or not the caller's: the same bytes for both.
    #[must_use]
    pub fn no_profile() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Identivia record not found").advice("Invalid or expired ID")
    }

    /// Another 404.
    #[must_use]
    pub fn not_found(error: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, error).advice(message)
    }

    /// 409: the request does not fit what stands now.
    #[must_use]
    pub fn conflict(error: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::CONFLICT, error).advice(message)
    }

    /// 413: more than is taken, with the limit in words.
    #[must_use]
    pub fn too_large(message: impl Into<Text>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "Request is too large").advice(message)
    }

    /// 415: a body of the wrong kind.
    #[must_use]
    pub fn unsupported_type(message: &'static str) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported content type").advice(message)
    }

    /// 501: a service that is not configured.
    #[must_use]
    pub fn not_configured(error: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, error).advice(message)
    }

    /// 503 with the seconds after which to try again.
    #[must_use]
    pub fn unavailable(message: &'static str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Service unavailable").advice(message).retry_after(1)
    }

    /// 500: our fault. The caller gets the request id to report, the log gets the cause.
    #[must_use]
    pub fn internal(cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error")
            .advice("The request failed on our side; report it with the X-Request-Id of this answer")
            .because(cause)
    }

    /// An error of the token endpoint, in RFC 6749 §5.2's form.
    #[must_use]
    pub fn oauth(status: StatusCode, code: &'static str, message: impl Into<Text>) -> Self {
        let mut refusal = Self::new(status, code).advice(message);
        refusal.0.body.error_description.clone_from(&refusal.0.body.message);
        refusal
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn advice(mut self, message: impl Into<Text>) -> Self {
        self.0.body.message = Some(message.into());
        self
    }

    /// Adds the names of what is missing.
    #[must_use]
    pub fn requiring(mut self, names: Vec<&'static str>) -> Self {
        self.0.body.required = Some(names);
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// Adds `Retry-After`, in seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// Adds the cause, which only the log sees.
    #[must_use]
    pub fn because(mut self, cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.0.cause = Some(Cause(Arc::new(cause)));
        self
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.0.status, Json(self.0.body)).into_response();
        for (name, value) in self.0.headers {
            response.headers_mut().insert(name, value);
        }
        if let Some(cause) = self.0.cause {
            response.extensions_mut().insert(cause);
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::BadCursor => {
                Self::bad_request("Invalid cursor", "Use next_cursor of the page before, unchanged")
            }
            StoreError::Refused(why) => Self::bad_request("The record store refuses this", why),
            StoreError::Full => out_of_space().because(error),
            StoreError::Busy | StoreError::Broken => {
                Self::unavailable("The database does not take this now; try again").because(error)
            }
            StoreError::Unavailable(_) => {
                Self::unavailable("The records cannot be reached now; try again").retry_after(5).because(error)
            }
            StoreError::Failed(_) => Self::internal(error),
        }
    }
}

impl ApiError {
    /// What a caller is told of a provider that did not do its part: its cause is the log's alone.
    #[must_use]
    pub fn of_provider(provider: &'static str, advice: &'static str, error: ProviderError) -> Self {
        match &error {
            ProviderError::Denied(_) => {
                Self::new(StatusCode::FORBIDDEN, format!("{provider} denies access")).advice(advice)
            }
            ProviderError::Busy => Self::unavailable("Too much is going on; try again"),
            ProviderError::Throttled(seconds) => {
                let message = format!("{provider} asks for patience; try again when Retry-After has passed");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "Service unavailable").advice(message).retry_after(*seconds)
            }
            ProviderError::Unset(why) => Self::new(StatusCode::NOT_IMPLEMENTED, "Not configured").advice(*why),
            ProviderError::TooLate | ProviderError::Refused { .. } | ProviderError::Failed(_) => {
                Self::new(StatusCode::BAD_GATEWAY, format!("{provider} failed")).advice(advice)
            }
        }
        .because(error)
    }
}

impl From<SessionError> for ApiError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Provider(ProviderError::Denied(action)) => {
                Self::forbidden("AWS access denied", "The operator's AWS keys lack a permission; the log names it")
                    .because(ProviderError::Denied(action))
            }
            SessionError::Provider(error) => Self::of_provider("Liveness provider", "Try again", error),
            SessionError::Store(error) => error.into(),
            SessionError::Files(error) => error.into(),
        }
    }
}

impl From<FilesError> for ApiError {
    fn from(error: FilesError) -> Self {
        match error {
            FilesError::Full => out_of_space().because(error),
            FilesError::Broken => {
                Self::unavailable("Files cannot be stored until the operator has looked").because(error)
            }
            FilesError::Busy => Self::unavailable("Too much is going on; try again").because(error),
            FilesError::Unavailable(_) => {
                Self::unavailable("The files cannot be reached now; try again").retry_after(5).because(error)
            }
            FilesError::Store(error) => error.into(),
            FilesError::Failed(_) | FilesError::Gone => Self::internal(error),
        }
    }
}

fn out_of_space() -> ApiError {
    ApiError::new(StatusCode::INSUFFICIENT_STORAGE, "Out of storage")
        .advice("Nothing was stored; try again once the operator has made room")
}

/// The answer for a path that does not exist.
pub(crate) async fn unknown_path() -> ApiError {
    ApiError::not_found("Not found", "There is nothing at this path; the API is described at /docs")
}

/// The answer for a method that the path does not have.
pub(crate) async fn method_not_allowed() -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
        .advice("Use a method that the Allow header names")
}

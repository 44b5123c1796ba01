//! API errors: status, body and headers of every refusal, and the conversions from lower errors. Causes go to the log only.

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
use crate::records::id::RecordId;
use crate::records::outbox_event::EventId;
use crate::records::time::Millis;
use crate::store::StoreError;

type Text = Cow<'static, str>;

/// A refusal: status, body and headers. Boxed, so that a successful result stays small.
#[derive(Debug)]
pub struct ApiError(Box<ErrorParts>);

#[derive(Debug)]
struct ErrorParts {
    status: StatusCode,
    body: ErrorBody,
    headers: Vec<(header::HeaderName, HeaderValue)>,
    cause: Option<ErrorCause>,
    kind: Option<RefusalKind>,
}

/// The body of every error.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiError)]
pub struct ErrorBody {
    /// What is wrong, in a short sentence or in RFC 6749's word for it.
    #[schema(value_type = String)]
    pub error: Text,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub message: Option<Text>,
    /// The same for OAuth clients (RFC 6749 §5.2); at the token endpoint only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub error_description: Option<Text>,
    /// A word for programs, where the sentence alone would not do.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub code: Option<&'static str>,
    /// The names of what is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub required: Option<Vec<&'static str>>,
    /// Each wrong field, and what is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub fields: Option<BTreeMap<&'static str, String>>,
    /// Who holds the review, and until when, where another one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub holder: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub until: Option<Millis>,
    /// The version of what was to be changed, where another one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub version: Option<u64>,
    /// The newest verification record, where a decision named another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub verification: Option<RecordId>,
    /// The oldest event that is kept, where an older one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub oldest: Option<EventId>,
}

/// Why a request failed, for its log line.
#[derive(Clone, Debug)]
pub struct ErrorCause(pub Arc<dyn std::error::Error + Send + Sync>);

/// What a refusal says, for its log line: its code, and the names of fields or scopes. No value is in it.
#[derive(Clone, Debug)]
pub struct RefusalCode {
    code: Option<&'static str>,
    sentence: Text,
    names: Vec<&'static str>,
}

impl RefusalCode {
    /// The code: the word for programs, else the sentence as a word.
    pub(crate) fn word(&self) -> String {
        self.code.map_or_else(|| to_code(&self.sentence), str::to_owned)
    }

    /// The names of fields or scopes; `None` where there are none.
    pub(crate) fn field_names(&self) -> Option<String> {
        (!self.names.is_empty()).then(|| self.names.join(","))
    }
}

/// The code of an error: its sentence in lower case, with `_` between the words.
pub(crate) fn to_code(sentence: &str) -> String {
    let words = sentence.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("_").to_ascii_lowercase()
}

/// Why a request was refused that may be well formed, for its log line and for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// Too many connections.
    Connections,
    /// Too many bodies under way, or too many bytes of them.
    Bodies,
    /// The budget of processor time is used up.
    EngineTime,
    /// A quota of a provider's calls is used up.
    Quota,
    /// Too many wrong secrets or codes.
    Guesses,
    /// A link has written after it has submitted or after the decision, or has claimed what is a reviewer's.
    LateWrite,
}

impl RefusalKind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Connections, Self::Bodies, Self::EngineTime, Self::Quota, Self::Guesses, Self::LateWrite];

    /// Its word in logs and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Bodies => "bodies",
            Self::EngineTime => "engine_time",
            Self::Quota => "quota",
            Self::Guesses => "guesses",
            Self::LateWrite => "late_write",
        }
    }
}

impl ApiError {
    /// A refusal with that status and sentence.
    #[must_use]
    pub fn new(status: StatusCode, error: impl Into<Text>) -> Self {
        let body = ErrorBody {
            error: error.into(),
            message: None,
            error_description: None,
            code: None,
            required: None,
            fields: None,
            holder: None,
            until: None,
            version: None,
            verification: None,
            oldest: None,
        };
        Self(Box::new(ErrorParts { status, body, headers: Vec::new(), cause: None, kind: None }))
    }

    /// 400 with a sentence and what to do.
    #[must_use]
    pub fn bad_request(error: impl Into<Text>, message: impl Into<Text>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error).with_message(message)
    }

    /// 400 that names everything that is missing.
    #[must_use]
    pub fn missing_fields(required: Vec<&'static str>) -> Self {
        let mut refusal = Self::new(StatusCode::BAD_REQUEST, "Missing required fields");
        refusal.0.body.required = Some(required);
        refusal
    }

    /// 400 that says what is wrong with each field.
    #[must_use]
    pub fn invalid_fields(fields: BTreeMap<&'static str, String>) -> Self {
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

    /// 401 for an invalid token. The answer is the same for every fault.
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

    /// 401 for a request without a session of the console that has not ended.
    #[must_use]
    pub fn not_signed_in() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Not signed in")
            .with_message("Sign in to the console again")
            .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Session"))
    }

    /// 403 for a person at the console whose role lacks a permission.
    #[must_use]
    pub fn insufficient_permission(permission: &'static str) -> Self {
        Self::forbidden("Not permitted", "Your role does not permit this").with_required(vec![permission])
    }

    /// 403 for a change for which a person must show their second factor again.
    #[must_use]
    pub fn step_up_required() -> Self {
        Self::forbidden("Confirm it is you", "Send a code to POST /api/console/step_up, then try again")
            .with_code("step_up_required")
    }

    /// 403 for an action that no scope permits.
    #[must_use]
    pub fn forbidden(error: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, error).with_message(message)
    }

    /// 403 for a client that calls from an address that it is not allowed to call from.
    #[must_use]
    pub fn foreign_address() -> Self {
        Self::forbidden(
            "Not allowed from this address",
            "Call from one of the client's allowed_addresses, or have an operator add this one",
        )
    }

    /// 404 for a profile that does not exist or is not the caller's: the same bytes for both.
    #[must_use]
    pub fn profile_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Identivia record not found").with_message("Invalid or expired ID")
    }

    /// Another 404.
    #[must_use]
    pub fn not_found(error: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, error).with_message(message)
    }

    /// 404 for a path without a route.
    #[must_use]
    pub fn unknown_path() -> Self {
        Self::not_found("Not found", "There is nothing at this path; the API is described at /docs")
    }

    /// 405 for a path that does not have the request's method.
    #[must_use]
    pub fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
            .with_message("Use a method that the Allow header names")
    }

    /// 400 for a liveness session that cannot serve this record: unknown, expired and another profile's give the same
    /// answer.
    #[must_use]
    pub fn invalid_session() -> Self {
        Self::bad_request(
            "Invalid liveness session",
            "The session is unknown, expired or not this profile's; make a new one",
        )
    }

    /// 400 for a status record that names a verification record of another profile.
    #[must_use]
    pub fn unknown_verification() -> Self {
        Self::invalid_fields([("verification", "is no verification record of this profile".to_owned())].into())
    }

    /// 409 for a write of a link after its verification record.
    #[must_use]
    pub fn already_submitted() -> Self {
        Self::conflict("Already submitted", "This link writes again once another try is asked for")
            .with_kind(RefusalKind::LateWrite)
    }

    /// 409 for a decision about a verification record that is not the newest, with the newest.
    #[must_use]
    pub fn evidence_changed(newest: Option<RecordId>) -> Self {
        let mut refusal = Self::conflict(
            "Evidence has changed",
            "Review the newest verification record, and name it in the decision",
        );
        refusal.0.body.verification = newest;
        refusal
    }

    /// 409 for a liveness session that has served a record.
    #[must_use]
    pub fn session_used() -> Self {
        Self::conflict("Liveness session already used", "Each session serves one record; make a new one")
    }

    /// 409: the request does not fit the current state.
    #[must_use]
    pub fn conflict(error: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::CONFLICT, error).with_message(message)
    }

    /// 413, with the limit in words.
    #[must_use]
    pub fn too_large(message: impl Into<Text>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "Request is too large").with_message(message)
    }

    /// 415: a body of the wrong kind.
    #[must_use]
    pub fn unsupported_type(message: &'static str) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported content type").with_message(message)
    }

    /// 501: a service that is not configured.
    #[must_use]
    pub fn not_configured(error: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, error).with_message(message)
    }

    /// 501 where neither AWS nor another liveness provider is configured.
    #[must_use]
    pub fn aws_not_configured() -> Self {
        Self::not_configured(
            "AWS credentials not configured",
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set in environment variables",
        )
    }

    /// 503 with the seconds after which to try again.
    #[must_use]
    pub fn unavailable(message: &'static str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Service unavailable").with_message(message).retry_after(1)
    }

    /// 500: a fault of the server. The caller gets the request id to report, the log gets the cause.
    #[must_use]
    pub fn internal(cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error")
            .with_message("The server failed; report it with the X-Request-Id of this answer")
            .with_cause(cause)
    }

    /// An error of the token endpoint, in RFC 6749 §5.2's form.
    #[must_use]
    pub fn oauth_error(status: StatusCode, code: &'static str, message: impl Into<Text>) -> Self {
        let mut refusal = Self::new(status, code).with_message(message);
        refusal.0.body.error_description.clone_from(&refusal.0.body.message);
        refusal
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<Text>) -> Self {
        self.0.body.message = Some(message.into());
        self
    }

    /// Adds a word for programs.
    #[must_use]
    pub fn with_code(mut self, code: &'static str) -> Self {
        self.0.body.code = Some(code);
        self
    }

    /// Adds who holds a review, and until when.
    #[must_use]
    pub fn with_holder(mut self, holder: String, until: Option<Millis>) -> Self {
        (self.0.body.holder, self.0.body.until) = (Some(holder), until);
        self
    }

    /// Adds the version of what was to be changed.
    #[must_use]
    pub fn with_version(mut self, version: u64) -> Self {
        self.0.body.version = Some(version);
        self
    }

    /// Says whether another caller was first to claim or to change a review.
    pub(crate) fn is_lost_race(&self) -> bool {
        matches!(self.0.body.code, Some("review_claimed" | "review_changed" | "wrong_state"))
    }

    /// Adds the names of what is missing.
    #[must_use]
    pub fn with_required(mut self, names: Vec<&'static str>) -> Self {
        self.0.body.required = Some(names);
        self
    }

    /// Adds the oldest event that is kept.
    #[must_use]
    pub fn with_oldest_event(mut self, oldest: Option<EventId>) -> Self {
        self.0.body.oldest = oldest;
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

    /// Adds the kind of the refusal, for its log line and for metrics.
    #[must_use]
    pub fn with_kind(mut self, kind: RefusalKind) -> Self {
        self.0.kind = Some(kind);
        self
    }

    /// Adds the cause, which only the log sees.
    #[must_use]
    pub fn with_cause(mut self, cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.0.cause = Some(ErrorCause(Arc::new(cause)));
        self
    }

    /// The same with a cause that is shared.
    pub(crate) fn with_shared_cause(mut self, cause: ErrorCause) -> Self {
        self.0.cause = Some(cause);
        self
    }
}

impl ApiError {
    /// Says whether it refuses a caller without usable credentials.
    pub(crate) fn is_unauthenticated(&self) -> bool {
        self.0.status == StatusCode::UNAUTHORIZED
    }
}

#[cfg(test)]
impl ApiError {
    /// The status, for tests.
    pub(crate) fn status(&self) -> StatusCode {
        self.0.status
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let names = self.0.body.required.iter().flatten().chain(self.0.body.fields.iter().flat_map(BTreeMap::keys));
        let refusal = RefusalCode {
            code: self.0.body.code,
            sentence: self.0.body.error.clone(),
            names: names.copied().collect(),
        };
        let mut response = (self.0.status, Json(self.0.body)).into_response();
        response.extensions_mut().insert(refusal);
        for (name, value) in self.0.headers {
            response.headers_mut().insert(name, value);
        }
        if let Some(cause) = self.0.cause {
            response.extensions_mut().insert(cause);
        }
        if let Some(kind) = self.0.kind {
            response.extensions_mut().insert(kind);
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

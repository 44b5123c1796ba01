//! API errors: status, body and headers of every refusal.

mod body;
mod lower_errors;
mod named_refusals;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use self::body::Text;
pub(crate) use self::body::to_code;
pub use self::body::{ErrorBody, ErrorCause, RefusalCode, RefusalKind};
use crate::records::outbox_event::EventId;
use crate::records::time::Millis;

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

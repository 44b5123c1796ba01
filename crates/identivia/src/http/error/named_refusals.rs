//! The refusals that several endpoints give, each with its status, sentence and remedy.

use std::collections::BTreeMap;

use axum::http::{HeaderValue, StatusCode, header};

use super::ApiError;
use super::body::{RefusalKind, Text};
use crate::records::id::RecordId;

impl ApiError {
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
}

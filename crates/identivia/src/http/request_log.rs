//! The log line of each request: method, the route's template, status, time, caller, profile, and the code of a refusal with the
//! names of the fields. Nothing of it is a caller's text.

use std::time::Duration;

use axum::body::Body;
use axum::extract::MatchedPath;
use axum::http::{Method, Request, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use crate::http::error::{ErrorCause, RefusalCode, RefusalKind};
use crate::records::id::RecordId;

/// The routes whose `{id}` is that of a profile.
const PROFILE_ROUTES: [&str; 4] =
    ["/api/profiles/{id}", "/api/verification_history/{id}", "/api/status_history/{id}", "/api/flow/{id}"];

/// Adds the route's template to the answer: the middleware before the router logs it.
pub(crate) async fn remember_route_template(request: Request<Body>, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    if let Some(path) = path {
        response.extensions_mut().insert(path);
    }
    response
}

/// The template of the matched route, for logs and metrics: a path itself can hold anything.
pub(super) fn route_template(response: &Response) -> &str {
    response.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str)
}

/// Who has made a request, for its log line: ids, and nothing that a caller wrote.
#[derive(Clone)]
pub(crate) struct LoggedCaller {
    /// The kind of caller and its id.
    pub(crate) caller: String,
    /// The profile of the link, or the one that the path names.
    pub(crate) profile: Option<RecordId>,
}

/// A request that was answered.
pub(super) struct RequestLine<'a> {
    pub(super) method: &'static str,
    pub(super) route: &'a str,
    pub(super) took: Duration,
    pub(super) id: &'a str,
    pub(super) address: Option<&'a str>,
}

/// The profile that a path names, by the route's template. An id of a profile is no caller's text.
pub(crate) fn profile_of_path(template: &str, path: &str) -> Option<RecordId> {
    let is_about_profile = PROFILE_ROUTES.iter().any(|route| template.starts_with(route));
    let place = template.split('/').position(|part| part == "{id}").filter(|_| is_about_profile)?;
    path.split('/').nth(place).and_then(RecordId::parse)
}

/// Writes the log line of a request. Refusals are no warnings: a caller could fill the log. What is unavailable has one
/// warning of its own.
pub(super) fn log_request(line: &RequestLine<'_>, response: &Response) {
    let RequestLine { method, route, took, id, address } = *line;
    let status = response.status().as_u16();
    let duration_ms = (took.as_secs_f64() * 1e6).round() / 1e3;
    let caller = response.extensions().get::<LoggedCaller>();
    // A path to no profile can hold anything.
    let profile = caller.and_then(|caller| caller.profile).filter(|_| status != 404).map(|id| id.to_string());
    let (caller, profile) = (caller.map(|caller| caller.caller.as_str()), profile.as_deref());
    let refused = response.extensions().get::<RefusalKind>().map(|kind| kind.word());
    let refusal = response.extensions().get::<RefusalCode>();
    let (code, fields) = (refusal.map(RefusalCode::word), refusal.and_then(RefusalCode::field_names));
    let (code, fields) = (code.as_deref(), fields.as_deref());
    let cause = find_cause(response);
    let cause = cause.as_deref();
    if status == 500 {
        tracing::error!(
            request.id = id,
            method,
            route,
            status,
            duration_ms,
            caller,
            profile,
            address,
            code,
            cause,
            "request failed"
        );
        return;
    }
    let message = match (cause, refused.or(code)) {
        (Some(_), _) => "request not served",
        (None, Some(_)) => "request refused",
        (None, None) => "request",
    };
    tracing::info!(
        message,
        request.id = id,
        method,
        route,
        status,
        duration_ms,
        caller,
        profile,
        address,
        refused,
        code,
        fields,
        cause
    );
}

/// Why a request was not served, where its operator should know.
fn find_cause(response: &Response) -> Option<String> {
    let status = response.status();
    match response.extensions().get::<ErrorCause>() {
        Some(ErrorCause(cause)) => Some(cause.to_string()),
        None => (status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED).then(String::new),
    }
}

/// The name of a known method. Other methods are text of the caller's and must not enter a log.
pub(super) fn method_name(method: &Method) -> &'static str {
    let known = ["GET", "POST", "PATCH", "PUT", "DELETE", "OPTIONS", "HEAD"];
    known.into_iter().find(|name| method == *name).unwrap_or("OTHER")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_routes_of_profiles_name_a_profile() {
        let of = |template: &str, path: &str| profile_of_path(template, path).map(|id| id.to_string());
        let id = "abc123def456ghi".to_owned();
        assert_eq!(of("/api/profiles/{id}", "/api/profiles/abc123def456ghi"), Some(id.clone()));
        assert_eq!(of("/api/flow/{id}/consent", "/api/flow/abc123def456ghi/consent"), Some(id));
        assert_eq!(of("/api/profiles/{id}", "/api/profiles/Jane Specimen"), None);
        assert_eq!(of("/api/reviews/{id}", "/api/reviews/abc123def456ghi"), None);
        assert_eq!(of("/{id}", "/abc123def456ghi"), None);
    }
}

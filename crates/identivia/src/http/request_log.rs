//! The log line of each request: method, the route's template, status, time. Nothing of it is a caller's text.

use std::time::Duration;

use axum::body::Body;
use axum::extract::MatchedPath;
use axum::http::{Method, Request, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use crate::http::error::{ErrorCause, RefusalKind};

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

/// Writes the log line of a request.
pub(super) fn log_request(method: &'static str, route: &str, response: &Response, took: Duration, id: &str) {
    if let Some(kind) = response.extensions().get::<RefusalKind>() {
        return log_refusal(method, route, response.status(), *kind, id);
    }
    let status = response.status();
    let duration_ms = (took.as_secs_f64() * 1e6).round() / 1e3;
    let code = status.as_u16();
    // A provider's refusal has a cause that the operator can remove.
    if let Some(cause) = find_cause(response) {
        if code == 500 {
            tracing::error!(request.id = id, method, route, status = code, duration_ms, cause, "request failed");
        } else {
            tracing::warn!(request.id = id, method, route, status = code, duration_ms, cause, "request not served");
        }
    } else {
        tracing::info!(request.id = id, method, route, status = code, duration_ms, "request");
    }
}

/// Writes the log line of a request that a limit or a rule has refused. It is no warning: a caller could fill the log.
fn log_refusal(method: &'static str, route: &str, status: StatusCode, kind: RefusalKind, id: &str) {
    let (status, refused) = (status.as_u16(), kind.word());
    tracing::info!(request.id = id, method, route, status, refused, "request refused");
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

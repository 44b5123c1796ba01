//! What every request passes, in and out: its id, CORS, panics, the headers of every answer, one log line, metrics.

use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::MatchedPath;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use http_body::Body as _;
use hyper::body::Incoming;
use tower::Service as _;

use super::connection::accept::Answer;
use super::guard::access::RequestId;
use crate::config::Network;
use crate::http::error::{ApiError, Cause};
use crate::records::id::random_text;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// The longest a caller's own request id may be.
const MAX_REQUEST_ID: usize = 128;
/// The longest a request may take, uploads included. Reading a body has shorter limits of its own.
const PATIENCE: Duration = Duration::from_secs(660);

/// Headers of every answer, unless the answer has its own.
const HEADERS: [(HeaderName, HeaderValue); 7] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; sandbox")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (header::VARY, HeaderValue::from_static("Origin")),
];

/// The address a request came from: the peer's, or what a trusted proxy says.
#[derive(Clone, Copy)]
pub(crate) struct ClientIp(pub(crate) IpAddr);

/// The outermost layer of the service.
#[derive(Clone)]
pub struct Front {
    router: Router,
    shared: Arc<Shared>,
}

struct Shared {
    allowed_origin: HeaderValue,
    trusted_proxies: Vec<Network>,
    /// Whether we are reached by https only, which browsers should then insist on.
    https: bool,
    metrics: bool,
}

impl Front {
    /// Puts the front before a router.
    #[must_use]
    pub fn new(
        router: Router,
        client_url: &str,
        public_url: &str,
        trusted_proxies: Vec<Network>,
        metrics: bool,
    ) -> Self {
        let allowed_origin = HeaderValue::from_str(&origin(client_url)).unwrap_or(HeaderValue::from_static("null"));
        let https = public_url.starts_with("https://");
        Self { router, shared: Arc::new(Shared { allowed_origin, trusted_proxies, https, metrics }) }
    }

    async fn routed(mut self, request: Request<Body>) -> Response {
        let routing = AssertUnwindSafe(self.router.call(request)).catch_unwind();
        match tokio::time::timeout(PATIENCE, routing).await {
            Ok(Ok(Ok(response))) => response,
            Ok(Ok(Err(never))) => match never {},
            // The panic hook has logged where it happened.
            Ok(Err(_)) => ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error")
                .advice("The request failed on our side; report it with the X-Request-Id of this answer")
                .into_response(),
            Err(_) => ApiError::unavailable("The request took too long and was given up").into_response(),
        }
    }
}

impl Answer for Front {
    async fn answer(self, request: hyper::Request<Incoming>, peer: SocketAddr) -> Response {
        let started = Instant::now();
        let read_whole = Arc::new(AtomicBool::new(request.body().is_end_stream()));
        let mut request = request.map(|body| Body::new(Watched { body, read_whole: read_whole.clone() }));
        let id = request_id(request.headers());
        let method = request.method().clone();
        let shared = self.shared.clone();
        let cors = shared.cors(request.headers());
        // The end of a chunked body is the library's to find, so nothing behind it is served.
        let closes = request.headers().contains_key(header::TRANSFER_ENCODING);
        let ip = shared.client_ip(request.headers(), peer);
        request.extensions_mut().insert(RequestId(id.clone()));
        request.extensions_mut().insert(ClientIp(ip));
        let mut response = if is_preflight(&request) { preflight(cors.is_some()) } else { self.routed(request).await };
        let headers = response.headers_mut();
        headers.reserve(HEADERS.len() + 4);
        for (name, value) in HEADERS {
            headers.entry(name).or_insert(value);
        }
        if shared.https {
            let year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
            headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
        }
        if let Some(origin) = cors {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers
                .insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("X-Request-Id, Retry-After"));
        }
        // A body that nobody has read to its end ends the connection, and the caller should know before it sends more.
        if closes || !read_whole.load(Ordering::Relaxed) {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if let Ok(value) = HeaderValue::from_str(&id) {
            headers.insert(REQUEST_ID, value);
        }
        let took = started.elapsed();
        let (method, route) = (method_name(&method), route(&response));
        report(method, route, &response, took, &id);
        if shared.metrics {
            crate::telemetry::count_request(method, route, response.status(), took);
        }
        response
    }
}

/// A request's body that remembers whether it has been read to its end.
struct Watched {
    body: Incoming,
    read_whole: Arc<AtomicBool>,
}

impl http_body::Body for Watched {
    type Data = bytes::Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if matches!(frame, Poll::Ready(None)) || self.body.is_end_stream() {
            self.read_whole.store(true, Ordering::Relaxed);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

impl Shared {
    /// The allowed origin, if it is the one that asks. No other, and never `null`.
    fn cors(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        headers.get(header::ORIGIN).filter(|origin| *origin == self.allowed_origin).cloned()
    }

    /// Walks `X-Forwarded-For` from the right for as long as the addresses are trusted proxies.
    fn client_ip(&self, headers: &HeaderMap, peer: SocketAddr) -> IpAddr {
        let trusted = |address: IpAddr| self.trusted_proxies.iter().any(|network| network.contains(address));
        let mut client = peer.ip().to_canonical();
        if !trusted(client) {
            return client;
        }
        let values: Vec<_> = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok()).collect();
        for entry in values.iter().flat_map(|value| value.split(',')).rev() {
            let Ok(address) = entry.trim().parse::<IpAddr>() else { break };
            client = address.to_canonical();
            if !trusted(client) {
                break;
            }
        }
        client
    }
}

/// Scheme and host of a URL, as browsers send it in `Origin` (RFC 6454): lower case, no default port.
fn origin(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let scheme = scheme.to_ascii_lowercase();
    let host = rest.split('/').next().unwrap_or_default().to_ascii_lowercase();
    let default_port = if scheme == "https" { ":443" } else { ":80" };
    let host = host.strip_suffix(default_port).unwrap_or(&host);
    format!("{scheme}://{host}")
}

fn request_id(headers: &HeaderMap) -> Arc<str> {
    let sane = |id: &&str| {
        (1..=MAX_REQUEST_ID).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    match headers.get(&REQUEST_ID).and_then(|value| value.to_str().ok()).filter(sane) {
        Some(id) => Arc::from(id),
        None => Arc::from(random_text::<20>()),
    }
}

fn is_preflight(request: &Request<Body>) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ORIGIN)
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight(allowed: bool) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if allowed {
        let headers = response.headers_mut();
        let methods = HeaderValue::from_static("GET, POST, PATCH, PUT, DELETE");
        let names = HeaderValue::from_static("Authorization, Content-Type, X-Request-Id");
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
    response
}

/// Marks an answer with its route's template, for the log: what stands in front of the router does not see it.
pub(crate) async fn named(request: Request<Body>, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    if let Some(path) = path {
        response.extensions_mut().insert(path);
    }
    response
}

/// The template of the route that was matched: what logs and metrics name, since a path can hold anything.
fn route(response: &Response) -> &str {
    response.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str)
}

/// One line for a request.
fn report(method: &'static str, route: &str, response: &Response, took: Duration, id: &str) {
    let status = response.status();
    let duration_ms = (took.as_secs_f64() * 1e6).round() / 1e3;
    let cause = response.extensions().get::<Cause>();
    // A refusal of a provider's has a cause too, which is the operator's to remove.
    if cause.is_some() || (status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED) {
        let cause = cause.map(|Cause(cause)| cause.to_string()).unwrap_or_default();
        let status = status.as_u16();
        if status == 500 {
            tracing::error!(request.id = id, method, route, status, duration_ms, cause, "request failed");
        } else {
            tracing::warn!(request.id = id, method, route, status, duration_ms, cause, "request not served");
        }
    } else {
        tracing::info!(request.id = id, method, route, status = status.as_u16(), duration_ms, "request");
    }
}

/// The methods that mean something here; a caller can make up any other word, which belongs in no log.
fn method_name(method: &Method) -> &'static str {
    let known = ["GET", "POST", "PATCH", "PUT", "DELETE", "OPTIONS", "HEAD"];
    known.into_iter().find(|name| method == *name).unwrap_or("OTHER")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_what_browsers_send() {
        assert_eq!(origin("HTTPS://App.example.com/verify/"), "https://app.example.com");
        assert_eq!(origin("https://app.example.com:443"), "https://app.example.com");
        assert_eq!(origin("http://127.0.0.1:8000"), "http://127.0.0.1:8000");
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let shared = |trusted: &str| Shared {
            allowed_origin: HeaderValue::from_static("x"),
            trusted_proxies: Network::parse(trusted).into_iter().collect(),
            https: false,
            metrics: false,
        };
        let mut headers = HeaderMap::new();
        headers.insert(FORWARDED_FOR, HeaderValue::from_static("1.1.1.1, 2.2.2.2, 10.0.0.9"));
        let peer = "10.0.0.1:1234".parse().unwrap();
        let ip = |trusted: &str| shared(trusted).client_ip(&headers, peer).to_string();
        assert_eq!(ip("192.168.0.0/16"), "10.0.0.1");
        assert_eq!(ip("10.0.0.0/8"), "2.2.2.2");
    }

    #[tokio::test]
    async fn a_panic_becomes_an_answer_that_tells_nothing() {
        let panics = || async {
            if true {
                panic!("CANARY");
            }
        };
        let router = Router::new().route("/", axum::routing::get(panics));
        let front = Front::new(router, "https://app.example.com", "https://id.example.com", vec![], false);
        let answer = front.routed(Request::new(Body::empty())).await;
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = axum::body::to_bytes(answer.into_body(), 1_000).await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["error"], "Internal server error");
        assert!(!body.to_string().contains("CANARY"));
    }
}

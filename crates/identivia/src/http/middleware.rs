//! Middleware of every request: request id, client address, CORS, panics, timeout, security headers, log line, metrics.

use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use http_body::Body as _;
use hyper::body::Incoming;
use tower::Service as _;

use super::answer_form::{Validators, WantedForm};
use super::connection::accept::{RequestHandler, RequestOrigin};
use super::guard::request_context::{ClientIp, RequestId};
use super::origin::to_origin;
use super::request_log::{RequestLine, log_request, method_name, route_template};
use crate::config::Network;
use crate::http::error::{ApiError, RefusalKind};
use crate::records::id::random_text;
use crate::telemetry::LoggedAddresses;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// The longest request id that a caller may choose, in characters.
const MAX_REQUEST_ID: usize = 128;
/// The longest a request may take, uploads included. Reading a body has shorter limits.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(660);

/// Headers of every answer that does not set them itself.
const DEFAULT_HEADERS: [(HeaderName, HeaderValue); 7] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; sandbox")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (header::VARY, HeaderValue::from_static("Origin")),
];

/// Marks an answer that sites may frame which its own policy names: it gets no `X-Frame-Options`, which cannot name them.
#[derive(Clone, Copy)]
pub(crate) struct FramedByPolicy;

/// The router behind the middleware of every request.
#[derive(Clone)]
pub struct RequestPipeline {
    router: Router,
    settings: Arc<PipelineSettings>,
}

struct PipelineSettings {
    allowed_origin: HeaderValue,
    trusted_proxies: Vec<Network>,
    /// Whether the public URL is https: browsers are then told to use nothing else.
    https: bool,
    metrics: bool,
    log_addresses: LoggedAddresses,
    validators: Validators,
}

impl RequestPipeline {
    /// Puts the middleware before a router. Servers that share records share the secret.
    #[must_use]
    pub fn new(
        router: Router,
        secret: &[u8],
        client_url: &str,
        public_url: &str,
        trusted_proxies: Vec<Network>,
        metrics: bool,
    ) -> Self {
        let allowed_origin = HeaderValue::from_str(&to_origin(client_url)).unwrap_or(HeaderValue::from_static("null"));
        let https = public_url.starts_with("https://");
        let log_addresses = LoggedAddresses::None;
        let validators = Validators::new(secret);
        let settings = PipelineSettings { allowed_origin, trusted_proxies, https, metrics, log_addresses, validators };
        Self { router, settings: Arc::new(settings) }
    }

    /// The same with so much of a caller's address in its log lines.
    #[must_use]
    pub fn with_logged_addresses(mut self, log_addresses: LoggedAddresses) -> Self {
        if let Some(settings) = Arc::get_mut(&mut self.settings) {
            settings.log_addresses = log_addresses;
        }
        self
    }

    /// Answers a request, or refuses it where the connection is for probes alone.
    async fn answer_request(self, request: Request<Body>, is_for_probes: bool, allows_cors: bool) -> Response {
        if is_for_probes && !is_probe(&request) {
            return ApiError::unavailable(
                "All connections of this server are taken; try again when Retry-After has passed",
            )
            .with_kind(RefusalKind::Connections)
            .into_response();
        }
        if is_preflight(&request) {
            return preflight_response(allows_cors);
        }
        self.call_router(request).await
    }

    async fn call_router(mut self, request: Request<Body>) -> Response {
        let routing = AssertUnwindSafe(self.router.call(request)).catch_unwind();
        match tokio::time::timeout(REQUEST_TIMEOUT, routing).await {
            Ok(Ok(Ok(response))) => response,
            Ok(Ok(Err(never))) => match never {},
            // The panic hook has logged where it happened.
            Ok(Err(_)) => ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error")
                .with_message("The server failed; report it with the X-Request-Id of this answer")
                .into_response(),
            Err(_) => ApiError::unavailable("The request took too long").into_response(),
        }
    }
}

impl RequestHandler for RequestPipeline {
    fn is_shared_address(&self, address: IpAddr) -> bool {
        // A caller on this machine may be a proxy that is not listed.
        address.is_loopback() || self.settings.trusted_proxies.iter().any(|network| network.contains(address))
    }

    async fn handle_request(self, request: hyper::Request<Incoming>, origin: RequestOrigin) -> Response {
        let started = Instant::now();
        let read_whole = Arc::new(AtomicBool::new(request.body().is_end_stream()));
        let mut request = request.map(|body| Body::new(TrackedBody { body, read_whole: read_whole.clone() }));
        let id = choose_request_id(request.headers());
        let method = request.method().clone();
        let settings = self.settings.clone();
        let cors = settings.cors_origin(request.headers());
        // Only the HTTP library finds the end of a chunked body, so the connection ends with this request.
        let closes = request.headers().contains_key(header::TRANSFER_ENCODING);
        let ip = settings.client_ip(request.headers(), origin.peer);
        drop_trailing_slash(&mut request);
        request.extensions_mut().insert(RequestId(id.clone()));
        request.extensions_mut().insert(ClientIp(ip));
        let form = WantedForm::of_request(&request);
        let response = self.answer_request(request, origin.is_for_probes, cors.is_some()).await;
        let has_own_frame_policy = response.extensions().get::<FramedByPolicy>().is_some();
        let mut response = form.apply(response, &id, &settings.validators).await;
        let headers = response.headers_mut();
        headers.reserve(DEFAULT_HEADERS.len() + 4);
        add_default_headers(headers, has_own_frame_policy);
        if settings.https {
            let year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
            headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
        }
        if let Some(origin) = cors {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(
                header::ACCESS_CONTROL_EXPOSE_HEADERS,
                HeaderValue::from_static(
                    "X-Request-Id, Retry-After, RateLimit, RateLimit-Policy, ETag, Idempotency-Replayed",
                ),
            );
        }
        // An unread body ends the connection; the header tells the caller before it sends more.
        if closes || !read_whole.load(Ordering::Relaxed) {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if let Ok(value) = HeaderValue::from_str(&id) {
            headers.insert(REQUEST_ID, value);
        }
        let took = started.elapsed();
        let (method, route) = (method_name(&method), route_template(&response));
        let address = settings.log_addresses.to_text(ip);
        log_request(&RequestLine { method, route, took, id: &id, address: address.as_deref() }, &response);
        if settings.metrics {
            if let Some(kind) = response.extensions().get::<RefusalKind>() {
                crate::telemetry::count_refusal(kind.word());
            }
            crate::telemetry::count_request(method, route, response.status(), took);
        }
        response
    }
}

fn add_default_headers(headers: &mut HeaderMap, has_own_frame_policy: bool) {
    let defaults = DEFAULT_HEADERS.into_iter();
    for (name, value) in defaults.filter(|(name, _)| !(has_own_frame_policy && name == header::X_FRAME_OPTIONS)) {
        headers.entry(name).or_insert(value);
    }
}

/// A request's body that remembers whether it has been read to its end.
struct TrackedBody {
    body: Incoming,
    read_whole: Arc<AtomicBool>,
}

impl http_body::Body for TrackedBody {
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

impl PipelineSettings {
    /// The request's origin, if it is the allowed one.
    fn cors_origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
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
            let Some(address) = parse_forwarded_address(entry.trim()) else { break };
            client = address.to_canonical();
            if !trusted(client) {
                break;
            }
        }
        client
    }
}

/// An address as a proxy writes it: alone, in brackets, in quotes, with a port or a zone. A zone means nothing here.
fn parse_forwarded_address(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim_matches('"');
    let without_zone: String;
    let entry = match entry.split_once('%') {
        None => entry,
        Some((address, zone)) => {
            let behind = zone.find(']').map_or("", |end| &zone[end..]);
            without_zone = format!("{address}{behind}");
            &without_zone
        }
    };
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
    bare.parse().ok().or_else(|| entry.parse().ok().map(|with_port: SocketAddr| with_port.ip()))
}

/// Removes a slash at the end of an API path: clients of the reference add one.
fn drop_trailing_slash(request: &mut Request<Body>) {
    let path = request.uri().path();
    let Some(shorter) = path.strip_suffix('/').filter(|path| path.starts_with("/api/")) else { return };
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = format!("{shorter}{query}").parse().ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
}

/// The caller's own request id where it is usable, else a random one.
fn choose_request_id(headers: &HeaderMap) -> Arc<str> {
    let is_usable = |id: &&str| {
        (1..=MAX_REQUEST_ID).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    match headers.get(&REQUEST_ID).and_then(|value| value.to_str().ok()).filter(is_usable) {
        Some(id) => Arc::from(id),
        None => Arc::from(random_text::<20>()),
    }
}

/// Says whether an orchestrator asks if the process is well.
fn is_probe(request: &Request<Body>) -> bool {
    matches!(request.uri().path(), "/livez" | "/readyz" | "/health") && request.body().is_end_stream()
}

fn is_preflight(request: &Request<Body>) -> bool {
    request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ORIGIN)
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight_response(allowed: bool) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if allowed {
        let headers = response.headers_mut();
        let methods = HeaderValue::from_static("GET, POST, PATCH, PUT, DELETE");
        let names = HeaderValue::from_static("Authorization, Content-Type, X-Request-Id, Idempotency-Key");
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_name_the_client() {
        let settings = |trusted: &str| PipelineSettings {
            allowed_origin: HeaderValue::from_static("x"),
            trusted_proxies: Network::parse(trusted).into_iter().collect(),
            https: false,
            metrics: false,
            log_addresses: LoggedAddresses::None,
            validators: Validators::new(b"a secret"),
        };
        let mut headers = HeaderMap::new();
        headers.insert(FORWARDED_FOR, HeaderValue::from_static("1.1.1.1, 2.2.2.2, 10.0.0.9"));
        let peer = "10.0.0.1:1234".parse().unwrap();
        let ip = |headers: &HeaderMap, trusted: &str| settings(trusted).client_ip(headers, peer).to_string();
        assert_eq!(ip(&headers, "192.168.0.0/16"), "10.0.0.1");
        assert_eq!(ip(&headers, "10.0.0.0/8"), "2.2.2.2");
        for (entry, client) in [
            ("203.0.113.7:51234", "203.0.113.7"),
            ("[2001:db8::7]:443", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("2001:db8::7", "2001:db8::7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("[::ffff:203.0.113.7]:443", "203.0.113.7"),
            ("\"[2001:db8::7]:443\"", "2001:db8::7"),
            ("fe80::7%eth0", "fe80::7"),
            ("[fe80::7%25eth0]:443", "fe80::7"),
            (" 203.0.113.7:51234 ", "203.0.113.7"),
            ("203.0.113.9:1, 203.0.113.7:2, 10.0.0.9:3", "203.0.113.7"),
            ("unknown", "10.0.0.1"),
            ("_hidden", "10.0.0.1"),
            ("203.0.113.7:", "10.0.0.1"),
            ("[203.0.113.7", "10.0.0.1"),
            ("203.0.113.7:x", "10.0.0.1"),
        ] {
            headers.insert(FORWARDED_FOR, HeaderValue::from_static(entry));
            assert_eq!(ip(&headers, "10.0.0.0/8"), client, "{entry}");
        }
    }

    #[tokio::test]
    async fn panic_becomes_an_answer_without_details() {
        let panics = || async {
            if true {
                panic!("CANARY");
            }
        };
        let router = Router::new().route("/", axum::routing::get(panics));
        let pipeline =
            RequestPipeline::new(router, b"s", "https://app.example.com", "https://id.example.com", vec![], false);
        let answer = pipeline.call_router(Request::new(Body::empty())).await;
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = axum::body::to_bytes(answer.into_body(), 1_000).await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["error"], "Internal server error");
        assert!(!body.to_string().contains("CANARY"));
    }
}

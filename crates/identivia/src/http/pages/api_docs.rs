//! The API's description, as a document and as a page. The page's script is vendored: nothing is fetched from elsewhere.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;

use crate::app::App;

/// The document, made once: it does not change while the process runs.
static DOCUMENT: LazyLock<String> =
    LazyLock::new(|| crate::http::router::openapi_document().to_pretty_json().unwrap_or_default());

/// The page runs its own scripts and styles, and talks to this server only.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The API's description (OpenAPI 3.1)
#[utoipa::path(get, path = "/openapi.json", tag = "Documentation", security(()),
    responses((status = 200, description = "This document", content_type = "application/json", body = Object)))]
pub(crate) async fn openapi_document() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.as_str()).into_response()
}

macro_rules! asset {
    ($path:literal, $media_type:literal) => {
        get(|| async { page_file($media_type, include_bytes!(concat!("../../../../../web/docs/", $path))) })
    };
}

/// `/docs` and what it loads.
pub(crate) fn pages() -> Router<Arc<App>> {
    Router::new()
        .route("/docs", asset!("index.html", "text/html; charset=utf-8"))
        .route("/docs/docs.js", asset!("docs.js", "text/javascript; charset=utf-8"))
        .route("/docs/docs.css", asset!("docs.css", "text/css; charset=utf-8"))
        .route("/docs/swagger-ui-bundle.js", asset!("swagger-ui-bundle.js", "text/javascript; charset=utf-8"))
        .route("/docs/swagger-ui.css", asset!("swagger-ui.css", "text/css; charset=utf-8"))
}

fn page_file(media_type: &'static str, bytes: &'static [u8]) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY)),
        // The script is large and changes with a release only.
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600")),
    ];
    (StatusCode::OK, headers, bytes).into_response()
}

/// Where a person's browser goes that opens the bare address without a token.
pub(crate) fn page_for_a_browser(request: &Request) -> Option<Response> {
    let opens_the_root = request.uri().path() == "/" && request.method() == Method::GET;
    (opens_the_root && wants_a_page(request.headers())).then(|| Redirect::temporary("/docs").into_response())
}

fn wants_a_page(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    !headers.contains_key(header::AUTHORIZATION) && accept.contains("text/html")
}

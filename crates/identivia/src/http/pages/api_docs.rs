//! The API documentation: the OpenAPI document, and the page at `/docs`. The page loads nothing from other hosts.

use std::sync::{Arc, LazyLock};

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use bytes::Bytes;

use super::asset_response::asset_response;
use super::page_assets;

/// The OpenAPI document as JSON text, rendered at the first request: it does not change while the process runs.
pub(crate) type OpenApiText = LazyLock<Bytes>;

/// The policy of the documentation page: its own scripts and styles, and calls to this server only.
const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The name of the page's HTML among its files.
const DOCS_INDEX: &str = "index.html";

const DOCS_NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Identivia API</title>\
    <p>This server was built without its documentation page. Run <code>make web</code>, then build it again. The API's \
    description itself is at <a href=\"/openapi.json\">/openapi.json</a>.</p></html>\n";

/// The API's description (OpenAPI 3.1)
///
/// Generators make clients of it.
#[utoipa::path(get, path = "/openapi.json", tag = "Documentation", security(()),
    responses((status = 200, description = "This document", content_type = "application/json", body = Object)))]
pub(crate) async fn get_openapi_document(Extension(text): Extension<Arc<OpenApiText>>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], Bytes::clone(&text)).into_response()
}

/// Routes of `/docs` and of every file that the page loads, with the names that the build gave them.
pub(crate) fn docs_routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let router = Router::new().route("/docs", get(async |headers: HeaderMap| serve_docs_file(DOCS_INDEX, &headers)));
    page_assets::docs_paths().filter(|path| *path != DOCS_INDEX).fold(router, |router, path| {
        router.route(&format!("/docs/{path}"), get(async move |headers: HeaderMap| serve_docs_file(path, &headers)))
    })
}

fn serve_docs_file(path: &str, request_headers: &HeaderMap) -> Response {
    let Some(asset) = page_assets::docs_asset(path) else { return docs_not_built() };
    // The script is large and changes with a release only.
    let caching = HeaderValue::from_static("public, max-age=3600");
    let mut response = asset_response(asset, caching, request_headers);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(DOCS_POLICY));
    response
}

/// Says how to get the page, for a binary that was built without it.
fn docs_not_built() -> Response {
    let policy = (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(DOCS_POLICY));
    (StatusCode::NOT_IMPLEMENTED, [policy], Html(DOCS_NOT_BUILT)).into_response()
}

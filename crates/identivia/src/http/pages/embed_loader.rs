//! The loader script at `/embed/v1.js`: any site may load it, to show the person's page in a frame or a popup.

use axum::Router;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::asset_response::asset_response;
use super::page_assets;

/// The script's name among the built files. Its number is the version of the messages.
const LOADER_NAME: &str = "v1.js";
/// How long browsers use the script without asking again. Its address does not change with its content.
const LOADER_CACHING: HeaderValue = HeaderValue::from_static("public, max-age=3600");

const LOADER_NOT_BUILT: &str = "This server was built without the script for sites that embed the person's page. Run make web, then build it again.\n";

/// The route of the script.
pub(crate) fn loader_routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/embed/v1.js", get(serve_loader))
}

async fn serve_loader(request_headers: HeaderMap) -> Response {
    let Some(script) = page_assets::embed_asset(LOADER_NAME) else {
        return (StatusCode::NOT_IMPLEMENTED, LOADER_NOT_BUILT).into_response();
    };
    let mut response = asset_response(script, LOADER_CACHING, &request_headers);
    let headers = response.headers_mut();
    // The script is public and the same for all, so every site may load it, also as `crossorigin` with `integrity`.
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("cross-origin"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

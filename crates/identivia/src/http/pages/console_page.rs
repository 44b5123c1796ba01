//! The reviewers' console at `/console`: one HTML file for every path below it, under a strict Content-Security-Policy.
//!
//! The HTML is the same for everybody and holds no data. Its files are at `/app/`; everything else comes from the API.

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;

use super::page_assets;

/// What the console may load: its own scripts, styles and calls, and pictures that it has read itself (`blob:`). Never a style
/// attribute, a script in the HTML, another host, or a frame.
const CONSOLE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; \
    media-src 'self' blob:; connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Features that the console does not use, so that no script in it can.
const CONSOLE_PERMISSIONS: &str = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), publickey-credentials-get=(self), \
     publickey-credentials-create=(self)";

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Identivia console</title>\
    <p>This server was built without its console. Run <code>make web</code>, then build it again. The API is described at \
    <a href=\"/docs\">/docs</a>.</p></html>\n";

/// The routes of the console: the page finds its own way below `/console`.
pub(crate) fn console_routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let paths = ["/console", "/console/", "/console/{*path}"];
    paths.into_iter().fold(Router::new(), |router, path| router.route(path, get(serve_console)))
}

async fn serve_console() -> Response {
    console_answer(page_assets::console_index())
}

/// The page as an answer; a binary without it says how to get it, under the same policy.
fn console_answer(html: Option<&'static str>) -> Response {
    let headers = [
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONSOLE_POLICY)),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
        (HeaderName::from_static("permissions-policy"), HeaderValue::from_static(CONSOLE_PERMISSIONS)),
    ];
    match html {
        Some(html) => (headers, Html(html)).into_response(),
        None => (StatusCode::NOT_IMPLEMENTED, headers, Html(NOT_BUILT)).into_response(),
    }
}

/// Redirects a browser that opens `/` without a token to the console.
pub(crate) fn redirect_browser_to_console(request: &Request) -> Option<Response> {
    let opens_the_root = request.uri().path() == "/" && request.method() == Method::GET;
    (opens_the_root && is_browser_request(request.headers())).then(|| Redirect::temporary("/console/").into_response())
}

fn is_browser_request(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    !headers.contains_key(header::AUTHORIZATION) && accept.contains("text/html")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn page_and_its_absence_have_the_same_policy() {
        let (built, absent) = (console_answer(Some("<p>console</p>")), console_answer(None));
        assert_eq!((built.status(), absent.status()), (StatusCode::OK, StatusCode::NOT_IMPLEMENTED));
        for answer in [&built, &absent] {
            assert_eq!(answer.headers()[header::CONTENT_SECURITY_POLICY], CONSOLE_POLICY);
            assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
        }
        let body = axum::body::to_bytes(built.into_body(), 100).await.unwrap();
        assert_eq!(&body[..], b"<p>console</p>");
    }
}

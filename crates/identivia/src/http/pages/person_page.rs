//! The person's page: served at their link and at `/go`, with what the operator's settings make of it; and what it loads.
//!
//! Whatever id a link names, the page is the same: it asks the API, and says itself when a link is not valid.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{any, get};
use bytes::Bytes;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::app::App;
use crate::domain::branding::{BRANDING, Boot, FINGERPRINT_KEY};
use crate::http::error;
use crate::http::pages::page_assets::{self, Asset};
use crate::records::id::RecordId;
use crate::records::time::Millis;

/// Where the page's HTML has what it starts with.
const BOOT_MARK: &str = "__BOOT__";
/// How long settings are good for, in milliseconds: whoever reloads the page need not cost a reading of all of them.
const FRESH_FOR: i64 = 3_000;
/// How long a page may wait for them.
const PATIENCE: Duration = Duration::from_secs(2);
/// Who looks at the device's signals, where there is a key for either side of it.
const FINGERPRINT: &str = "Fingerprint";
/// Fingerprint's own agent: its script, and where it asks.
const AGENT_SCRIPT: &str = " https://fpjscdn.net";
const AGENT_API: &str = " https://fpjscdn.net https://api.fpjs.io https://*.api.fpjs.io";

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Identivia</title>\
    <p>This server was built without the page for people who verify themselves. Run <code>make web</code>, then build it \
    again.</p></html>\n";

/// The page, and what it is made with.
pub struct PersonPage {
    /// Its HTML before and behind the mark; `None`: this binary has none.
    html: Option<(&'static str, &'static str)>,
    policy: Policy,
    /// Of Fingerprint's API.
    region: &'static str,
    /// Others who process what the person sends; Fingerprint's agent brings one more.
    processors: Vec<&'static str>,
    made: Mutex<Option<Made>>,
}

/// The page as it was made last.
#[derive(Clone)]
struct Made {
    at: Millis,
    html: Bytes,
    policy: HeaderValue,
    /// The settings of which something was not in order.
    faults: Vec<&'static str>,
}

/// What the page may do beyond the least.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Whether AWS's component runs in it.
    pub aws: bool,
    /// Where that streams to.
    pub stream: Option<String>,
}

impl PersonPage {
    /// The page whose HTML that is: as a rule [`web::index`]. `reads_elsewhere`: documents are read by OpenAI.
    #[must_use]
    pub fn new(
        index: Option<&'static str>,
        policy: Policy,
        reads_elsewhere: bool,
        fingerprint_url: Option<&str>,
    ) -> Self {
        let html = index.map(|index| index.split_once(BOOT_MARK).unwrap_or((index, "")));
        let others = [
            ("Amazon Web Services", policy.aws),
            ("OpenAI", reads_elsewhere),
            (FINGERPRINT, fingerprint_url.is_some()),
        ];
        let processors = others.into_iter().filter_map(|(name, is_one)| is_one.then_some(name)).collect();
        Self { html, policy, region: region(fingerprint_url), processors, made: Mutex::default() }
    }

    /// The page as the settings have it, as of a few seconds ago at most.
    async fn current(&self, app: &App, html: (&str, &str)) -> (Bytes, HeaderValue) {
        // Held while the settings are read: of all who come meanwhile one reads them.
        let mut kept = self.made.lock().await;
        let now = app.clock.now();
        let made = match &mut *kept {
            Some(made) if (0..FRESH_FOR).contains(&(now.0 - made.at.0)) => made,
            last => {
                let made = self.made_anew(app, html, last.as_ref(), now).await;
                last.insert(made)
            }
        };
        (made.html.clone(), made.policy.clone())
    }

    /// Without the settings a person still gets the page, as it was last, or plain: it says what else does not work.
    async fn made_anew(&self, app: &App, html: (&str, &str), last: Option<&Made>, now: Millis) -> Made {
        let Ok(Ok(settings)) = timeout(PATIENCE, app.store.settings()).await else {
            tracing::warn!("the settings cannot be read, so the person's page is served as it was last, or plain");
            let plain = || self.of(html, Boot::default(), Vec::new(), now);
            return last.map_or_else(plain, |last| Made { at: now, ..last.clone() });
        };
        let value = |key| settings.iter().find(|setting| setting.key == key).map(|setting| setting.value.as_str());
        let (boot, faults) = Boot::of_settings(value(BRANDING), value(FINGERPRINT_KEY), self.region);
        if !faults.is_empty() && last.is_none_or(|last| last.faults != faults) {
            // Not what is in them: it may be anything.
            tracing::warn!(faults = faults.join(", "), "of the settings for the person's page these are not in order");
        }
        self.of(html, boot, faults, now)
    }

    fn of(&self, html: (&str, &str), mut boot: Boot, faults: Vec<&'static str>, at: Millis) -> Made {
        boot.processors.clone_from(&self.processors);
        if boot.fingerprint.is_some() && !boot.processors.contains(&FINGERPRINT) {
            boot.processors.push(FINGERPRINT);
        }
        let policy = self.policy.header(boot.fingerprint.is_some());
        Made { at, html: page(html, &boot).into(), policy, faults }
    }
}

/// The page's HTML with what it starts with.
fn page((before, behind): (&str, &str), boot: &Boot) -> String {
    format!("{before}{}{behind}", boot.to_html())
}

/// The region of Fingerprint's API, in its agent's words.
fn region(url: Option<&str>) -> &'static str {
    match url.unwrap_or_default() {
        url if url.starts_with("https://eu.") => "eu",
        url if url.starts_with("https://ap.") => "ap",
        _ => "us",
    }
}

impl Policy {
    /// What a page may do that talks to AWS's Face Liveness in that region, or to what is configured in its place.
    #[must_use]
    pub fn with_aws(region: Option<&str>, stream_url: Option<&str>) -> Self {
        let is_plain = |region: &&str| region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let of_region = |region| format!("wss://streaming-rekognition.{region}.amazonaws.com");
        let stream = stream_url.map(stream_origin).or_else(|| region.filter(is_plain).map(of_region));
        Self { aws: true, stream }
    }

    /// The `Content-Security-Policy` (CSP Level 3).
    fn header(&self, has_agent: bool) -> HeaderValue {
        let when = |on: bool, more: &'static str| if on { more } else { "" };
        let wasm = when(self.aws, " 'wasm-unsafe-eval'");
        let (script, api) = (when(has_agent, AGENT_SCRIPT), when(has_agent, AGENT_API));
        let stream = self.stream.as_ref().map(|origin| format!(" {origin}")).unwrap_or_default();
        let policy = format!(
            "default-src 'none'; script-src 'self'{wasm}{script}; style-src 'self'; img-src 'self' data: blob:; \
            media-src 'self' blob:; font-src 'self'; connect-src 'self'{stream}{api}; manifest-src 'self'; \
            base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
    }
}

/// Scheme and host of a URL that is streamed to. A rule that names https does not let a `wss:` connection through (CSP3
/// §6.7.2.8), so the scheme is always the socket's.
fn stream_origin(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("wss", url));
    let scheme = if scheme.eq_ignore_ascii_case("https") { "wss" } else { scheme };
    format!("{scheme}://{}", rest.split('/').next().unwrap_or_default())
}

/// What a path names, where that is text.
type Named = Result<Path<String>, PathRejection>;

/// The page and what it loads.
pub(crate) fn pages() -> Router<Arc<App>> {
    Router::new().route("/go", get(go)).route("/app/{*path}", get(asset)).route("/{id}", any(link))
}

async fn go(State(app): State<Arc<App>>) -> Response {
    let Some(html) = app.page.html else { return (StatusCode::NOT_IMPLEMENTED, Html(NOT_BUILT)).into_response() };
    let (html, policy) = app.page.current(&app, html).await;
    let headers = [
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (HeaderName::from_static("permissions-policy"), HeaderValue::from_static("camera=(self)")),
        (header::CONTENT_SECURITY_POLICY, policy),
    ];
    (headers, Html(html)).into_response()
}

/// A person's link; any other word has nothing at its path.
async fn link(State(app): State<Arc<App>>, method: Method, id: Named) -> Response {
    let is_link = id.is_ok_and(|Path(id)| RecordId::parse(&id).is_some());
    match method {
        _ if !is_link => error::unknown_path().await.into_response(),
        Method::GET | Method::HEAD => go(State(app)).await,
        _ => {
            let allowed = HeaderValue::from_static("GET,HEAD");
            error::method_not_allowed().await.header(header::ALLOW, allowed).into_response()
        }
    }
}

/// A file that the page loads: its name changes with it, so it is kept for ever.
async fn asset(path: Named, headers: HeaderMap) -> Response {
    match path.ok().and_then(|Path(path)| page_assets::asset(&path)) {
        Some(asset) => served(asset, &headers),
        None => error::unknown_path().await.into_response(),
    }
}

fn served(asset: &'static Asset, asked: &HeaderMap) -> Response {
    let gzipped = asset.gzipped.filter(|_| takes_gzip(asked));
    let form = if gzipped.is_some() { "-gzip" } else { "" };
    let tag = format!("\"{}{form}\"", asset.hash);
    let mut headers = HeaderMap::new();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding, Origin"));
    if let Ok(value) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, value);
    }
    if has(asked, &tag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
    if gzipped.is_some() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    (headers, Bytes::from_static(gzipped.unwrap_or(asset.bytes))).into_response()
}

/// The entries of a header that is a list.
fn entries(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

/// Says whether a browser takes gzip (RFC 9110 §12.5.3).
fn takes_gzip(headers: &HeaderMap) -> bool {
    entries(headers, header::ACCEPT_ENCODING).any(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|coding| coding.eq_ignore_ascii_case("gzip"));
        let is_refused = parts.any(|part| part.strip_prefix("q=").and_then(|q| q.parse().ok()) == Some(0.0));
        is_gzip && !is_refused
    })
}

/// Says whether a browser has what that tag stands for (RFC 9110 §13.1.2).
fn has(headers: &HeaderMap, tag: &str) -> bool {
    entries(headers, header::IF_NONE_MATCH)
        .any(|entry| entry == "*" || entry.strip_prefix("W/").unwrap_or(entry) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn the_mark_is_replaced_by_what_the_page_starts_with() {
        let made = page(("<script id=\"boot\">", "</script>"), &Boot::default());
        assert_eq!(made, "<script id=\"boot\">{\"branding\":{},\"fingerprint\":null,\"processors\":[]}</script>");
        let settings = serde_json::json!({"name": "__BOOT__ </script>"}).to_string();
        let (boot, _) = Boot::of_settings(Some(&settings), None, "us");
        let made = page(("<script>", "</script>"), &boot);
        assert_eq!(made.matches("</script>").count(), 1, "{made}");
        assert_eq!(made.matches(BOOT_MARK).count(), 1, "what a setting says is not looked through again");
    }

    #[test]
    fn the_policy_lets_no_more_through_than_is_configured() {
        let text = |policy: Policy, has_agent| policy.header(has_agent).to_str().unwrap().to_owned();
        let policies = [
            text(Policy::default(), false),
            text(Policy::default(), true),
            text(Policy::with_aws(Some("eu-west-1"), None), false),
            text(Policy::with_aws(Some("eu-west-1"), Some("wss://stream.example:8443/path")), false),
        ];
        insta::assert_snapshot!(policies.join("\n"), @r"
        default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
        default-src 'none'; script-src 'self' https://fpjscdn.net; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self'; connect-src 'self' https://fpjscdn.net https://api.fpjs.io https://*.api.fpjs.io; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
        default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self'; connect-src 'self' wss://streaming-rekognition.eu-west-1.amazonaws.com; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
        default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self'; connect-src 'self' wss://stream.example:8443; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
        ");
        for (url, origin) in [
            ("https://stream.example", "wss://stream.example"),
            ("ws://[::1]:9000/x/y", "ws://[::1]:9000"),
            ("wss://stream.example", "wss://stream.example"),
        ] {
            assert_eq!(stream_origin(url), origin);
        }
        assert_eq!(Policy::with_aws(Some("eu; script-src *"), None).stream, None);
        assert_eq!(Policy::with_aws(None, None).stream, None);
    }

    #[test]
    fn gzip_goes_to_those_who_take_it() {
        for (value, takes) in [
            ("gzip, deflate, br", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip;q=0.000", false),
            ("identity", false),
            ("x-gzipped", false),
            ("", false),
        ] {
            assert_eq!(takes_gzip(&asked(header::ACCEPT_ENCODING, value)), takes, "{value}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[tokio::test]
    async fn a_file_is_sent_in_the_form_that_is_asked_for_and_not_sent_again() {
        let asset: &'static Asset = Box::leak(Box::new(Asset::new("a.js", b"plain", Some(b"small"))));
        let body = async |response: Response| axum::body::to_bytes(response.into_body(), 100).await.unwrap();
        let plain = served(asset, &HeaderMap::new());
        let gzipped = served(asset, &asked(header::ACCEPT_ENCODING, "gzip"));
        let tag = |response: &Response| response.headers()[header::ETAG].to_str().unwrap().to_owned();
        assert_ne!(tag(&plain), tag(&gzipped), "two forms, two tags");
        for tag in [tag(&plain), format!("\"other\", W/{}", tag(&plain)), "*".to_owned()] {
            let again = HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_str(&tag).unwrap())]);
            let again = served(asset, &again);
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{tag}");
            assert_eq!(again.headers()[header::VARY], "Accept-Encoding, Origin");
            assert!(body(again).await.is_empty());
        }
        let other = HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_str(&tag(&gzipped)).unwrap())]);
        assert_eq!(served(asset, &other).status(), StatusCode::OK);
        assert_eq!(gzipped.headers()[header::CONTENT_ENCODING], "gzip");
        assert_eq!(plain.headers().get(header::CONTENT_ENCODING), None);
        assert_eq!((&body(plain).await[..], &body(gzipped).await[..]), (&b"plain"[..], &b"small"[..]));
    }

    #[test]
    fn the_agents_region_is_that_of_the_servers_own_calls() {
        for (url, word) in [
            (None, "us"),
            (Some("https://api.fpjs.io"), "us"),
            (Some("https://eu.api.fpjs.io"), "eu"),
            (Some("https://ap.api.fpjs.io"), "ap"),
        ] {
            assert_eq!(region(url), word);
        }
    }
}

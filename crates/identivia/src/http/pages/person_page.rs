//! The person's page: its HTML with the settings of the profile's team, served at a person's link and at `/go`, and its files.
//!
//! Every link of a team gets the same page. The page asks the API and tells the person when the link is not valid.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRef, Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{any, get};
use bytes::Bytes;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::asset_response::{IMMUTABLE, asset_response};
use super::page_assets;
use super::page_policy::PagePolicy;
use crate::app::App;
use crate::domain::branding::{BRANDING_KEY, FINGERPRINT_PUBLIC_KEY, PageStartData};
use crate::domain::embedding::{EMBED_ORIGINS_KEY, EmbedOrigins};
use crate::domain::profile::Reach;
use crate::domain::setting::settings_of_team;
use crate::http::error::ApiError;
use crate::http::middleware::FramedByPolicy;
use crate::records::id::RecordId;
use crate::records::setting::Setting;
use crate::records::time::Millis;

/// The mark in the page's HTML that the boot data replaces.
const BOOT_MARK: &str = "__BOOT__";
/// How long a rendered page is served, in milliseconds: reloading the page must not read all settings each time.
const RENDER_LIFETIME: i64 = 3_000;
/// The most pages that are kept rendered, one for each team.
const MAX_RENDERED: usize = 64;
/// How long a page waits for the settings.
const SETTINGS_TIMEOUT: Duration = Duration::from_secs(2);
/// The processor of the device's signals, where the server or the page has a key for it.
const FINGERPRINT: &str = "Fingerprint";

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Identivia</title>\
    <p>This server was built without the page for people who verify themselves. Run <code>make web</code>, then build it \
    again.</p></html>\n";

/// The HTML before and behind the boot mark.
type SplitHtml = (&'static str, &'static str);

/// The person's page.
pub struct PersonPage {
    /// `None`: this binary has no page.
    html: Option<SplitHtml>,
    policy: PagePolicy,
    /// The region of Fingerprint's API.
    region: &'static str,
    /// Other companies that process what the person sends. Fingerprint's agent adds one more.
    processors: Vec<&'static str>,
    /// The sites that may embed the page, where no setting says so.
    embed_origins: EmbedOrigins,
    rendered: Mutex<HashMap<PageOwner, RenderedPage>>,
}

/// Whose settings a page has.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum PageOwner {
    /// There is no link, it names no profile, or the profile cannot be read now: the page has the operator's branding, and no
    /// site may embed it.
    Unknown,
    /// The profile's team; `None` where it has none.
    Team(Option<String>),
}

/// The page with the settings of a moment.
#[derive(Clone)]
struct RenderedPage {
    at: Millis,
    html: Bytes,
    policy: HeaderValue,
    /// Whether any site may embed the page.
    is_embeddable: bool,
    /// The names of invalid settings.
    faults: Vec<&'static str>,
}

impl PersonPage {
    /// A page from its HTML: usually [`page_assets::index`]. `uses_openai`: OpenAI reads the documents.
    #[must_use]
    pub fn new(
        index: Option<&'static str>,
        policy: PagePolicy,
        uses_openai: bool,
        fingerprint_url: Option<&str>,
        embed_origins: EmbedOrigins,
    ) -> Self {
        let html = index.map(|index| index.split_once(BOOT_MARK).unwrap_or((index, "")));
        let others =
            [("Amazon Web Services", policy.aws), ("OpenAI", uses_openai), (FINGERPRINT, fingerprint_url.is_some())];
        let processors = others.into_iter().filter_map(|(name, is_used)| is_used.then_some(name)).collect();
        let region = fingerprint_region(fingerprint_url);
        Self { html, policy, region, processors, embed_origins, rendered: Mutex::default() }
    }

    /// The page with its owner's current settings, at most [`RENDER_LIFETIME`] old.
    async fn current_page(&self, app: &App, html: SplitHtml, owner: PageOwner) -> RenderedPage {
        // Held while the settings are read: of concurrent requests one reads them.
        let mut rendered = self.rendered.lock().await;
        let now = app.clock.now();
        let last = rendered.remove(&owner);
        let is_current = |page: &RenderedPage| (0..RENDER_LIFETIME).contains(&(now.0 - page.at.0));
        let page = match last {
            Some(page) if is_current(&page) => page,
            last => self.refresh_page(app, html, &owner, last.as_ref(), now).await,
        };
        if rendered.len() >= MAX_RENDERED {
            rendered.clear();
        }
        rendered.insert(owner, page.clone());
        page
    }

    /// Whose settings a link's page has.
    async fn owner_of_link(app: &App, id: RecordId) -> PageOwner {
        let read = timeout(SETTINGS_TIMEOUT, app.store.profile(id, &Reach::Every)).await;
        match read {
            Ok(Ok(Some(profile))) => PageOwner::Team(Some(profile.team).filter(|team| !team.is_empty())),
            _ => PageOwner::Unknown,
        }
    }

    /// Reads the settings and renders the page. Without the settings the person gets the last page, or one without
    /// branding: the page itself reports what else does not work.
    async fn refresh_page(
        &self,
        app: &App,
        html: SplitHtml,
        owner: &PageOwner,
        last: Option<&RenderedPage>,
        now: Millis,
    ) -> RenderedPage {
        let Ok(Ok(settings)) = timeout(SETTINGS_TIMEOUT, app.store.settings()).await else {
            tracing::warn!("settings cannot be read; serving the person's last page, or one without branding");
            let plain = || self.render_page(html, PageStartData::default(), &EmbedOrigins::default(), Vec::new(), now);
            return last.map_or_else(plain, |last| RenderedPage { at: now, ..last.clone() });
        };
        // What a page starts with is not secret, so the operator's private settings serve as defaults too.
        let settings = settings_of_team(settings, owner.team(), true);
        let value = |key| settings.iter().find(|setting| setting.key == key).map(|setting| setting.value.get());
        let (boot, mut faults) =
            PageStartData::from_settings(value(BRANDING_KEY), value(FINGERPRINT_PUBLIC_KEY), self.region);
        let embed_origins = match owner {
            PageOwner::Unknown => EmbedOrigins::default(),
            PageOwner::Team(_) => self.choose_embed_origins(&settings, &mut faults),
        };
        if !faults.is_empty() && last.is_none_or(|last| last.faults != faults) {
            // Only their names: a value may hold anything.
            tracing::warn!(settings = faults.join(", "), "invalid settings of the person's page ignored");
        }
        self.render_page(html, boot, &embed_origins, faults, now)
    }

    /// The sites of the setting, or of the configuration where there is none. An invalid setting lets no site embed the page:
    /// the operator's list must not replace one that a team has narrowed.
    fn choose_embed_origins(&self, settings: &[Setting], faults: &mut Vec<&'static str>) -> EmbedOrigins {
        let Some(setting) = settings.iter().find(|setting| setting.key == EMBED_ORIGINS_KEY) else {
            return self.embed_origins.clone();
        };
        let value = serde_json::from_str(setting.value.get()).unwrap_or_default();
        EmbedOrigins::from_setting(&value).unwrap_or_else(|_| {
            faults.push(EMBED_ORIGINS_KEY);
            EmbedOrigins::default()
        })
    }

    fn render_page(
        &self,
        html: SplitHtml,
        mut boot: PageStartData,
        embed_origins: &EmbedOrigins,
        faults: Vec<&'static str>,
        at: Millis,
    ) -> RenderedPage {
        boot.processors.clone_from(&self.processors);
        if boot.fingerprint.is_some() && !boot.processors.contains(&FINGERPRINT) {
            boot.processors.push(FINGERPRINT);
        }
        boot.embed_origins = embed_origins.as_slice().to_vec();
        let policy = self.policy.to_header(boot.fingerprint.is_some(), embed_origins);
        let is_embeddable = !embed_origins.is_empty();
        RenderedPage { at, html: insert_start_data(html, &boot).into(), policy, is_embeddable, faults }
    }
}

impl PageOwner {
    /// The team whose settings come before the operator's.
    fn team(&self) -> Option<&str> {
        match self {
            Self::Unknown => None,
            Self::Team(team) => team.as_deref(),
        }
    }
}

impl RenderedPage {
    /// The page as an answer. Only a page that a site may embed keeps its opener: the page in a popup posts its messages to it.
    fn into_answer(self) -> Response {
        let opener = if self.is_embeddable { "unsafe-none" } else { "same-origin" };
        let headers = [
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (HeaderName::from_static("permissions-policy"), HeaderValue::from_static("camera=(self)")),
            (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static(opener)),
            (header::CONTENT_SECURITY_POLICY, self.policy),
        ];
        let mut answer = (headers, Html(self.html)).into_response();
        if self.is_embeddable {
            answer.extensions_mut().insert(FramedByPolicy);
        }
        answer
    }
}

fn insert_start_data((before, behind): (&str, &str), boot: &PageStartData) -> String {
    format!("{before}{}{behind}", boot.to_html())
}

/// The region of Fingerprint's API, as its agent names it.
fn fingerprint_region(url: Option<&str>) -> &'static str {
    match url.unwrap_or_default() {
        url if url.starts_with("https://eu.") => "eu",
        url if url.starts_with("https://ap.") => "ap",
        _ => "us",
    }
}

/// A path's parameter, or an error where it is no text.
type PathText = Result<Path<String>, PathRejection>;

/// The routes of the page and its files.
pub(crate) fn person_routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<App>: FromRef<S>,
    Arc<PersonPage>: FromRef<S>,
{
    Router::new()
        .route("/go", get(serve_code_page))
        .route("/app/{*path}", get(serve_asset))
        .route("/{id}", any(serve_link))
}

/// The page without a link, where another device's code is typed.
async fn serve_code_page(State(app): State<Arc<App>>, State(page): State<Arc<PersonPage>>) -> Response {
    serve_page(&app, &page, None).await
}

async fn serve_page(app: &App, page: &PersonPage, link: Option<RecordId>) -> Response {
    let Some(html) = page.html else { return (StatusCode::NOT_IMPLEMENTED, Html(NOT_BUILT)).into_response() };
    let owner = match link {
        Some(id) => PersonPage::owner_of_link(app, id).await,
        None => PageOwner::Unknown,
    };
    page.current_page(app, html, owner).await.into_answer()
}

/// The page at a person's link. Any other word is an unknown path.
async fn serve_link(
    State(app): State<Arc<App>>,
    State(page): State<Arc<PersonPage>>,
    method: Method,
    id: PathText,
) -> Response {
    let Some(id) = id.ok().and_then(|Path(id)| RecordId::parse(&id)) else {
        return ApiError::unknown_path().into_response();
    };
    match method {
        Method::GET | Method::HEAD => serve_page(&app, &page, Some(id)).await,
        _ => {
            let allowed = HeaderValue::from_static("GET,HEAD");
            ApiError::method_not_allowed().header(header::ALLOW, allowed).into_response()
        }
    }
}

async fn serve_asset(path: PathText, headers: HeaderMap) -> Response {
    match path.ok().and_then(|Path(path)| page_assets::asset(&path)) {
        Some(asset) => asset_response(asset, IMMUTABLE, &headers),
        None => ApiError::unknown_path().into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boot_mark_is_replaced_by_boot_data() {
        let made = insert_start_data(("<script id=\"boot\">", "</script>"), &PageStartData::default());
        assert_eq!(made, "<script id=\"boot\">{\"branding\":{},\"fingerprint\":null,\"processors\":[]}</script>");
        let settings = serde_json::json!({"name": "__BOOT__ </script>"}).to_string();
        let (boot, _) = PageStartData::from_settings(Some(&settings), None, "us");
        let made = insert_start_data(("<script>", "</script>"), &boot);
        assert_eq!(made.matches("</script>").count(), 1, "{made}");
        assert_eq!(made.matches(BOOT_MARK).count(), 1, "the value of a setting is not searched for the mark");
    }

    #[test]
    fn agent_region_follows_the_api_url() {
        for (url, word) in [
            (None, "us"),
            (Some("https://api.fpjs.io"), "us"),
            (Some("https://eu.api.fpjs.io"), "eu"),
            (Some("https://ap.api.fpjs.io"), "ap"),
        ] {
            assert_eq!(fingerprint_region(url), word);
        }
    }
}

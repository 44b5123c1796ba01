//! The page at the end of a sign-in with a provider: it goes on to the console by itself, or says what went wrong and what to do.
//!
//! Browsers do not send the console's cookie with a redirect that comes from another site. So the answer is a page of this
//! server, and the next request comes from it.

use axum::Router;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

use crate::domain::console::oidc::problem::{LANGUAGES, SignInProblem};

const SCRIPT_PATH: &str = "/console/sign-in.js";
const STYLE_PATH: &str = "/console/sign-in.css";

/// Follows the page's link. Without scripts the person does.
const SCRIPT: &str = "const link = document.getElementById('continue');\nif (link) location.replace(link.href);\n";

const STYLE: &str = "\
:root { color-scheme: light dark; --paper: #f6f7f9; --card: #fff; --ink: #1b2430; --brand: #1f5fbf; }
@media (prefers-color-scheme: dark) { :root { --paper: #11161d; --card: #1a212b; --ink: #e8edf4; --brand: #8fb8ff; } }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }
main { box-sizing: border-box; max-width: 34rem; margin: 1rem; padding: 1.5rem 2rem; background: var(--card); border-radius: 0.75rem; }
h1 { font-size: 1.35rem; line-height: 1.3; margin: 0 0 0.75rem; }
a { color: var(--brand); display: inline-block; padding: 0.25rem 0; }
";

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; form-action 'none'; base-uri 'none'; \
    frame-ancestors 'none'";

/// Titles and links, in the order of [`LANGUAGES`].
const SIGNED_IN: [&str; 4] = ["You are signed in", "Sie sind angemeldet", "Ha accedido", "Vous êtes connecté"];
const GO_ON: [&str; 4] =
    ["Continue to the console", "Weiter zur Konsole", "Continuar a la consola", "Continuer vers la console"];
const NOT_SIGNED_IN: [&str; 4] = [
    "Signing in did not work",
    "Die Anmeldung hat nicht geklappt",
    "No se ha podido acceder",
    "La connexion n'a pas abouti",
];
const GO_BACK: [&str; 4] = ["Back to the console", "Zurück zur Konsole", "Volver a la consola", "Retour à la console"];

/// The script and the styles of the page.
pub(crate) fn sign_in_page_routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let file = |media_type: &'static str, text: &'static str| {
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
            (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600")),
        ];
        get(async move || (headers, text))
    };
    Router::new()
        .route(SCRIPT_PATH, file("text/javascript; charset=utf-8", SCRIPT))
        .route(STYLE_PATH, file("text/css; charset=utf-8", STYLE))
}

/// The page after a sign-in that worked. The path is one of the console.
pub(crate) fn continue_page(path: &str, request_headers: &HeaderMap) -> Response {
    let language = choose_language(request_headers);
    let link = format!("<p><a id=\"continue\" href=\"{}\">{}</a></p>", escape_html(path), GO_ON[language]);
    let scripted = format!("<script src=\"{SCRIPT_PATH}\" defer></script>");
    (StatusCode::OK, render_page(language, SIGNED_IN[language], &scripted, &link)).into_response()
}

/// The page after one that did not.
pub(crate) fn problem_page(problem: SignInProblem, path: &str, request_headers: &HeaderMap) -> Response {
    let language = choose_language(request_headers);
    let text = problem.texts()[language];
    let body =
        format!("<p>{}</p><p><a href=\"{}\">{}</a></p>", escape_html(text), escape_html(path), GO_BACK[language]);
    (problem_status(problem), render_page(language, NOT_SIGNED_IN[language], "", &body)).into_response()
}

fn problem_status(problem: SignInProblem) -> StatusCode {
    match problem {
        SignInProblem::UnknownProvider => StatusCode::NOT_FOUND,
        SignInProblem::TooMany => StatusCode::TOO_MANY_REQUESTS,
        SignInProblem::ProviderDown | SignInProblem::ProviderRefuses | SignInProblem::Unavailable => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        SignInProblem::NotBegun | SignInProblem::BadAnswer | SignInProblem::Clock => StatusCode::BAD_REQUEST,
        _ => StatusCode::FORBIDDEN,
    }
}

fn render_page(language: usize, title: &str, head: &str, body: &str) -> impl IntoResponse + use<> {
    let html = format!(
        "<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><link rel=\"stylesheet\" href=\"{STYLE_PATH}\">{head}</head><body><main><h1>{title}</h1>{body}\
         </main></body></html>\n",
        LANGUAGES[language]
    );
    let headers = [
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    ];
    (headers, Html(html))
}

/// The first language of the browser that the page has, as an index.
fn choose_language(headers: &HeaderMap) -> usize {
    let wanted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut tags = wanted.split(',').map(|entry| entry.trim().get(..2).unwrap_or_default().to_ascii_lowercase());
    tags.find_map(|tag| LANGUAGES.iter().position(|language| *language == tag)).unwrap_or(0)
}

fn escape_html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn page_has_the_browsers_language_and_no_path_ends_its_attribute() {
        let headers =
            |value: &'static str| HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, HeaderValue::from_static(value))]);
        for (value, language) in [("pt, FR-ca;q=0.5, en", 3), ("de", 1), ("", 0), ("x", 0)] {
            assert_eq!(choose_language(&headers(value)), language, "{value}");
        }
        let answer = continue_page("/console/'\"><script>", &HeaderMap::new());
        assert_eq!(answer.headers()[header::CONTENT_SECURITY_POLICY], POLICY);
        let html = axum::body::to_bytes(answer.into_body(), 10_000).await.unwrap();
        let html = std::str::from_utf8(&html).unwrap();
        assert!(
            html.contains("href=\"/console/&#39;&quot;&gt;&lt;script&gt;\"") && !html.contains("<script>"),
            "{html}"
        );
    }
}

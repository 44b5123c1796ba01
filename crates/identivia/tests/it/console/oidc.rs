//! Signing in to the console with OpenID Connect: a browser that goes to a provider and comes back.

mod people;
mod refusals;
mod way;

use identivia::clock::Clock;
use identivia::records::console_link::{ConsoleLink, LinkPurpose};
use identivia::records::console_user::{ConsoleRole, ConsoleUser, ConsoleUserStatus};
use identivia::server::StartOptions;
use identivia::store::console::UserWrite;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::services::oidc_provider::OidcProvider;
use crate::world::{Caller, World};

const ACCEPT: &str = "/api/console/invitation/oidc/sso";

/// A server with a provider.
struct OidcWorld {
    world: World,
    provider: OidcProvider,
}

impl OidcWorld {
    async fn start(more: &[&str]) -> Self {
        let clock = Clock::default();
        let provider = OidcProvider::start(clock.clone()).await;
        let flags = provider.flags();
        let flags: Vec<&str> = flags.iter().map(String::as_str).chain(more.iter().copied()).collect();
        let options = StartOptions { clock, ..StartOptions::default() };
        Self { world: World::with_flags_and_options(&flags, options).await, provider }
    }

    /// A server where the claim `groups` gives roles.
    async fn with_roles() -> Self {
        let roles = "boss=super_admin,idv-admins=admin,idv-reviewers=reviewer";
        Self::start(&["--oidc-role-claim", "groups", "--oidc-roles", roles]).await
    }

    fn browser(&self) -> ProviderBrowser<'_> {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        ProviderBrowser { at: self, http, sign_in: None, session: None }
    }

    /// An invited user, and the token of their link.
    async fn invite(&self, email: &str, role: ConsoleRole) -> (ConsoleUser, String) {
        let now = self.world.clock.now();
        let user = ConsoleUser::invited(email.to_owned(), String::new(), role, now);
        let (link, token) = ConsoleLink::draw(LinkPurpose::Invitation, Some(user.id), now);
        let with = UserWrite { offers: Some(&link), ..UserWrite::default() };
        self.world.app.console.add_user(&user, &with, &[]).await.unwrap().unwrap();
        (user, token.as_text().to_owned())
    }

    /// A user who has joined with the provider as that subject, and their browser.
    async fn joined(&self, subject: &str, role: ConsoleRole) -> (ConsoleUser, ProviderBrowser<'_>) {
        let (user, token) = self.invite(&format!("{subject}@example.com"), role).await;
        self.claims(json!({"sub": subject}));
        let mut browser = self.browser();
        let back = browser.post(ACCEPT, json!({"token": token, "name": "Person"})).await;
        browser.come_back(&back).await.expect_page(200, "You are signed in");
        (self.world.app.console.user(user.id).await.unwrap().unwrap(), browser)
    }

    fn claims(&self, claims: Value) {
        self.provider.change(|script| script.claims = claims);
    }

    /// What the audit trail says of sign-ins, without reads.
    async fn trail(&self) -> Vec<(String, String)> {
        let events = self.world.operator().get("/api/audit_events?limit=100").await.expect(200);
        let events = events["data"].as_array().unwrap().iter().rev().cloned().collect::<Vec<_>>();
        let kind_and_detail = |event: &Value| {
            (event["kind"].as_str().unwrap().to_owned(), event["detail"].as_str().unwrap_or_default().to_owned())
        };
        events.iter().map(kind_and_detail).collect()
    }
}

/// An answer to a browser that shows pages.
struct PageAnswer {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl PageAnswer {
    #[track_caller]
    fn expect_page(&self, status: u16, text: &str) {
        assert!(self.status == status && self.text.contains(text), "{} {}", self.status, self.text);
        assert!(self.headers["content-type"].to_str().unwrap().starts_with("text/html"));
        assert_eq!(self.headers["cache-control"], "no-store");
        assert!(!self.text.contains("CANARY"));
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

/// A browser that keeps both cookies, and sends the `Strict` one as browsers do: not on the way back from another site.
struct ProviderBrowser<'a> {
    at: &'a OidcWorld,
    http: reqwest::Client,
    sign_in: Option<String>,
    session: Option<String>,
}

impl ProviderBrowser<'_> {
    async fn send(&mut self, request: reqwest::RequestBuilder, cookies: &[Option<String>]) -> PageAnswer {
        let cookies: Vec<&str> = cookies.iter().flatten().map(String::as_str).collect();
        let request = if cookies.is_empty() { request } else { request.header("cookie", cookies.join("; ")) };
        let response = request.send().await.unwrap();
        for cookie in response.headers().get_all("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let kept = Some(pair.to_owned()).filter(|pair| !pair.ends_with('='));
            if pair.starts_with("identivia-oidc=") {
                self.sign_in = kept;
            } else {
                self.session = kept;
            }
        }
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        PageAnswer { status, headers, text: response.text().await.unwrap() }
    }

    /// Opens a page of the server by a link on it.
    async fn open(&mut self, path: &str) -> PageAnswer {
        let request = self.http.get(format!("{}{path}", self.at.world.url));
        let cookies = [self.sign_in.clone(), self.session.clone()];
        self.send(request, &cookies).await
    }

    /// Sends a change as the console's page does; gives the answer's JSON.
    async fn change(&mut self, method: reqwest::Method, path: &str, body: Value) -> (u16, Value) {
        let request = self.http.request(method, format!("{}{path}", self.at.world.url)).json(&body);
        let request = request.header("sec-fetch-site", "same-origin").header("x-identivia-console", "1");
        let cookies = [self.sign_in.clone(), self.session.clone()];
        let answer = self.send(request, &cookies).await;
        (answer.status, serde_json::from_str(&answer.text).unwrap_or_default())
    }

    /// Sends a change that answers the provider's address, and gives the query of the way back.
    async fn post(&mut self, path: &str, body: Value) -> String {
        let (status, answer) = self.change(reqwest::Method::POST, path, body).await;
        assert_eq!(status, 200, "{answer}");
        self.at.provider.authorize(answer["data"]["url"].as_str().unwrap())
    }

    /// Goes to the provider, and gives the query of the way back.
    async fn start(&mut self) -> String {
        let started = self.open("/api/console/oidc/sso/start?return_to=/console/queue").await;
        assert_eq!(started.status, 303, "{}", started.text);
        self.at.provider.authorize(started.header("location"))
    }

    /// Comes back from the provider with that query.
    async fn come_back(&mut self, query: &str) -> PageAnswer {
        let request = self.http.get(format!("{}/api/console/oidc/sso/callback?{query}", self.at.world.url));
        let cookies = [self.sign_in.clone()];
        self.send(request, &cookies).await
    }

    /// Goes to the provider and comes back.
    async fn sign_in(&mut self) -> PageAnswer {
        let query = self.start().await;
        self.come_back(&query).await
    }

    /// The browser as a caller of the API.
    fn caller(&self) -> Caller<'_> {
        self.at.world.with_cookie(self.session.as_deref().unwrap_or("identivia=none"))
    }
}

/// Whether a user is stored as active.
async fn is_active(at: &OidcWorld, user: &ConsoleUser) -> bool {
    at.world.app.console.user(user.id).await.unwrap().is_some_and(|user| user.status == ConsoleUserStatus::Active)
}

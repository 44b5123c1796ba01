//! Calls to receivers of webhooks: each address is checked when it is connected to, no redirect is followed, and time and
//! answer are bounded.

mod guarded_resolver;

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Certificate, Client, Proxy, Response, StatusCode, redirect};
use tokio::time::{Instant, timeout_at};

use crate::config::WebhookSettings;
use crate::domain::webhook::receiver_url::ReceiverRule;
use crate::domain::webhook::retry_schedule::RetryHints;
use crate::records::id::RecordId;
use crate::records::time::Millis;
use guarded_resolver::{GuardedResolver, RefusedAddress};
pub use guarded_resolver::{HostLookup, SystemLookup};

/// How long a try may take, with its answer.
pub const TRY_TIMEOUT: Duration = Duration::from_secs(15);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that fails sooner than this is tried once more at once.
const QUICK_FAILURE: Duration = Duration::from_secs(1);
/// How long an idle connection is kept, and how many of one endpoint.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
const IDLE_CONNECTIONS: usize = 20;
/// How much of an answer is read, and how much of it is kept, in bytes.
const READ_ANSWER_BYTES: usize = 16 * 1_024;
const KEPT_ANSWER_BYTES: usize = 2 * 1_024;
/// The longest description of an error, in characters.
const ERROR_CHARACTERS: usize = 200;
/// Endpoints whose connections are kept. Beyond that all are closed, and opened again as they are needed.
const MAX_CLIENTS: usize = 200;

/// Sends webhooks. Connections are kept for each endpoint, and never shared between endpoints.
pub struct WebhookReceivers {
    rule: ReceiverRule,
    /// `None`: an explicit proxy decides which addresses are reached.
    lookup: Option<Arc<dyn HostLookup>>,
    proxy: Option<Proxy>,
    authorities: Vec<Certificate>,
    clients: Mutex<HashMap<RecordId, Client>>,
}

/// One try: what is sent, and where.
pub struct WebhookRequest<'a> {
    pub endpoint: RecordId,
    pub url: &'a str,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// What came of a try.
#[derive(Debug, Default)]
pub struct WebhookAnswer {
    pub status: Option<u16>,
    /// The beginning of the answer.
    pub response: String,
    /// Why it failed, in our own words; `None` after a success.
    pub error: Option<String>,
    pub hints: RetryHints,
    /// Whether the address was refused, and nothing was sent.
    pub is_refused: bool,
    pub duration: Duration,
}

impl WebhookAnswer {
    /// Says whether the receiver has taken the event (2xx).
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.error.is_none()
    }

    /// Says whether the receiver wants no more events (410).
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.status == Some(StatusCode::GONE.as_u16())
    }
}

impl WebhookReceivers {
    /// Receivers as the settings allow them. Names are looked up with `lookup`.
    ///
    /// # Errors
    /// One line that names the setting to change.
    pub fn open(settings: &WebhookSettings, lookup: Arc<dyn HostLookup>) -> anyhow::Result<Self> {
        let proxy = settings.proxy.as_ref().map(Proxy::all).transpose().context("WEBHOOKS_PROXY")?;
        let authorities = match &settings.ca_file {
            Some(path) => {
                let pem = std::fs::read(path).with_context(|| format!("WEBHOOKS_CA_FILE: {}", path.display()))?;
                let authorities =
                    Certificate::from_pem_bundle(&pem).context("WEBHOOKS_CA_FILE: no certificates (PEM)")?;
                anyhow::ensure!(!authorities.is_empty(), "WEBHOOKS_CA_FILE: {} holds no certificate", path.display());
                authorities
            }
            None => Vec::new(),
        };
        let lookup = proxy.is_none().then_some(lookup);
        Ok(Self { rule: settings.rule.clone(), lookup, proxy, authorities, clients: Mutex::default() })
    }

    /// Which URLs may receive webhooks.
    #[must_use]
    pub fn rule(&self) -> &ReceiverRule {
        &self.rule
    }

    /// Sends an event. `now` reads dates in `Retry-After`.
    pub async fn send(&self, request: WebhookRequest<'_>, now: Millis) -> WebhookAnswer {
        let started = Instant::now();
        let mut answer = match self.rule.check_url(request.url) {
            Err(problem) => refused_answer(format!("the URL {problem}")),
            Ok(url) => match self.client(request.endpoint) {
                Err(error) => failed_answer(describe(&error)),
                Ok(client) => {
                    let send = || client.post(url.clone()).headers(request.headers.clone()).body(request.body.clone());
                    match timeout_at(started + TRY_TIMEOUT, exchange(send, started, now)).await {
                        Ok(answer) => answer,
                        Err(_) => WebhookAnswer {
                            hints: RetryHints { is_slow: true, retry_after: None },
                            ..failed_answer("no answer within 15 s".to_owned())
                        },
                    }
                }
            },
        };
        answer.duration = started.elapsed();
        answer
    }

    fn client(&self, endpoint: RecordId) -> reqwest::Result<Client> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&endpoint) {
            return Ok(client.clone());
        }
        if clients.len() >= MAX_CLIENTS {
            clients.clear();
        }
        let client = self.build_client()?;
        clients.insert(endpoint, client.clone());
        Ok(client)
    }

    fn build_client(&self) -> reqwest::Result<Client> {
        let mut builder = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(redirect::Policy::none())
            .referer(false)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .user_agent("identivia-webhooks");
        builder = match &self.proxy {
            Some(proxy) => builder.proxy(proxy.clone()),
            // Also without the proxies of the environment.
            None => builder.no_proxy(),
        };
        if let Some(lookup) = &self.lookup {
            builder = builder.dns_resolver(Arc::new(GuardedResolver::new(lookup.clone(), self.rule.addresses.clone())));
        }
        for authority in &self.authorities {
            builder = builder.add_root_certificate(authority.clone());
        }
        builder.build()
    }
}

/// Sends and reads the answer. A connection that fails at once is tried a second time.
async fn exchange(send: impl Fn() -> reqwest::RequestBuilder, started: Instant, now: Millis) -> WebhookAnswer {
    let sent = match send().send().await {
        Err(error) if error.is_connect() && find_refusal(&error).is_none() && started.elapsed() < QUICK_FAILURE => {
            send().send().await
        }
        sent => sent,
    };
    match sent {
        Ok(response) => read_answer(response, now).await,
        Err(error) => to_failure(&error),
    }
}

async fn read_answer(mut response: Response, now: Millis) -> WebhookAnswer {
    let status = response.status();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| read_retry_after(value.to_str().ok()?, now));
    let mut body = Vec::new();
    let mut broken = None;
    while body.len() < READ_ANSWER_BYTES {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) => {
                broken = Some(describe(&error));
                break;
            }
        }
    }
    body.truncate(KEPT_ANSWER_BYTES);
    let is_slow = matches!(status.as_u16(), 429 | 502 | 504);
    let error = if status.is_success() { broken } else { Some(format!("the receiver answered {}", status.as_u16())) };
    WebhookAnswer {
        status: Some(status.as_u16()),
        // PostgreSQL stores no NUL.
        response: String::from_utf8_lossy(&body).replace('\0', "\u{fffd}"),
        error,
        hints: RetryHints { is_slow, retry_after },
        ..WebhookAnswer::default()
    }
}

/// Reads `Retry-After`: seconds, or a date (RFC 9110 §10.2.3).
fn read_retry_after(text: &str, now: Millis) -> Option<i64> {
    if let Ok(seconds) = text.trim().parse() {
        return Some(seconds);
    }
    let date = httpdate::parse_http_date(text.trim()).ok()?;
    let seconds = date.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs();
    Some(i64::try_from(seconds).ok()?.saturating_sub(now.seconds()))
}

fn to_failure(error: &reqwest::Error) -> WebhookAnswer {
    match find_refusal(error) {
        Some(refusal) => refused_answer(refusal.to_string()),
        None => WebhookAnswer {
            hints: RetryHints { is_slow: error.is_timeout(), retry_after: None },
            ..failed_answer(describe(error))
        },
    }
}

fn failed_answer(error: String) -> WebhookAnswer {
    WebhookAnswer { error: Some(error), ..WebhookAnswer::default() }
}

fn refused_answer(error: String) -> WebhookAnswer {
    WebhookAnswer { is_refused: true, ..failed_answer(error) }
}

/// The refusal of an address, if that is why a call failed.
fn find_refusal(error: &reqwest::Error) -> Option<&RefusedAddress> {
    let mut cause = error.source();
    while let Some(found) = cause {
        if let Some(refusal) = found.downcast_ref() {
            return Some(refusal);
        }
        cause = found.source();
    }
    None
}

/// Describes an error by its innermost cause, such as an unknown certificate. The library's outer texts hold the URL.
fn describe(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "the connection took longer than 5 s, or the answer longer than 15 s".to_owned();
    }
    let mut innermost = error.source();
    while let Some(deeper) = innermost.and_then(Error::source) {
        innermost = Some(deeper);
    }
    let what = if error.is_connect() { "cannot connect" } else { "the connection broke off" };
    let cause = innermost.map(ToString::to_string).unwrap_or_default();
    format!("{what}: {cause}").chars().take(ERROR_CHARACTERS).collect()
}

#[cfg(test)]
mod tests;

//! Posts an event to the receiver as a signed webhook, with retries.

use std::time::Duration;

use reqwest::{Client, header};
use tokio::time::{Instant, sleep};
use url::Url;

use super::event_messages::EventMessage;
use crate::cli::print_line;
use crate::clock::Clock;
use crate::domain::webhook_signature::{WebhookSecret, sign_v1};
use crate::providers::http_call::{CallTimeouts, build_http_client};

/// Of one try.
const TIMEOUTS: CallTimeouts =
    CallTimeouts { connect: Duration::from_secs(5), attempt: Duration::from_secs(15), call: Duration::from_secs(15) };
/// The delays before the second, third and fourth try of an event.
const RETRY_DELAYS: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];

/// Where events go. Holds a secret, so it has no `Debug`.
pub(super) struct Receiver {
    http: Client,
    url: Url,
    secret: WebhookSecret,
    clock: Clock,
}

impl Receiver {
    pub(super) fn new(url: Url, secret: WebhookSecret, clock: Clock) -> anyhow::Result<Self> {
        Ok(Self { http: build_http_client(TIMEOUTS)?, url, secret, clock })
    }

    /// Posts an event until the receiver accepts it, at most four times. Prints a line for each try.
    pub(super) async fn deliver_event(&self, event: &EventMessage) -> anyhow::Result<()> {
        for delay in RETRY_DELAYS.into_iter().map(Some).chain([None]) {
            let begun = Instant::now();
            let time = self.clock.now().rfc3339();
            let outcome = self.post_event(event).await;
            let millis = begun.elapsed().as_millis();
            let EventMessage { id, event_type, .. } = event;
            let (status, next) = match (outcome, delay) {
                (Ok(status), _) => (status, String::new()),
                (Err(status), Some(delay)) => (status, format!("  failed, next try in {} s", delay.as_secs())),
                (Err(status), None) => (status, format!("  failed {} times, skipped", RETRY_DELAYS.len() + 1)),
            };
            print_line(&format!("{time}  {event_type:<32}  {id}  {status}  {millis} ms{next}"))?;
            match delay {
                Some(delay) if !next.is_empty() => sleep(delay).await,
                _ => break,
            }
        }
        Ok(())
    }

    /// Posts an event once. An error is a status that is no success, or why there is none.
    async fn post_event(&self, event: &EventMessage) -> Result<String, String> {
        // The time of this try, not of the event: receivers refuse old ones.
        let timestamp = self.clock.now().0 / 1_000;
        let request = self
            .http
            .post(self.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", &event.id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", sign_v1(&self.secret, &event.id, timestamp, event.data.as_bytes()))
            .body(event.data.clone());
        match request.send().await {
            Ok(response) if response.status().is_success() => Ok(response.status().as_u16().to_string()),
            Ok(response) => Err(response.status().as_u16().to_string()),
            // The library's own text holds the URL, which may hold a token.
            Err(error) if error.is_connect() => Err("receiver not reachable".to_owned()),
            Err(error) if error.is_timeout() => Err("receiver timed out".to_owned()),
            Err(_) => Err("receiver broke off".to_owned()),
        }
    }
}

//! The request of a delivery: the event as JSON, and the headers of Standard Webhooks with a signature by each key in use.

use std::collections::BTreeMap;

use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::Webhooks;
use crate::domain::event_message::Event;
use crate::domain::webhook_signature::{WebhookKeyPair, WebhookSecret, sign_v1, sign_v1a};
use crate::providers::webhook_receiver::WebhookRequest;
use crate::records::id::RecordId;
use crate::records::outbox_event::OutboxEvent;
use crate::records::time::Millis;
use crate::records::webhook_endpoint::{SealedKey, SignatureScheme, WebhookEndpoint};
use crate::system_key::{SystemKey, UnsealError};

/// The headers of an endpoint with their values.
pub type SealedHeaders = BTreeMap<String, String>;

/// The field of an event that an endpoint can leave out.
const USER_ID: &str = "user_id";

impl SealedKey {
    /// Draws a new secret and a new key pair. Also gives the secret as its receiver is shown it.
    #[must_use]
    pub fn draw(system_key: &SystemKey, endpoint: RecordId, now: Millis) -> (Self, String) {
        let (id, secret, pair) = (RecordId::random(), WebhookSecret::random(), WebhookKeyPair::random());
        let key = Self {
            id,
            secret: system_key.seal(&secret_purpose(endpoint, id), secret.as_bytes()),
            seed: system_key.seal(&seed_purpose(endpoint, id), &pair.seed()),
            public_key: pair.public_text(),
            created: now,
            expires: None,
        };
        (key, secret.to_text())
    }

    /// The secret as its receiver is shown it.
    ///
    /// # Errors
    /// When it was sealed with another system key.
    pub fn secret_text(&self, system_key: &SystemKey, endpoint: RecordId) -> Result<String, UnsealError> {
        self.open_secret(system_key, endpoint).map(|secret| secret.to_text())
    }

    fn open_secret(&self, system_key: &SystemKey, endpoint: RecordId) -> Result<WebhookSecret, UnsealError> {
        let bytes = system_key.open(&secret_purpose(endpoint, self.id), &self.secret)?;
        WebhookSecret::from_bytes(bytes).ok_or(UnsealError::Damaged)
    }

    fn open_pair(&self, system_key: &SystemKey, endpoint: RecordId) -> Result<WebhookKeyPair, UnsealError> {
        let seed = system_key.open(&seed_purpose(endpoint, self.id), &self.seed)?;
        WebhookKeyPair::from_seed(&seed).ok_or(UnsealError::Damaged)
    }
}

impl WebhookEndpoint {
    /// Seals headers that are sent with each delivery. Empty: none.
    #[must_use]
    pub fn seal_headers(system_key: &SystemKey, endpoint: RecordId, headers: &SealedHeaders) -> String {
        if headers.is_empty() {
            return String::new();
        }
        let json = serde_json::to_vec(headers).unwrap_or_default();
        system_key.seal(&headers_purpose(endpoint), &json)
    }

    fn open_headers(&self, system_key: &SystemKey) -> Result<SealedHeaders, UnsealError> {
        if self.sealed_headers.is_empty() {
            return Ok(SealedHeaders::new());
        }
        let json = system_key.open(&headers_purpose(self.id), &self.sealed_headers)?;
        serde_json::from_slice(&json).map_err(|_| UnsealError::Damaged)
    }

    /// The signatures of a body by all keys that sign at that time.
    fn sign(&self, system_key: &SystemKey, id: &str, now: Millis, body: &[u8]) -> Result<String, UnsealError> {
        let mut signatures = Vec::new();
        for key in self.active_keys(now) {
            if self.signature != SignatureScheme::V1a {
                signatures.push(sign_v1(&key.open_secret(system_key, self.id)?, id, now.seconds(), body));
            }
            if self.signature != SignatureScheme::V1 {
                signatures.push(sign_v1a(&key.open_pair(system_key, self.id)?, id, now.seconds(), body));
            }
        }
        Ok(signatures.join(" "))
    }
}

impl Webhooks {
    /// The request of a delivery at that time.
    pub(super) fn sign_request<'a>(
        &self,
        endpoint: &'a WebhookEndpoint,
        event: OutboxEvent,
        now: Millis,
    ) -> Result<WebhookRequest<'a>, UnsealError> {
        let id = event.event_id.clone();
        let body = to_body(endpoint, event);
        let signature = endpoint.sign(&self.system_key, id.as_str(), now, &body)?;
        let mut headers = HeaderMap::new();
        for (name, value) in endpoint.open_headers(&self.system_key)? {
            if let (Ok(name), Ok(mut value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                value.set_sensitive(true);
                headers.insert(name, value);
            }
        }
        // Our own come last: no header of an endpoint replaces them.
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in [
            ("webhook-id", id.to_string()),
            ("webhook-timestamp", now.seconds().to_string()),
            ("webhook-signature", signature),
        ] {
            headers.extend(HeaderValue::try_from(value).ok().map(|value| (HeaderName::from_static(name), value)));
        }
        Ok(WebhookRequest { endpoint: endpoint.id, url: &endpoint.url, headers, body })
    }
}

/// The body of a delivery: the same for each try.
fn to_body(endpoint: &WebhookEndpoint, mut event: OutboxEvent) -> Bytes {
    if !endpoint.include_user_id {
        event.data.entry(USER_ID).and_modify(|user_id| *user_id = Value::Null);
    }
    serde_json::to_vec(&Event::from(event)).unwrap_or_default().into()
}

/// What a sealed text is for: it opens for nothing else.
fn secret_purpose(endpoint: RecordId, key: RecordId) -> String {
    format!("webhook secret {endpoint} {key}")
}

fn seed_purpose(endpoint: RecordId, key: RecordId) -> String {
    format!("webhook key pair {endpoint} {key}")
}

fn headers_purpose(endpoint: RecordId) -> String {
    format!("webhook headers {endpoint}")
}

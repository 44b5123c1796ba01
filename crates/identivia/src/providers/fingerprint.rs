//! Fingerprint's Server API, version 4: whether the visitor data that a browser sent is what Fingerprint saw of it:
//! <https://docs.fingerprint.com/reference/server-api-v4-get-event>.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::Value;
use tokio::time::timeout;

use crate::config::FingerprintApi;
use crate::domain::fingerprint::{DeviceCheck, DeviceStatus, Visitor};
use crate::providers::http_call::{self, Answer, Look, Patience, ProviderError, Trouble, Turns, wait};
use crate::records::id::RecordId;
use crate::records::time::Millis;

/// Checks at once.
const AT_ONCE: usize = 32;
/// Somebody waits for the record that this is a part of.
const PATIENCE: Patience =
    Patience { connect: Duration::from_secs(1), attempt: Duration::from_secs(2), call: Duration::from_secs(3) };
/// An event that nobody has: asking for it needs all that asking for a real one does.
const NOBODYS: &str = "0000000000000.000000";

/// The API, and the key to it.
pub struct Fingerprint {
    http: Client,
    at: FingerprintApi,
    turns: Turns,
    standing: Look,
}

impl Fingerprint {
    /// An API that need not answer yet.
    ///
    /// # Errors
    /// When this machine's certificates cannot be read.
    pub fn new(at: FingerprintApi) -> anyhow::Result<Self> {
        Ok(Self { http: http_call::http_client(PATIENCE)?, at, turns: Turns::new(AT_ONCE), standing: Look::default() })
    }

    /// Checks visitor data that came with a profile's record.
    ///
    /// # Errors
    /// When Fingerprint could not be asked.
    pub async fn check(&self, data: &str, profile: RecordId, now: Millis) -> Result<DeviceCheck, ProviderError> {
        let Some(claim) = Visitor::of(data) else { return Ok(DeviceCheck::only(DeviceStatus::Unchecked)) };
        // Waiting for a turn counts as well: the record waits for this.
        let event = timeout(PATIENCE.call, self.event(&claim.event)).await.unwrap_or(Err(ProviderError::TooLate))?;
        Ok(match event {
            Some(event) => DeviceCheck::of(&claim, &event, profile, now),
            None => DeviceCheck::only(DeviceStatus::Unknown),
        })
    }

    /// Says whether the API would answer now, as of half a minute ago at most.
    pub async fn is_well(self: &Arc<Self>) -> bool {
        let asked = self.clone();
        self.standing.is_well("fingerprint", async move { asked.look().await }).await
    }

    /// Asks for an event that nobody has.
    ///
    /// # Errors
    /// What stands in the way.
    pub async fn look(&self) -> Result<(), ProviderError> {
        self.event(NOBODYS).await.map(drop)
    }

    fn request(&self, event: &str) -> RequestBuilder {
        self.http.get(format!("{}/v4/events/{event}", self.at.base_url)).bearer_auth(&self.at.key)
    }

    /// Its event of that id, if there is one.
    async fn event(&self, event: &str) -> Result<Option<Value>, ProviderError> {
        let _turn = self.turns.take().await?;
        http_call::call(PATIENCE, || self.request(event), found).await
    }
}

fn found(answer: &Answer) -> Result<Option<Value>, Trouble> {
    let body: Result<Value, _> = serde_json::from_slice(&answer.body);
    let code = body.as_ref().ok().and_then(|body| body["error"]["code"].as_str()).unwrap_or_default();
    match answer.status {
        StatusCode::OK => match body {
            Ok(event) if event["event_id"].is_string() => Ok(Some(event)),
            _ => Err(Trouble::Final(ProviderError::failed("its answer is no event"))),
        },
        StatusCode::NOT_FOUND if code == "event_not_found" => Ok(None),
        StatusCode::FORBIDDEN => Err(Trouble::Final(ProviderError::Denied(http_call::plain(code).to_owned()))),
        StatusCode::TOO_MANY_REQUESTS => Err(Trouble::Passing(ProviderError::Throttled(wait(answer.retry_after)))),
        status if status.is_server_error() => Err(Trouble::Passing(ProviderError::refused(status.as_u16(), code))),
        status => Err(Trouble::Final(ProviderError::refused(status.as_u16(), code))),
    }
}

//! Fingerprint's Server API, version 4: checks a browser's visitor data against Fingerprint's own event:
//! <https://docs.fingerprint.com/reference/server-api-v4-get-event>.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::Value;
use tokio::time::timeout;

use super::http_call::{
    AttemptError, CallPermits, CallTimeouts, HealthCheck, HttpAnswer, ProviderError, bound_retry_after,
    build_http_client, call_with_retries, keep_plain_code,
};
use crate::config::FingerprintApi;
use crate::domain::fingerprint::{DeviceCheck, DeviceStatus, Visitor};
use crate::records::id::RecordId;
use crate::records::time::Millis;

/// The most concurrent calls.
const MAX_CALLS: usize = 32;
/// Short, because the request that adds a verification record waits for the check.
const TIMEOUTS: CallTimeouts =
    CallTimeouts { connect: Duration::from_secs(1), attempt: Duration::from_secs(2), call: Duration::from_secs(3) };
/// The id of an event that does not exist: reading it needs the same permissions as a real one.
const UNKNOWN_EVENT: &str = "0000000000000.000000";

/// Fingerprint's API and the key to it.
pub struct Fingerprint {
    http: Client,
    api: FingerprintApi,
    permits: CallPermits,
    health: HealthCheck,
}

impl Fingerprint {
    /// The API at that address. It is not called yet.
    ///
    /// # Errors
    /// When this machine's certificates cannot be read.
    pub fn new(api: FingerprintApi) -> anyhow::Result<Self> {
        Ok(Self {
            http: build_http_client(TIMEOUTS)?,
            api,
            permits: CallPermits::new(MAX_CALLS),
            health: HealthCheck::new("fingerprint"),
        })
    }

    /// Checks the visitor data of a profile's verification record.
    ///
    /// # Errors
    /// When Fingerprint cannot be reached or refuses the call.
    pub async fn check_visitor_data(
        &self,
        data: &str,
        profile: RecordId,
        now: Millis,
    ) -> Result<DeviceCheck, ProviderError> {
        let Some(claim) = Visitor::of(data) else { return Ok(DeviceCheck::only(DeviceStatus::Unchecked)) };
        // The wait for a permit counts as well, because the record waits for all of it.
        let event = async {
            let event = timeout(TIMEOUTS.call, self.fetch_event(&claim.event)).await;
            event.unwrap_or(Err(ProviderError::Timeout))
        };
        Ok(match self.health.observe_call(event).await? {
            Some(event) => DeviceCheck::of(&claim, &event, profile, now),
            None => DeviceCheck::only(DeviceStatus::Unknown),
        })
    }

    /// Says whether the API answers, from a check within the last half minute.
    pub async fn is_healthy(self: &Arc<Self>) -> bool {
        let fingerprint = self.clone();
        self.health.is_healthy(async move { fingerprint.check_health().await }).await
    }

    /// Reads an event that does not exist.
    ///
    /// # Errors
    /// Why events cannot be read.
    pub async fn check_health(&self) -> Result<(), ProviderError> {
        self.fetch_event(UNKNOWN_EVENT).await.map(drop)
    }

    /// Fetches the event with that id; `None` when Fingerprint has none.
    async fn fetch_event(&self, event: &str) -> Result<Option<Value>, ProviderError> {
        let _permit = self.permits.acquire_permit().await?;
        call_with_retries(TIMEOUTS, || self.build_event_request(event), parse_event).await
    }

    fn build_event_request(&self, event: &str) -> RequestBuilder {
        self.http.get(format!("{}/v4/events/{event}", self.api.base_url)).bearer_auth(&self.api.key)
    }
}

fn parse_event(answer: &HttpAnswer) -> Result<Option<Value>, AttemptError> {
    let body: Result<Value, _> = serde_json::from_slice(&answer.body);
    let code = body.as_ref().ok().and_then(|body| body["error"]["code"].as_str()).unwrap_or_default();
    match answer.status {
        StatusCode::OK => match body {
            Ok(event) if event["event_id"].is_string() => Ok(Some(event)),
            _ => Err(AttemptError::Final(ProviderError::failed("its answer is no event"))),
        },
        StatusCode::NOT_FOUND if code == "event_not_found" => Ok(None),
        StatusCode::FORBIDDEN => Err(AttemptError::Final(ProviderError::Denied(keep_plain_code(code).to_owned()))),
        StatusCode::TOO_MANY_REQUESTS => {
            let seconds = bound_retry_after(answer.retry_after);
            Err(AttemptError::Retryable(ProviderError::RateLimited(seconds)))
        }
        status if status.is_server_error() => {
            Err(AttemptError::Retryable(ProviderError::refused(status.as_u16(), code)))
        }
        status => Err(AttemptError::Final(ProviderError::refused(status.as_u16(), code))),
    }
}

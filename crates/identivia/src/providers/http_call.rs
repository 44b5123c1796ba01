//! Calls to external providers: concurrency, deadlines, retries, bounded answers.
//!
//! A provider gets a bounded number of calls at once. Each call has a deadline and a bounded answer, and follows no
//! redirect. A provider's own texts quote keys, accounts and people, so only its status and its codes go further.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use reqwest::{RequestBuilder, Response, StatusCode, header, redirect};
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, timeout_at};

use crate::availability::Availability;

/// The largest answer that is read, in bytes.
pub const MAX_ANSWER_BYTES: usize = 4 * 1024 * 1024;
/// The most attempts at a call that is safe to repeat, including the first.
pub const MAX_ATTEMPTS: u32 = 3;
/// How long a call waits for a permit. If that is not enough, the provider does not keep up.
const PERMIT_TIMEOUT: Duration = Duration::from_secs(2);
/// The longest delay before the second attempt; it doubles with each further attempt.
const MAX_FIRST_RETRY_DELAY: Duration = Duration::from_millis(400);
/// The longest `Retry-After` that a call obeys itself. The caller is asked to wait for a longer one.
const MAX_OBEYED_RETRY_AFTER: Duration = Duration::from_secs(2);
/// The longest wait that a caller is asked for, in seconds.
const MAX_RETRY_AFTER_SECONDS: u64 = 60;
/// The failures in our own words that mean that a provider cannot be used at all.
const OUTAGES: [&str; 4] = [
    "it cannot be reached",
    "the connection broke off",
    "the request cannot be sent",
    "there are no AWS credentials now",
];
/// How long the result of a health check is valid.
const HEALTH_VALID: Duration = Duration::from_secs(30);

/// Why a call to a provider failed. The texts are ours: they hold a status, a code or a name, and nothing that a provider
/// or a person wrote.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ProviderError {
    /// The provider denies access.
    #[error("access denied: {0}")]
    Denied(String),
    /// The limit of concurrent calls is reached.
    #[error("too many calls to it are under way")]
    Busy,
    /// The engines of this machine have more work than they can do in time: retry after that many seconds.
    #[error("the engines have too much work")]
    Overloaded(u64),
    /// The provider does not answer within the deadline.
    #[error("it does not answer in time")]
    Timeout,
    /// The provider limits the rate of calls: retry after that many seconds.
    #[error("it limits the rate of calls")]
    RateLimited(u64),
    /// A setting is missing, and only the call has shown that it is needed.
    #[error("{0}")]
    MissingSetting(&'static str),
    /// The provider refuses the call, with a status and perhaps a code.
    #[error("it answers {status}{}", if code.is_empty() { String::new() } else { format!(", {code}") })]
    Refused { status: u16, code: String },
    #[error("{0}")]
    Failed(String),
}

impl ProviderError {
    /// A failure, described in our own words.
    pub fn failed(why: impl Into<String>) -> Self {
        Self::Failed(why.into())
    }

    /// A refusal. The code is left out if it could be a text or a key.
    pub fn refused(status: u16, code: &str) -> Self {
        Self::Refused { status, code: keep_plain_code(code).to_owned() }
    }
}

impl ProviderError {
    /// The word of the failure in metrics.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Denied(_) => "denied",
            Self::Busy | Self::Overloaded(_) => "busy",
            Self::Timeout => "timeout",
            Self::RateLimited(_) => "rate_limited",
            Self::MissingSetting(_) => "missing_setting",
            Self::Refused { .. } => "refused",
            Self::Failed(_) => "failed",
        }
    }

    /// Says whether the provider itself is out of order. One that is busy, limits us or refuses a call answers.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Denied(_) | Self::Timeout | Self::MissingSetting(_) => true,
            Self::Refused { status, .. } => *status >= 500,
            // Other failures are of one answer or one picture.
            Self::Failed(why) => OUTAGES.contains(&why.as_str()),
            Self::Busy | Self::Overloaded(_) | Self::RateLimited(_) => false,
        }
    }
}

/// Every word of [`ProviderError::word`], and that of success.
pub const CALL_OUTCOMES: [&str; 8] =
    ["ok", "denied", "busy", "timeout", "rate_limited", "missing_setting", "refused", "failed"];

/// Returns a provider's code if it is a short word of letters, `_` and `.`. Anything else could be a text or, with digits, a
/// key: then the result is empty.
#[must_use]
pub fn keep_plain_code(code: &str) -> &str {
    let is_word =
        code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'.'));
    if is_word { code } else { "" }
}

/// Limits how many calls to a provider run at once.
pub struct CallPermits(Semaphore);

impl CallPermits {
    /// Permits for that many concurrent calls.
    #[must_use]
    pub fn new(max_calls: usize) -> Self {
        Self(Semaphore::new(max_calls))
    }

    /// Waits for a permit.
    ///
    /// # Errors
    /// [`ProviderError::Busy`] when none becomes free in time.
    pub async fn acquire_permit(&self) -> Result<SemaphorePermit<'_>, ProviderError> {
        match tokio::time::timeout(PERMIT_TIMEOUT, self.0.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(ProviderError::Busy),
        }
    }
}

/// The timeouts of calls to a provider.
#[derive(Clone, Copy, Debug)]
pub struct CallTimeouts {
    /// For the connection.
    pub connect: Duration,
    /// For one attempt, including its answer.
    pub attempt: Duration,
    /// For all attempts and the delays between them.
    pub call: Duration,
}

/// Builds a client that follows no redirect and takes no proxy from the environment: data goes to the named host only.
///
/// # Errors
/// When this machine's certificates cannot be read.
pub fn build_http_client(timeouts: CallTimeouts) -> anyhow::Result<reqwest::Client> {
    Ok(reqwest::Client::builder()
        .connect_timeout(timeouts.connect)
        .timeout(timeouts.attempt)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .user_agent("identivia")
        .build()?)
}

/// A provider's answer with its whole body.
pub struct HttpAnswer {
    pub status: StatusCode,
    pub body: Vec<u8>,
    /// The seconds of `Retry-After`.
    pub retry_after: Option<u64>,
}

/// Why an attempt failed, and whether another attempt may succeed.
pub enum AttemptError {
    Retryable(ProviderError),
    Final(ProviderError),
}

/// Sends a request and reads the answer, with retries while the failure is retryable. A redirect is an answer like any
/// other.
///
/// # Errors
/// The last attempt's error, or that the deadline has passed. A request that ran into its own timeout is not sent again: the
/// caller has no time left for another attempt.
pub async fn call_with_retries<T>(
    timeouts: CallTimeouts,
    request: impl Fn() -> RequestBuilder,
    read_answer: impl Fn(&HttpAnswer) -> Result<T, AttemptError>,
) -> Result<T, ProviderError> {
    let deadline = Instant::now() + timeouts.call;
    let mut attempt = 1;
    loop {
        let answer = timeout_at(deadline, send_request(request())).await.map_err(|_| ProviderError::Timeout)?;
        let error = match answer.and_then(|answer| read_answer(&answer)) {
            Ok(result) => return Ok(result),
            Err(AttemptError::Final(error)) => return Err(error),
            Err(AttemptError::Retryable(error)) => error,
        };
        let Some(delay) = retry_delay(attempt, &error).filter(|delay| Instant::now() + *delay < deadline) else {
            return Err(error);
        };
        sleep(delay).await;
        attempt += 1;
    }
}

async fn send_request(request: RequestBuilder) -> Result<HttpAnswer, AttemptError> {
    let response = request.send().await.map_err(|error| to_attempt_error(&error))?;
    read_bounded_answer(response).await
}

/// Classifies a transport error. The library's own text holds the URL, which may contain a key.
fn to_attempt_error(error: &reqwest::Error) -> AttemptError {
    if error.is_connect() {
        AttemptError::Retryable(ProviderError::failed("it cannot be reached"))
    } else if error.is_timeout() {
        AttemptError::Final(ProviderError::Timeout)
    } else {
        AttemptError::Retryable(ProviderError::failed("the connection broke off"))
    }
}

async fn read_bounded_answer(mut response: Response) -> Result<HttpAnswer, AttemptError> {
    let (status, retry_after) = (response.status(), parse_retry_after(&response));
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| to_attempt_error(&error))? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(AttemptError::Final(ProviderError::failed("its answer is larger than 4 MiB")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(HttpAnswer { status, body: body.into(), retry_after })
}

fn parse_retry_after(response: &Response) -> Option<u64> {
    response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

/// The seconds after which a caller should retry, given the provider's `Retry-After`.
#[must_use]
pub fn bound_retry_after(requested: Option<u64>) -> u64 {
    requested.unwrap_or(1).clamp(1, MAX_RETRY_AFTER_SECONDS)
}

/// The delay before the next attempt; `None` when there is no further attempt. Jitter spreads callers that were refused at
/// the same time.
fn retry_delay(attempt: u32, error: &ProviderError) -> Option<Duration> {
    if attempt >= MAX_ATTEMPTS {
        return None;
    }
    let requested = match error {
        ProviderError::RateLimited(seconds) => Duration::from_secs(*seconds),
        _ => Duration::ZERO,
    };
    let longest = MAX_FIRST_RETRY_DELAY * 2_u32.pow(attempt - 1);
    (requested <= MAX_OBEYED_RETRY_AFTER).then(|| requested + longest.mul_f64(random_fraction()))
}

/// A number from 0 to 1.
pub(super) fn random_fraction() -> f64 {
    let mut bytes = [0; 4];
    match getrandom::fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 1.0,
    }
}

/// A provider's health, checked at most once in half a minute. Concurrent callers wait for the check under way, so that
/// health checks cost a provider little.
///
/// It also watches the calls of requests: their number, failures and time, and one log line for each outage.
#[derive(Clone)]
pub struct HealthCheck {
    last: Arc<Mutex<Option<HealthResult>>>,
    availability: Arc<Availability>,
}

struct HealthResult {
    at: Instant,
    outcome: Result<(), String>,
}

impl HealthCheck {
    /// The health of the provider of that name, which is its label in metrics and log lines.
    #[must_use]
    pub fn new(provider: &'static str) -> Self {
        Self { last: Arc::default(), availability: Arc::new(Availability::new(provider)) }
    }

    /// Makes a call, and notes how long it took and what came of it.
    ///
    /// # Errors
    /// The call's own.
    pub async fn observe_call<T>(
        &self,
        call: impl Future<Output = Result<T, ProviderError>>,
    ) -> Result<T, ProviderError> {
        let started = Instant::now();
        let outcome = call.await;
        let provider = self.availability.service();
        let seconds = started.elapsed().as_secs_f64();
        metrics::histogram!("identivia_provider_seconds", "provider" => provider).record(seconds);
        let word = outcome.as_ref().map_or_else(ProviderError::word, |_| "ok");
        metrics::counter!("identivia_provider_calls_total", "provider" => provider, "outcome" => word).increment(1);
        self.note_outcome(outcome.as_ref().map(|_| ()));
        outcome
    }

    fn note_outcome(&self, outcome: Result<(), &ProviderError>) {
        match outcome {
            Err(error) if error.is_outage() => self.availability.note_failure(error),
            Err(ProviderError::Busy | ProviderError::Overloaded(_)) => {}
            _ => self.availability.note_success(),
        }
    }

    /// Says whether the provider is healthy, from a valid result or by a new check, and logs a change. A check continues
    /// when its caller is gone: the next caller uses its result.
    pub async fn is_healthy(&self, check: impl Future<Output = Result<(), ProviderError>> + Send + 'static) -> bool {
        let mut last = self.last.clone().lock_owned().await;
        if let Some(HealthResult { at, outcome }) = &*last
            && at.elapsed() < HEALTH_VALID
        {
            return outcome.is_ok();
        }
        let watch = self.clone();
        let checking = tokio::spawn(async move {
            let outcome = check.await;
            watch.note_outcome(outcome.as_ref().copied());
            let outcome = match outcome {
                // A provider that limits the rate of calls works and accepts our credentials.
                Ok(()) | Err(ProviderError::RateLimited(_)) => Ok(()),
                Err(error) => Err(error.to_string()),
            };
            let is_healthy = outcome.is_ok();
            *last = Some(HealthResult { at: Instant::now(), outcome });
            is_healthy
        });
        checking.await.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_codes_of_a_provider_are_kept() {
        for code in ["AccessDeniedException", "insufficient_quota", "Sender.Throttled"] {
            assert_eq!(keep_plain_code(code), code);
        }
        for text in ["sk-CANARYKEY", "AKIA1234567890", "a text", "line\nline", "\u{1b}[31m", &"a".repeat(65)] {
            assert_eq!(keep_plain_code(text), "", "{text}");
            assert_eq!(ProviderError::refused(400, text).to_string(), "it answers 400");
        }
    }

    #[test]
    fn retry_delays_grow_and_end() {
        let error = ProviderError::failed("x");
        assert!(retry_delay(1, &error).unwrap() <= MAX_FIRST_RETRY_DELAY);
        assert!(retry_delay(2, &error).unwrap() <= MAX_FIRST_RETRY_DELAY * 2);
        assert!(retry_delay(MAX_ATTEMPTS, &error).is_none());
        let requested = retry_delay(1, &ProviderError::RateLimited(1)).unwrap();
        assert!(requested >= Duration::from_secs(1), "as long as the provider asks for");
        assert!(retry_delay(1, &ProviderError::RateLimited(3)).is_none(), "the caller has to wait");
    }
}

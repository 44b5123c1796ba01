//! Services that are not ours: what all calls to them have in common. Each has its own room beside this one.
//!
//! A provider gets a bounded number of calls at once, each within a deadline, with a bounded answer and no redirect
//! followed. Nothing that a provider says in words goes further than the check of its status and codes: its texts quote
//! keys, accounts and people.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use reqwest::{RequestBuilder, Response, StatusCode, header, redirect};
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, timeout_at};

/// The largest answer that is read, in bytes.
pub const MAX_ANSWER: usize = 4 * 1024 * 1024;
/// Attempts at a call that is safe to repeat, the first one counted.
pub const ATTEMPTS: u32 = 3;
/// How long a call waits for its turn. Longer, and the provider is not keeping up.
const TURN: Duration = Duration::from_secs(2);
/// The pause before the second attempt at most; it doubles with each further one.
const PAUSE: Duration = Duration::from_millis(400);
/// The longest pause that a provider may ask for and get. A longer one is the caller's to wait.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// The longest wait that is passed on to a caller, in seconds.
const LONGEST_WAIT: u64 = 60;
/// How long it counts what the last look at a provider has found.
const LOOK_COUNTS: Duration = Duration::from_secs(30);

/// Why a provider did not do its part. The texts are ours: they hold a status, a code or a name, and nothing that a
/// provider or a person said.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ProviderError {
    /// It does not let us do that.
    #[error("access denied: {0}")]
    Denied(String),
    /// As many calls to it as there may be are under way.
    #[error("too many calls to it are under way")]
    Busy,
    /// It does not answer within the deadline.
    #[error("it does not answer in time")]
    TooLate,
    /// It asks for patience, for that many seconds.
    #[error("it asks for patience")]
    Throttled(u64),
    /// A setting is missing that only the call has shown to be needed.
    #[error("{0}")]
    Unset(&'static str),
    /// It refuses the call, with a status and, maybe, a code of its own.
    #[error("it answers {status}{}", if code.is_empty() { String::new() } else { format!(", {code}") })]
    Refused { status: u16, code: String },
    #[error("{0}")]
    Failed(String),
}

impl ProviderError {
    /// A failure in our words.
    pub fn failed(why: impl Into<String>) -> Self {
        Self::Failed(why.into())
    }

    /// A refusal, its code left out if it could be more than that.
    pub fn refused(status: u16, code: &str) -> Self {
        Self::Refused { status, code: plain(code).to_owned() }
    }
}

/// A code that a provider sent, when it is one: a short word of letters, `_` and `.`. Anything else could be a text or,
/// where digits are in it, a key.
#[must_use]
pub fn plain(code: &str) -> &str {
    let is_word =
        code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'.'));
    if is_word { code } else { "" }
}

/// How many calls a provider gets at once.
pub struct Turns(Semaphore);

impl Turns {
    /// That many at once.
    #[must_use]
    pub fn new(at_once: usize) -> Self {
        Self(Semaphore::new(at_once))
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// [`ProviderError::Busy`] when none comes up in time.
    pub async fn take(&self) -> Result<SemaphorePermit<'_>, ProviderError> {
        match tokio::time::timeout(TURN, self.0.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(ProviderError::Busy),
        }
    }
}

/// How long a provider may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Until a connection stands.
    pub connect: Duration,
    /// One attempt, its answer read.
    pub attempt: Duration,
    /// All attempts and the pauses between them.
    pub call: Duration,
}

/// A client that follows no redirect and takes no proxy from the environment: what is sent stays with the host that was
/// named.
///
/// # Errors
/// When this machine's certificates cannot be read.
pub fn http_client(patience: Patience) -> anyhow::Result<reqwest::Client> {
    Ok(reqwest::Client::builder()
        .connect_timeout(patience.connect)
        .timeout(patience.attempt)
        .redirect(redirect::Policy::none())
        .no_proxy()
        .user_agent("identivia")
        .build()?)
}

/// An answer, read whole.
pub struct Answer {
    pub status: StatusCode,
    pub body: Vec<u8>,
    /// What `Retry-After` says, in seconds.
    pub retry_after: Option<u64>,
}

/// Why an attempt came to nothing, and whether another may come to more.
pub enum Trouble {
    Passing(ProviderError),
    Final(ProviderError),
}

/// Sends a request, again while its failure may pass, and reads the answer. A redirect is an answer like any other.
///
/// # Errors
/// What the last attempt came to, or that the deadline has passed. A request that ran into its own deadline is not sent
/// again: whoever waits has no time left for another.
pub async fn call<T>(
    patience: Patience,
    request: impl Fn() -> RequestBuilder,
    judge: impl Fn(&Answer) -> Result<T, Trouble>,
) -> Result<T, ProviderError> {
    let deadline = Instant::now() + patience.call;
    let mut attempt = 1;
    loop {
        let answer = timeout_at(deadline, answer(request())).await.map_err(|_| ProviderError::TooLate)?;
        let error = match answer.and_then(|answer| judge(&answer)) {
            Ok(good) => return Ok(good),
            Err(Trouble::Final(error)) => return Err(error),
            Err(Trouble::Passing(error)) => error,
        };
        let Some(pause) = pause(attempt, &error).filter(|pause| Instant::now() + *pause < deadline) else {
            return Err(error);
        };
        sleep(pause).await;
        attempt += 1;
    }
}

async fn answer(request: RequestBuilder) -> Result<Answer, Trouble> {
    let response = request.send().await.map_err(|error| unsent(&error))?;
    read(response).await
}

/// What kept a request from its answer. The library's own words hold the URL, and may hold a key in it.
fn unsent(error: &reqwest::Error) -> Trouble {
    if error.is_connect() {
        Trouble::Passing(ProviderError::failed("it cannot be reached"))
    } else if error.is_timeout() {
        Trouble::Final(ProviderError::TooLate)
    } else {
        Trouble::Passing(ProviderError::failed("it breaks off"))
    }
}

async fn read(mut response: Response) -> Result<Answer, Trouble> {
    let (status, retry_after) = (response.status(), retry_after(&response));
    let mut body = BytesMut::new();
    while let Some(piece) = response.chunk().await.map_err(|error| unsent(&error))? {
        if body.len() + piece.len() > MAX_ANSWER {
            return Err(Trouble::Final(ProviderError::failed("its answer is larger than 4 MiB")));
        }
        body.extend_from_slice(&piece);
    }
    Ok(Answer { status, body: body.into(), retry_after })
}

fn retry_after(response: &Response) -> Option<u64> {
    response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

/// The seconds that a caller is told to wait, of those that a provider asks for.
#[must_use]
pub fn wait(asked: Option<u64>) -> u64 {
    asked.unwrap_or(1).clamp(1, LONGEST_WAIT)
}

/// How long to wait before the next attempt; `None` when there is none to be made. Jitter keeps those apart who were
/// refused together.
fn pause(attempt: u32, error: &ProviderError) -> Option<Duration> {
    if attempt >= ATTEMPTS {
        return None;
    }
    let asked = match error {
        ProviderError::Throttled(seconds) => Duration::from_secs(*seconds),
        _ => Duration::ZERO,
    };
    let most = PAUSE * 2_u32.pow(attempt - 1);
    (asked <= LONGEST_PAUSE).then(|| asked + most.mul_f64(random_share()))
}

/// A number from 0 to 1.
fn random_share() -> f64 {
    let mut bytes = [0; 4];
    match aws_lc_rs::rand::fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 1.0,
    }
}

/// How a provider was when it was last looked at. A look counts for half a minute, and whoever comes meanwhile waits for
/// the one under way, so that health checks cost a provider little.
#[derive(Clone, Default)]
pub struct Look(Arc<Mutex<Option<Seen>>>);

struct Seen {
    at: Instant,
    found: Result<(), String>,
}

impl Look {
    /// Says whether the provider is well, by the last look or a new one, and tells the log when that changes. A look goes on
    /// when whoever asked for it has gone: the next one finds what it has found.
    pub async fn is_well(
        &self,
        name: &'static str,
        look: impl Future<Output = Result<(), ProviderError>> + Send + 'static,
    ) -> bool {
        let mut last = self.0.clone().lock_owned().await;
        if let Some(Seen { at, found }) = &*last
            && at.elapsed() < LOOK_COUNTS
        {
            return found.is_ok();
        }
        let looking = tokio::spawn(async move {
            let found = match look.await {
                // It is there and knows us; it has enough to do.
                Ok(()) | Err(ProviderError::Throttled(_)) => Ok(()),
                Err(error) => Err(error.to_string()),
            };
            let was_well = last.as_ref().is_none_or(|seen| seen.found.is_ok());
            match &found {
                Err(cause) if was_well => tracing::warn!(provider = name, cause, "a provider is not well"),
                Ok(()) if !was_well => tracing::info!(provider = name, "a provider is well again"),
                _ => {}
            }
            let is_well = found.is_ok();
            *last = Some(Seen { at: Instant::now(), found });
            is_well
        });
        looking.await.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_providers_words_only_codes_are_told() {
        for code in ["AccessDeniedException", "insufficient_quota", "Sender.Throttled"] {
            assert_eq!(plain(code), code);
        }
        for text in ["sk-CANARYKEY", "AKIA1234567890", "a text", "line\nline", "\u{1b}[31m", &"a".repeat(65)] {
            assert_eq!(plain(text), "", "{text}");
            assert_eq!(ProviderError::refused(400, text).to_string(), "it answers 400");
        }
    }

    #[test]
    fn pauses_grow_and_end() {
        let passing = ProviderError::failed("x");
        assert!(pause(1, &passing).unwrap() <= PAUSE && pause(2, &passing).unwrap() <= PAUSE * 2);
        assert!(pause(ATTEMPTS, &passing).is_none());
        let asked = pause(1, &ProviderError::Throttled(1)).unwrap();
        assert!(asked >= Duration::from_secs(1), "as long as it asks for");
        assert!(pause(1, &ProviderError::Throttled(3)).is_none(), "that is the caller's to wait");
    }
}

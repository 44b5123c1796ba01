//! Calls to PocketBase: signed in, within deadlines, with every answer understood.
//!
//! A dead token makes its bearer a guest, and PocketBase tells a guest nothing: a list is empty, a record is not found, a
//! new one is refused without a reason. So an answer that a guest might get is believed only once the token has been
//! proved. That goes for a superuser too: the rules of a collection may let a guest in as far as that.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Method, RequestBuilder, Response, StatusCode, redirect};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{Mutex, RwLock, Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::{refused, unexpected};
use crate::clock::Clock;
use crate::store::{Result, StoreError};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a call may take.
const DEADLINE: Duration = Duration::from_secs(8);
/// How long a call may take that carries files.
const FILES_DEADLINE: Duration = Duration::from_secs(120);
/// How long somebody may take to read a file: PocketBase itself gives up after that.
const DOWNLOAD_DEADLINE: Duration = Duration::from_secs(300);
/// How long a transfer may stand still.
const STALL: Duration = Duration::from_secs(10);
/// Calls under way at once; more wait for a place, this long at most.
const PLACES: usize = 64;
const PATIENCE: Duration = Duration::from_secs(2);
/// The largest answer that is read, in bytes.
const MAX_ANSWER: usize = 4 * 1024 * 1024;
/// A token is renewed this long before it ends, or at half its life if it lives shorter than twice that.
const RENEW_BEFORE_SECONDS: i64 = 300;
/// And no sooner than this, however far our clock is from PocketBase's: a token that is dead before shows by itself.
const SHORTEST_LIFE_SECONDS: i64 = 60;
/// How long nobody tries to sign in after PocketBase could not be reached, and after it refused the password.
const AFTER_SILENCE: Duration = Duration::from_secs(1);
const AFTER_REFUSAL: Duration = Duration::from_secs(30);

pub use crate::config::PocketBaseAccount as Account;

/// The two collections that can sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Superuser,
    User,
}

impl Role {
    const fn collection(self) -> &'static str {
        match self {
            Self::Superuser => "_superusers",
            Self::User => "users",
        }
    }
}

/// What a sign-in has given us.
pub(super) struct Session {
    token: String,
    /// Seconds since 1970 at which it is renewed.
    renew_at: i64,
    pub(super) role: Role,
    /// That record's `team`; empty if it has none.
    pub(super) team: String,
}

/// How things stand with PocketBase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Authenticated,
    Unauthenticated,
    Unreachable,
}

impl Standing {
    /// Its word in the health report.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Authenticated => "authenticated",
            Self::Unauthenticated => "unauthenticated",
            Self::Unreachable => "unreachable",
        }
    }
}

/// What came of a call.
#[derive(Debug)]
pub(super) enum Answer {
    Done(Value),
    /// No such record, or none that we may see.
    Missing,
    /// Some fields are wrong; their names, and PocketBase's words for what is.
    Invalid(Vec<(String, String)>),
    /// The batch API is off.
    BatchOff,
}

impl Answer {
    /// The record that was asked for, or that is kept now; `None` when it is not there.
    pub(super) fn kept(self) -> Result<Option<Value>> {
        match self {
            Self::Done(record) => Ok(Some(record)),
            Self::Missing => Ok(None),
            Self::Invalid(faults) => Err(refused(&faults)),
            Self::BatchOff => Err(unexpected()),
        }
    }
}

/// The last sign-in that failed.
struct Failure {
    error: StoreError,
    until: Instant,
    refused: bool,
}

/// A signed-in connection to PocketBase.
pub(super) struct Client {
    http: reqwest::Client,
    pub(super) account: Account,
    clock: Clock,
    session: RwLock<Option<Arc<Session>>>,
    /// Held by the one that signs in.
    signing_in: Mutex<Option<Failure>>,
    places: Semaphore,
}

impl Client {
    pub(super) fn new(account: Account, clock: Clock) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(STALL)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .user_agent("identivia")
            .build()?;
        Ok(Self {
            http,
            account,
            clock,
            session: RwLock::default(),
            signing_in: Mutex::default(),
            places: Semaphore::new(PLACES),
        })
    }

    /// A request to a path of the API, for [`Client::call`] to complete.
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.account.url)).timeout(DEADLINE)
    }

    /// The same, for a request that carries files.
    pub(super) fn files_request(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).timeout(FILES_DEADLINE)
    }

    /// Sends a request as the user we are, once more with a new token if the first turns out to be dead: then nothing has
    /// been done. A request that could not be sent or got no answer is not repeated: it may have been done.
    pub(super) async fn call(&self, make: impl Fn(&Self) -> Result<RequestBuilder> + Send + Sync) -> Result<Answer> {
        let _place = self.place().await?;
        let session = self.session().await?;
        let outcome = answer(make(self)?.bearer_auth(&session.token)).await?;
        if !self.is_dead(&session, &outcome).await? {
            return outcome.understood();
        }
        let renewed = self.renew(&session).await?;
        answer(make(self)?.bearer_auth(&renewed.token)).await?.understood()
    }

    /// Opens a file. The answer's body is still to be read.
    pub(super) async fn download(&self, path: &str) -> Result<Option<Response>> {
        let made = self.call(|client| Ok(client.request(Method::POST, "/api/files/token"))).await?;
        let Answer::Done(made) = made else { return Ok(None) };
        let token = made["token"].as_str().unwrap_or_default();
        // The token is the whole of its right, and short-lived; it goes in the query because nothing else is looked at.
        let request = self.request(Method::GET, path).timeout(DOWNLOAD_DEADLINE).query(&[("token", token)]);
        let response = request.send().await.map_err(|error| unreachable(&error))?;
        match response.status() {
            StatusCode::OK => Ok(Some(response)),
            StatusCode::NOT_FOUND => {
                let outcome = read(response).await?;
                // A token that has died since it was made is answered the same.
                if self.is_alive(&*self.session().await?).await? {
                    return outcome.understood().map(|_| None);
                }
                Err(StoreError::Unavailable("PocketBase's token has died meanwhile".to_owned()))
            }
            status => Err(StoreError::Unavailable(format!("PocketBase answered {status} to the request for a file"))),
        }
    }

    /// Who we are there, signing in if need be.
    pub(super) async fn session(&self) -> Result<Arc<Session>> {
        let current = self.session.read().await.clone();
        match current {
            Some(session) if self.clock.now().seconds() < session.renew_at => Ok(session),
            stale => self.replace(stale).await,
        }
    }

    /// Asks PocketBase how we stand.
    pub(super) async fn standing(&self) -> Standing {
        let reachable = self.request(Method::GET, "/api/health").timeout(CONNECT_TIMEOUT).send().await;
        if !reachable.is_ok_and(|response| response.status().is_success()) {
            return Standing::Unreachable;
        }
        match self.session().await {
            Ok(session) => match self.is_alive(&session).await {
                Ok(true) => Standing::Authenticated,
                Ok(false) if self.renew(&session).await.is_ok() => Standing::Authenticated,
                Ok(false) => Standing::Unauthenticated,
                Err(_) => Standing::Unreachable,
            },
            Err(_) if self.signing_in.lock().await.as_ref().is_some_and(|failure| failure.refused) => {
                Standing::Unauthenticated
            }
            Err(_) => Standing::Unreachable,
        }
    }

    async fn place(&self) -> Result<SemaphorePermit<'_>> {
        match tokio::time::timeout(PATIENCE, self.places.acquire()).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(StoreError::Busy),
        }
    }

    /// Says whether an answer is one that a guest would get because our token has died.
    async fn is_dead(&self, session: &Session, outcome: &Outcome) -> Result<bool> {
        Ok(outcome.is_guest_like() && !self.is_alive(session).await?)
    }

    /// Asks PocketBase whether a token is alive.
    async fn is_alive(&self, session: &Session) -> Result<bool> {
        let path = format!("/api/collections/{}/auth-refresh", session.role.collection());
        let outcome = answer(self.request(Method::POST, &path).bearer_auth(&session.token)).await?;
        match outcome.status {
            status if status.is_success() => Ok(true),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND if outcome.is_pocketbases() => {
                Ok(false)
            }
            status => Err(StoreError::Unavailable(format!("PocketBase answered {status} to the renewal of a token"))),
        }
    }

    async fn renew(&self, dead: &Arc<Session>) -> Result<Arc<Session>> {
        self.replace(Some(dead.clone())).await
    }

    /// Signs in anew unless somebody else has meanwhile. However many ask, one signs in.
    async fn replace(&self, stale: Option<Arc<Session>>) -> Result<Arc<Session>> {
        let mut failed = self.signing_in.lock().await;
        let current = self.session.read().await.clone();
        if let Some(current) = &current
            && !stale.as_ref().is_some_and(|stale| Arc::ptr_eq(stale, current))
        {
            return Ok(current.clone());
        }
        if let Some(failure) = failed.as_ref().filter(|failure| Instant::now() < failure.until) {
            return Err(failure.error.clone());
        }
        match self.sign_in(current.as_ref().map(|session| session.role)).await {
            Ok(session) => {
                let session = Arc::new(session);
                *self.session.write().await = Some(session.clone());
                *failed = None;
                Ok(session)
            }
            Err((error, refused)) => {
                let pause = if refused { AFTER_REFUSAL } else { AFTER_SILENCE };
                tracing::warn!(%error, "signing in to PocketBase failed; the next try is in {} s", pause.as_secs());
                *failed = Some(Failure { error: error.clone(), until: Instant::now() + pause, refused });
                Err(error)
            }
        }
    }

    /// Signs in as whom we signed in before; the first time as a superuser or, failing that, as a user.
    async fn sign_in(&self, before: Option<Role>) -> std::result::Result<Session, (StoreError, bool)> {
        let roles = match before {
            Some(Role::User) => [Role::User, Role::Superuser],
            _ => [Role::Superuser, Role::User],
        };
        for role in roles {
            let path = format!("/api/collections/{}/auth-with-password", role.collection());
            let credentials = json!({"identity": self.account.email, "password": self.account.password});
            let outcome = answer(self.request(Method::POST, &path).json(&credentials)).await;
            let outcome = outcome.map_err(|error| (error, false))?;
            match outcome.status {
                status if status.is_success() => return self.signed_in(role, &outcome).map_err(|error| (error, false)),
                StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND if outcome.is_pocketbases() => {
                }
                status => {
                    let text = format!("PocketBase answered {status} to the sign-in");
                    return Err((StoreError::Unavailable(text), false));
                }
            }
        }
        let text = "PocketBase refuses PB_USER_EMAIL and PB_USER_PASSWORD, as a superuser and as a user";
        Err((StoreError::Unavailable(text.to_owned()), true))
    }

    fn signed_in(&self, role: Role, outcome: &Outcome) -> Result<Session> {
        let incomplete = || StoreError::Unavailable("PocketBase answered a sign-in without a token".to_owned());
        let body = outcome.body.as_ref().ok_or_else(incomplete)?;
        let token = body["token"].as_str().ok_or_else(incomplete)?.to_owned();
        let renew_at = renewal(self.clock.now().seconds(), expiry(&token).ok_or_else(incomplete)?);
        Ok(Session { token, renew_at, role, team: body["record"]["team"].as_str().unwrap_or_default().to_owned() })
    }
}

/// When a token that ends then is renewed, all in seconds since 1970.
fn renewal(now: i64, end: i64) -> i64 {
    let life = end.saturating_sub(now);
    now + (life - RENEW_BEFORE_SECONDS.min(life / 2)).max(SHORTEST_LIFE_SECONDS)
}

/// When a token ends, in seconds since 1970. It is ours, and only the reminder to renew it hangs on this.
fn expiry(token: &str) -> Option<i64> {
    #[derive(Deserialize)]
    struct Claims {
        exp: i64,
    }
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice::<Claims>(&payload).ok().map(|claims| claims.exp)
}

/// An answer, read.
struct Outcome {
    status: StatusCode,
    /// `None` when it is no JSON: PocketBase cuts some error texts off.
    body: Option<Value>,
    is_batch: bool,
}

impl Outcome {
    /// Says whether a guest could get this answer.
    fn is_guest_like(&self) -> bool {
        let body = self.body.as_ref();
        match self.status {
            StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND => true,
            StatusCode::FORBIDDEN => !self.is_batch,
            StatusCode::OK => body.is_some_and(|body| body["items"].as_array().is_some_and(Vec::is_empty)),
            StatusCode::BAD_REQUEST => match self.refused_item() {
                Some(item) => item["status"] == 403 || no_reason(item),
                None => body.is_none_or(no_reason),
            },
            _ => false,
        }
    }

    /// Says whether a refusal is PocketBase's own: what stands before it, or in its place, has other bodies.
    fn is_pocketbases(&self) -> bool {
        self.body.as_ref().is_some_and(|body| body["status"] == self.status.as_u16())
    }

    /// The answer to the request that made a batch fail.
    fn refused_item(&self) -> Option<&Value> {
        let requests = self.body.as_ref()?["data"]["requests"].as_object()?;
        requests.values().next().map(|item| &item["response"]).filter(|item| item.is_object())
    }

    fn understood(self) -> Result<Answer> {
        let unavailable = |text: String| Err(StoreError::Unavailable(text));
        match self.status {
            status if status.is_success() => Ok(Answer::Done(self.body.unwrap_or_default())),
            StatusCode::NOT_FOUND if self.is_pocketbases() => missing(self.body.as_ref()),
            StatusCode::FORBIDDEN if self.is_batch && self.is_pocketbases() => Ok(Answer::BatchOff),
            StatusCode::BAD_REQUEST => {
                let refused = self.refused_item().or(self.body.as_ref());
                match refused {
                    Some(refused) if refused["status"] == 404 => missing(Some(refused)),
                    Some(refused) if !no_reason(refused) => Ok(Answer::Invalid(faults(refused))),
                    // What a full disk looks like, a batch that took too long, or a rule that says no.
                    _ => unavailable("PocketBase refused without a reason: is its disk full?".to_owned()),
                }
            }
            StatusCode::PAYLOAD_TOO_LARGE => {
                Ok(Answer::Invalid(vec![("body".to_owned(), "is larger than PocketBase takes".to_owned())]))
            }
            status if status.is_redirection() => unavailable(format!(
                "PocketBase's address answers with a redirection ({status}): set POCKETBASE_URL to where it leads"
            )),
            StatusCode::NOT_FOUND => {
                unavailable("what answers 404 is not PocketBase: is POCKETBASE_URL its address?".to_owned())
            }
            StatusCode::FORBIDDEN => unavailable(
                "PocketBase's rules keep this user out; run: identivia pocketbase init --service-user EMAIL".to_owned(),
            ),
            status => unavailable(format!("PocketBase answered {status}")),
        }
    }
}

/// A record that is not there, unless it is the whole collection.
fn missing(refused: Option<&Value>) -> Result<Answer> {
    let message = refused.and_then(|refused| refused["message"].as_str()).unwrap_or_default();
    if message.starts_with("Missing") && message.contains("collection") {
        let text = "PocketBase lacks a collection; make it with: identivia pocketbase init";
        return Err(StoreError::Unavailable(text.to_owned()));
    }
    Ok(Answer::Missing)
}

fn no_reason(refused: &Value) -> bool {
    refused["data"].as_object().is_none_or(serde_json::Map::is_empty)
}

/// The wrong fields of a refusal, with PocketBase's code for each. Its messages may quote what was sent.
fn faults(refused: &Value) -> Vec<(String, String)> {
    let fields = refused["data"].as_object().into_iter().flatten();
    fields.map(|(name, fault)| (name.clone(), fault["code"].as_str().unwrap_or("invalid").to_owned())).collect()
}

async fn answer(request: RequestBuilder) -> Result<Outcome> {
    read(request.send().await.map_err(|error| unreachable(&error))?).await
}

async fn read(mut response: Response) -> Result<Outcome> {
    let status = response.status();
    let is_batch = response.url().path().ends_with("/api/batch");
    let mut bytes = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| unreachable(&error))? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > MAX_ANSWER {
            return Err(StoreError::Unavailable("PocketBase's answer is larger than 4 MiB".to_owned()));
        }
    }
    let body = serde_json::from_slice(&bytes).ok();
    if status.is_success() && body.is_none() && !bytes.is_empty() {
        return Err(StoreError::Unavailable(
            "PocketBase's answer is no JSON: is POCKETBASE_URL its address?".to_owned(),
        ));
    }
    Ok(Outcome { status, body, is_batch })
}

/// Why there was no answer. The library's own text may hold the URL, and with it what is searched for.
pub(super) fn unreachable(error: &reqwest::Error) -> StoreError {
    let what = if error.is_timeout() {
        "PocketBase did not answer in time"
    } else if error.is_connect() {
        "PocketBase cannot be reached"
    } else {
        "the connection to PocketBase broke off"
    };
    StoreError::Unavailable(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_before_its_end_but_not_all_the_time_when_the_clocks_differ() {
        let now = 1_000_000;
        assert_eq!(renewal(now, now + 86_400), now + 86_100);
        assert_eq!(renewal(now, now + 300), now + 150);
        for end in [now, now - 86_400, 0, i64::MIN] {
            assert_eq!(renewal(now, end), now + SHORTEST_LIFE_SECONDS, "{end}");
        }
    }
}

//! Calls to PocketBase's API: sign-in, token renewal, timeouts, and the meaning of each answer.
//!
//! A dead token makes its bearer a guest, and PocketBase hides everything from a guest: a list is empty, a record is not
//! found, a new one is refused without a reason. So an answer that a guest might get counts only once the token has been
//! proved. That holds for a superuser too: the rules of a collection may admit a guest that far.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::{Method, RequestBuilder, Response, StatusCode, redirect};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::{Mutex, RwLock, Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::answers::{CallAnswer, PocketBaseAnswer, read_answer, send_request, unreachable_error};
use crate::clock::Clock;
use crate::store::{Result, StoreError};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The timeout of a call.
const CALL_TIMEOUT: Duration = Duration::from_secs(8);
/// The timeout of a call that carries files.
const FILES_TIMEOUT: Duration = Duration::from_secs(120);
/// The timeout of a download: PocketBase itself gives up after that.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(300);
/// How long a transfer may make no progress.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Calls that run at once; more wait for a permit, this long at most.
const MAX_CONCURRENT_CALLS: usize = 64;
const PERMIT_TIMEOUT: Duration = Duration::from_secs(2);
/// A token is renewed this long before it ends, or at half its life if it lives shorter than twice that.
const RENEW_BEFORE_SECONDS: i64 = 300;
/// The shortest time to a renewal, however far the two clocks differ: a token that is dead before shows by itself.
const SHORTEST_LIFE_SECONDS: i64 = 60;
/// The pause between sign-ins after PocketBase could not be reached, and after it refused the password.
const PAUSE_WHEN_UNREACHABLE: Duration = Duration::from_secs(1);
const PAUSE_WHEN_REFUSED: Duration = Duration::from_secs(30);

pub use crate::config::PocketBaseAccount as Account;

/// The two collections whose records can sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AccountRole {
    Superuser,
    User,
}

impl AccountRole {
    const fn collection(self) -> &'static str {
        match self {
            Self::Superuser => "_superusers",
            Self::User => "users",
        }
    }
}

/// A sign-in: its token, and the account's role and team.
pub(super) struct SignedInSession {
    token: String,
    /// Seconds since 1970 at which it is renewed.
    renew_at: i64,
    pub(super) role: AccountRole,
    /// The id of the record that signed in.
    pub(super) record_id: String,
    /// That record's `team`; empty if it has none.
    pub(super) team: String,
}

/// Whether PocketBase can be reached and accepts the sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionState {
    Authenticated,
    Unauthenticated,
    Unreachable,
}

impl ConnectionState {
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

/// The last sign-in that failed.
struct AccountFailure {
    error: StoreError,
    until: Instant,
    refused: bool,
}

/// A signed-in connection to PocketBase.
pub(super) struct ApiClient {
    http: reqwest::Client,
    pub(super) account: Account,
    clock: Clock,
    session: RwLock<Option<Arc<SignedInSession>>>,
    /// Held by the task that signs in.
    signing_in: Mutex<Option<AccountFailure>>,
    call_permits: Semaphore,
}

impl ApiClient {
    pub(super) fn new(account: Account, clock: Clock) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
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
            call_permits: Semaphore::new(MAX_CONCURRENT_CALLS),
        })
    }

    /// A request to a path of the API, for [`ApiClient::call`] to complete.
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.account.url)).timeout(CALL_TIMEOUT)
    }

    /// The same, for a request that carries files.
    pub(super) fn files_request(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).timeout(FILES_TIMEOUT)
    }

    /// Sends a request as this account, and again with a new token if the first was dead: then nothing has been done. A
    /// request that could not be sent or got no answer is not repeated: it may have been done.
    pub(super) async fn call(
        &self,
        make: impl Fn(&Self) -> Result<RequestBuilder> + Send + Sync,
    ) -> Result<CallAnswer> {
        let _permit = self.acquire_permit().await?;
        let session = self.current_session().await?;
        let outcome = send_request(make(self)?.bearer_auth(&session.token)).await?;
        if !self.is_from_dead_token(&session, &outcome).await? {
            return outcome.into_call_answer();
        }
        let renewed = self.renew_session(&session).await?;
        send_request(make(self)?.bearer_auth(&renewed.token)).await?.into_call_answer()
    }

    /// Opens a file. The answer's body is still to be read.
    pub(super) async fn download(&self, path: &str) -> Result<Option<Response>> {
        let made = self.call(|client| Ok(client.request(Method::POST, "/api/files/token"))).await?;
        let CallAnswer::Done(made) = made else { return Ok(None) };
        let token = made["token"].as_str().unwrap_or_default();
        // PocketBase reads the short-lived token of a file from the query only.
        let request = self.request(Method::GET, path).timeout(DOWNLOAD_TIMEOUT).query(&[("token", token)]);
        let response = request.send().await.map_err(|error| unreachable_error(&error))?;
        match response.status() {
            StatusCode::OK => Ok(Some(response)),
            StatusCode::NOT_FOUND => {
                let outcome = read_answer(response).await?;
                // A token that has died meanwhile gets the same answer.
                if self.is_token_alive(&*self.current_session().await?).await? {
                    return outcome.into_call_answer().map(|_| None);
                }
                Err(StoreError::Unavailable("PocketBase's token has died meanwhile".to_owned()))
            }
            status => Err(StoreError::Unavailable(format!("PocketBase answered {status} to the request for a file"))),
        }
    }

    /// The current sign-in; signs in if there is none or it ends soon.
    pub(super) async fn current_session(&self) -> Result<Arc<SignedInSession>> {
        let current = self.session.read().await.clone();
        match current {
            Some(session) if self.clock.now().seconds() < session.renew_at => Ok(session),
            stale => self.replace_session(stale).await,
        }
    }

    /// Asks PocketBase whether it answers and accepts this account.
    pub(super) async fn check_connection(&self) -> ConnectionState {
        let reachable = self.request(Method::GET, "/api/health").timeout(CONNECT_TIMEOUT).send().await;
        if !reachable.is_ok_and(|response| response.status().is_success()) {
            return ConnectionState::Unreachable;
        }
        match self.current_session().await {
            Ok(session) => match self.is_token_alive(&session).await {
                Ok(true) => ConnectionState::Authenticated,
                Ok(false) if self.renew_session(&session).await.is_ok() => ConnectionState::Authenticated,
                Ok(false) => ConnectionState::Unauthenticated,
                Err(_) => ConnectionState::Unreachable,
            },
            Err(_) if self.signing_in.lock().await.as_ref().is_some_and(|failure| failure.refused) => {
                ConnectionState::Unauthenticated
            }
            Err(_) => ConnectionState::Unreachable,
        }
    }

    async fn acquire_permit(&self) -> Result<SemaphorePermit<'_>> {
        match tokio::time::timeout(PERMIT_TIMEOUT, self.call_permits.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(StoreError::Busy),
        }
    }

    /// Says whether an answer is a guest's because the token has died.
    async fn is_from_dead_token(&self, session: &SignedInSession, outcome: &PocketBaseAnswer) -> Result<bool> {
        Ok(outcome.is_guest_like() && !self.is_token_alive(session).await?)
    }

    /// Asks PocketBase whether a token is alive.
    async fn is_token_alive(&self, session: &SignedInSession) -> Result<bool> {
        let path = format!("/api/collections/{}/auth-refresh", session.role.collection());
        let outcome = send_request(self.request(Method::POST, &path).bearer_auth(&session.token)).await?;
        match outcome.status {
            status if status.is_success() => Ok(true),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND
                if outcome.is_from_pocketbase() =>
            {
                Ok(false)
            }
            status => Err(StoreError::Unavailable(format!("PocketBase answered {status} to the renewal of a token"))),
        }
    }

    async fn renew_session(&self, dead: &Arc<SignedInSession>) -> Result<Arc<SignedInSession>> {
        self.replace_session(Some(dead.clone())).await
    }

    /// Signs in anew unless another task has meanwhile: of all concurrent tasks one signs in.
    async fn replace_session(&self, stale: Option<Arc<SignedInSession>>) -> Result<Arc<SignedInSession>> {
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
                let pause = if refused { PAUSE_WHEN_REFUSED } else { PAUSE_WHEN_UNREACHABLE };
                tracing::warn!(%error, "signing in to PocketBase failed; the next try is in {} s", pause.as_secs());
                *failed = Some(AccountFailure { error: error.clone(), until: Instant::now() + pause, refused });
                Err(error)
            }
        }
    }

    /// Signs in with the role of the last sign-in; the first time as a superuser or, failing that, as a user.
    async fn sign_in(&self, before: Option<AccountRole>) -> std::result::Result<SignedInSession, (StoreError, bool)> {
        let roles = match before {
            Some(AccountRole::User) => [AccountRole::User, AccountRole::Superuser],
            _ => [AccountRole::Superuser, AccountRole::User],
        };
        for role in roles {
            let path = format!("/api/collections/{}/auth-with-password", role.collection());
            let credentials = json!({"identity": self.account.email, "password": self.account.password});
            let outcome = send_request(self.request(Method::POST, &path).json(&credentials)).await;
            let outcome = outcome.map_err(|error| (error, false))?;
            match outcome.status {
                status if status.is_success() => {
                    return self.read_sign_in(role, &outcome).map_err(|error| (error, false));
                }
                StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND
                    if outcome.is_from_pocketbase() => {}
                status => {
                    let text = format!("PocketBase answered {status} to the sign-in");
                    return Err((StoreError::Unavailable(text), false));
                }
            }
        }
        let text = "PocketBase refuses PB_USER_EMAIL and PB_USER_PASSWORD, as a superuser and as a user";
        Err((StoreError::Unavailable(text.to_owned()), true))
    }

    fn read_sign_in(&self, role: AccountRole, outcome: &PocketBaseAnswer) -> Result<SignedInSession> {
        let incomplete = || StoreError::Unavailable("PocketBase answered a sign-in without a token".to_owned());
        let body = outcome.body.as_ref().ok_or_else(incomplete)?;
        let token = body["token"].as_str().ok_or_else(incomplete)?.to_owned();
        let renew_at = renewal_time(self.clock.now().seconds(), token_expiry(&token).ok_or_else(incomplete)?);
        let record = &body["record"];
        // A relation that takes several records is a list.
        let team = record["team"].as_str().or_else(|| record["team"][0].as_str());
        Ok(SignedInSession {
            token,
            renew_at,
            role,
            record_id: record["id"].as_str().unwrap_or_default().to_owned(),
            team: team.unwrap_or_default().to_owned(),
        })
    }
}

/// When a token that ends then is renewed, in seconds since 1970.
fn renewal_time(now: i64, end: i64) -> i64 {
    let life = end.saturating_sub(now);
    now + (life - RENEW_BEFORE_SECONDS.min(life / 2)).max(SHORTEST_LIFE_SECONDS)
}

/// When a token ends, in seconds since 1970. Its signature is not checked: only the time of renewal follows from it.
fn token_expiry(token: &str) -> Option<i64> {
    #[derive(Deserialize)]
    struct Claims {
        exp: i64,
    }
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice::<Claims>(&payload).ok().map(|claims| claims.exp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_before_its_end_but_not_all_the_time_when_the_clocks_differ() {
        let now = 1_000_000;
        assert_eq!(renewal_time(now, now + 86_400), now + 86_100);
        assert_eq!(renewal_time(now, now + 300), now + 150);
        for end in [now, now - 86_400, 0, i64::MIN] {
            assert_eq!(renewal_time(now, end), now + SHORTEST_LIFE_SECONDS, "{end}");
        }
    }
}

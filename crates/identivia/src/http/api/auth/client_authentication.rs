//! Authenticates a client by its id and secret, and counts wrong guesses.

use std::net::IpAddr;
use std::sync::Arc;

use aws_lc_rs::digest;
use axum::extract::{FromRef as _, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};

use super::credentials::ClientCredentials;
use crate::app::App;
use crate::client_directory::ProvenClient;
use crate::http::error::{ApiError, RefusalKind};
use crate::http::guard::blocked_addresses::{BlockedFor, warn_of_blocked_address};
use crate::http::guard::client_secrets::SecretChecks;
use crate::http::guard::failed_guesses::{ClientAtAddress, FailedGuesses};
use crate::http::guard::rate_limiter::ReserveError;
use crate::http::guard::request_context::ClientIp;
use crate::http::state::HttpState;

/// Authenticates the client of a request.
pub(crate) struct ClientAuthentication {
    app: Arc<App>,
    checks: Arc<SecretChecks>,
    guesses: Arc<FailedGuesses>,
    ip: IpAddr,
}

impl FromRequestParts<HttpState> for ClientAuthentication {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, ApiError> {
        // The middleware sets it for every request.
        let ip = parts.extensions.get::<ClientIp>().map(|ip| ip.0).ok_or_else(ApiError::missing_token)?;
        Ok(Self { app: Arc::from_ref(state), checks: Arc::from_ref(state), guesses: Arc::from_ref(state), ip })
    }
}

impl ClientAuthentication {
    /// The client with these credentials, if it may call from where it does.
    pub(super) async fn authenticate_client(&self, presented: &ClientCredentials) -> Result<ProvenClient, ApiError> {
        let client = self.check_credentials(presented).await?;
        if client.is_address_allowed { Ok(client) } else { Err(foreign_address()) }
    }

    async fn check_credentials(&self, presented: &ClientCredentials) -> Result<ProvenClient, ApiError> {
        // Before the attempt is counted: one that waits for a read would count against others.
        let snapshot = self.app.clients.current_snapshot().await;
        let (guesses, now) = (&self.guesses, self.app.clock.now());
        let key = failure_key(self.ip, &presented.id);
        // Count the attempt before checking the secret: simultaneous guesses then stop at the limit too.
        let attempt = guesses.secrets.reserve(key, now).map_err(|error| self.refuse_attempt(error))?;
        let ClientCredentials { id, secret, .. } = presented;
        let found = self.checks.find_client(&self.app, snapshot, guesses, self.ip, id, secret).await;
        if !matches!(found, Ok(None)) {
            attempt.release();
            return found?.ok_or_else(|| invalid_client(presented));
        }
        BlockedFor::ClientSecrets.count_failure();
        let name = failure_name(&key);
        match guesses.count_failure(&*self.app.store, &guesses.secrets, key, attempt, &name, now).await {
            Some(seconds) => Err(self.refuse_attempt(ReserveError::Blocked(seconds))),
            None => Err(invalid_client(presented)),
        }
    }

    fn refuse_attempt(&self, error: ReserveError) -> ApiError {
        match error {
            ReserveError::Blocked(seconds) => {
                warn_of_blocked_address(&self.app, BlockedFor::ClientSecrets, self.ip);
                too_many_failures(&self.guesses, seconds)
            }
            ReserveError::Busy => ApiError::unavailable("Too many secrets are being checked; try again"),
        }
    }
}

/// The same answer for an unknown client and a wrong secret, and for a client that is disabled or has expired.
fn invalid_client(presented: &ClientCredentials) -> ApiError {
    let refusal = ApiError::oauth_error(StatusCode::UNAUTHORIZED, "invalid_client", "Unknown client or wrong secret");
    let basic = HeaderValue::from_static("Basic realm=\"identivia\"");
    if presented.is_basic { refusal.header(header::WWW_AUTHENTICATE, basic) } else { refusal }
}

/// The refusal of a wrong address. Only a caller with the right secret gets it.
fn foreign_address() -> ApiError {
    let message = "Not allowed from this address: call from one of the client's allowed_addresses, or have an operator add this one";
    ApiError::oauth_error(StatusCode::FORBIDDEN, "unauthorized_client", message)
}

fn too_many_failures(guesses: &FailedGuesses, seconds: u64) -> ApiError {
    ApiError::oauth_error(
        StatusCode::TOO_MANY_REQUESTS,
        "too_many_requests",
        "Too many failures; try again when Retry-After has passed",
    )
    .with_rate_limit("secrets", guesses.secrets.limit(), seconds)
    .with_kind(RefusalKind::Guesses)
}

/// The name of the counter that servers share. It holds one byte of the client's digest: made-up ids fill at most 256 rows
/// from an address, and failures of other clients with the same byte affect only callers that fail themselves.
fn failure_name((ip, client): &ClientAtAddress) -> String {
    format!("failures of {} at {ip}", client[0])
}

fn failure_key(ip: IpAddr, id: &str) -> ClientAtAddress {
    let mut short = [0; 16];
    short.copy_from_slice(&digest::digest(&digest::SHA256, id.as_bytes()).as_ref()[..16]);
    (ip, short)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::atomic::Ordering;

    use serde_json::json;

    use super::*;
    use crate::config::{Config, Settings};
    use crate::domain::client::hash_secret;
    use crate::server::{Server, StartOptions};

    /// An application with these clients, and the folder that it uses.
    async fn start_app(clients: &serde_json::Value) -> (Arc<App>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let (data, clients) = (folder.path().to_str().unwrap().to_owned(), clients.to_string());
        let texts = [("DATA_DIR", data.as_str()), ("PORT", "0"), ("JWT_CLIENTS_JSON", clients.as_str())];
        let config = Config::new(&Settings::from_texts(&texts)).unwrap();
        let server = Server::start(config, StartOptions::default()).await.unwrap();
        (server.app, folder)
    }

    /// Authenticates a client and returns the status with the numbers of HMACs and Argon2id hashes that the answer took.
    async fn count_hashes(app: &Arc<App>, id: &str, secret: &str) -> (u16, usize, usize) {
        let count = || {
            let computed = &app.clients.configured.computed;
            (computed.hmac.load(Ordering::Relaxed), computed.argon2id.load(Ordering::Relaxed))
        };
        let before = count();
        let authentication = ClientAuthentication {
            app: app.clone(),
            checks: Arc::default(),
            guesses: Arc::new(FailedGuesses::new(b"secret")),
            ip: Ipv4Addr::LOCALHOST.into(),
        };
        let presented = ClientCredentials { id: id.to_owned(), secret: secret.to_owned(), is_basic: false };
        let answer = authentication.authenticate_client(&presented).await;
        let status = answer.map_or_else(|error| error.status().as_u16(), |_| 200);
        let after = count();
        (status, after.0 - before.0, after.1 - before.1)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn s05_unknown_client_and_wrong_secret_take_the_same_hashes() {
        let plain = json!({"client_id": "plain", "client_secret": "right", "scopes": ["profiles:read"]});
        let hash = hash_secret("chosen by a person").unwrap();
        let hashed = json!({"client_id": "hashed", "client_secret_hash": hash, "scopes": ["profiles:read"]});
        let (app, _folder) = start_app(&json!([plain])).await;
        for (id, secret) in [("plain", "wrong"), ("unknown", "wrong"), ("unknown", "right")] {
            assert_eq!(count_hashes(&app, id, secret).await, (401, 1, 0), "{id} {secret}");
        }
        let (app, _folder) = start_app(&json!([plain, hashed])).await;
        let wrong = [("plain", "wrong"), ("hashed", "wrong"), ("unknown", "wrong"), ("unknown", "chosen by a person")];
        for (id, secret) in wrong {
            assert_eq!(count_hashes(&app, id, secret).await, (401, 1, 1), "{id} {secret}");
        }
        // A right secret is remembered; wrong ones cost the same from then on too.
        assert_eq!(count_hashes(&app, "hashed", "chosen by a person").await, (200, 1, 1));
        assert_eq!(count_hashes(&app, "hashed", "chosen by a person").await, (200, 1, 0));
        for (id, secret) in wrong {
            assert_eq!(count_hashes(&app, id, secret).await, (401, 1, 1), "{id} {secret}");
        }
    }
}

//! Checks of client secrets, with a limit on how many Argon2id hashes run at once.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::failed_guesses::FailedGuesses;
use super::rate_limiter::ReserveError;
use crate::app::App;
use crate::client_directory::{ClientSnapshot, ProvenClient};
use crate::domain::client::{Client, QuickCheck};
use crate::http::error::ApiError;
use crate::store::StoreError;

/// Hashed secrets checked at once: each check takes 19 MiB and 15 ms.
const MAX_HASH_CHECKS: usize = 2;

/// How long a check of a hashed secret may wait for its permit.
const HASH_PERMIT_TIMEOUT: Duration = Duration::from_secs(5);

/// Permits for checks of hashed secrets.
pub(crate) struct SecretChecks(Semaphore);

fn refuse_hash(error: ReserveError) -> ApiError {
    let seconds = match error {
        ReserveError::Blocked(seconds) => seconds,
        ReserveError::Busy => 1,
    };
    ApiError::unavailable("Too many secrets are being checked for this address; try again").retry_after(seconds)
}

impl Default for SecretChecks {
    fn default() -> Self {
        Self(Semaphore::new(MAX_HASH_CHECKS))
    }
}

impl SecretChecks {
    /// The client with that id and secret; `None` for an unknown client and a wrong secret alike. Both take the same steps.
    /// `snapshot` is that of the stored clients, or why there is none.
    pub(crate) async fn find_client(
        &self,
        app: &Arc<App>,
        snapshot: Result<Arc<ClientSnapshot>, StoreError>,
        guesses: &FailedGuesses,
        ip: IpAddr,
        id: &str,
        secret: &str,
    ) -> Result<Option<ProvenClient>, ApiError> {
        if let Ok(snapshot) = &snapshot
            && let Some(client) = snapshot.check_secret(id, secret, ip, app.clock.now())
            && app.clients.configured.find_client(id).is_none()
        {
            return Ok(Some(client));
        }
        match self.find_configured_client(app, guesses, ip, id, secret).await? {
            // It may be a client that cannot be read now.
            None if app.clients.configured.find_client(id).is_none() => snapshot.map(|_| None).map_err(ApiError::from),
            found => Ok(found.map(to_proven)),
        }
    }

    async fn find_configured_client<'a>(
        &self,
        app: &'a Arc<App>,
        guesses: &FailedGuesses,
        ip: IpAddr,
        id: &str,
        secret: &str,
    ) -> Result<Option<&'a Client>, ApiError> {
        match app.clients.configured.quick_check(id, secret) {
            QuickCheck::Right(client) => Ok(Some(client)),
            QuickCheck::Wrong => Ok(None),
            QuickCheck::NeedsHash => {
                let hash = guesses.hashes.reserve(ip, app.clock.now()).map_err(refuse_hash)?;
                let found = self.check_hash(app, id, secret).await?;
                if found.is_some() {
                    hash.release();
                }
                Ok(found)
            }
        }
    }

    async fn check_hash<'a>(&self, app: &'a Arc<App>, id: &str, secret: &str) -> Result<Option<&'a Client>, ApiError> {
        let (clients, client, secret) = (app.clients.clone(), id.to_owned(), secret.to_owned());
        let is_right =
            self.run_hash(move || clients.configured.check_hashed_secret(&client, &secret).is_some()).await?;
        Ok(if is_right { app.clients.configured.find_client(id) } else { None })
    }

    /// Runs Argon2id off the async threads, a few hashes at once: a flood of guesses must not take all memory.
    pub(crate) async fn run_hash<T: Send + 'static>(
        &self,
        compute: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let busy = || ApiError::unavailable("Too many secrets are being checked; try again");
        let permit = tokio::time::timeout(HASH_PERMIT_TIMEOUT, self.0.acquire()).await;
        let _permit = permit.map_err(|_| busy())?.map_err(|_| busy())?;
        tokio::task::spawn_blocking(compute).await.map_err(ApiError::internal)
    }
}

/// A client of the configuration, which may call from everywhere.
fn to_proven(client: &Client) -> ProvenClient {
    ProvenClient {
        id: client.id.clone(),
        scopes: client.scopes.clone(),
        team: client.team.clone(),
        binding: None,
        is_address_allowed: true,
    }
}

//! Which clients may call now: those of the configuration, and a snapshot of those that operators made through the API, with
//! the tokens that were revoked.
//!
//! Servers that share records read them again every few seconds, so a change on one server holds on all within
//! [`MAX_AGE_MILLIS`]. No request waits for a read of its own: one read serves all, and mostly in the background. While the
//! store does not answer, the last snapshot holds for [`MAX_STALE_MILLIS`]. Then tokens of clients are refused with 503: an
//! unreadable list of what has ended must not keep it alive.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crate::clock::Clock;
use crate::domain::client::Clients;
use crate::domain::drawn_secret::{find_secret, hash_drawn_secret};
use crate::domain::managed_client::{ManagedClient, TokenBinding, revoked_token_key};
use crate::domain::scope::{Scope, ScopeSet};
use crate::domain::token::{IssuedTo, LEEWAY_SECONDS};
use crate::records::id::RecordId;
use crate::records::time::Millis;
use crate::store::warn_unless_outage;
use crate::store::{Store, StoreError};

/// The age from which a snapshot is read again in the background, while it still serves.
const REFRESH_AGE_MILLIS: i64 = 1_500;
/// The age from which requests wait for the next snapshot.
const MAX_AGE_MILLIS: i64 = 3_000;
/// The age up to which a snapshot serves while the store cannot be read.
const MAX_STALE_MILLIS: i64 = 30_000;
/// The pause after a read that failed.
const RETRY_MILLIS: i64 = 1_000;
/// How long requests wait for a read while the last snapshot serves, and while none does.
const READ_TIMEOUT: Duration = Duration::from_secs(2);
const NEEDED_READ_TIMEOUT: Duration = Duration::from_secs(10);
/// How often revocations are deleted whose tokens have ended by themselves.
const CLEANUP_MILLIS: i64 = 60_000;

/// The clients of the configuration, and the snapshot of all others.
pub struct ClientDirectory {
    /// Clients of the configuration. Their ids come first: a stored client of the same id does not count.
    pub configured: Clients,
    store: Arc<dyn Store>,
    clock: Clock,
    kept: RwLock<Kept>,
    /// How many changes this server has made. A snapshot that lacks the last one is too old, even a fresh one.
    changes: AtomicU64,
    reading: tokio::sync::Mutex<()>,
}

/// The last snapshot, and when the store is to be read again.
#[derive(Clone, Default)]
struct Kept {
    snapshot: Arc<ClientSnapshot>,
    /// When the read of it began; `None` before the first.
    read_at: Option<Millis>,
    /// The changes of this server that it includes.
    changes: u64,
    failed_at: Option<Millis>,
    cleaned_at: Option<Millis>,
}

/// Clients and revoked tokens as they were stored a moment ago.
#[derive(Default)]
pub struct ClientSnapshot {
    clients: HashMap<String, ManagedClient>,
    revoked: HashSet<RecordId>,
}

/// How a snapshot may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SnapshotState {
    Fresh,
    /// It serves, and is read again.
    Aging,
    /// It serves only if the store cannot be read.
    Old,
    /// It does not serve.
    Outdated,
}

/// What a token of a client permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenStanding {
    /// What the token's scopes are limited to: a client's old tokens lose the scopes that it has lost.
    Valid(ScopeSet),
    /// The client does not exist, is disabled or has expired, or the token has been ended.
    Ended,
    /// The client may not call from this address.
    ForeignAddress,
}

/// A client that has proved its secret.
pub struct ProvenClient {
    pub id: String,
    /// The scopes it may ask for, in the order in which they were given.
    pub scopes: Vec<String>,
    pub team: Option<String>,
    /// What its tokens are bound to; `None` for a client of the configuration.
    pub binding: Option<TokenBinding>,
    /// Whether it may call from where it does.
    pub is_address_allowed: bool,
}

impl ClientDirectory {
    /// Starts without a snapshot: the first request reads one.
    #[must_use]
    pub fn new(configured: Clients, store: Arc<dyn Store>, clock: Clock) -> Arc<Self> {
        let (kept, changes, reading) = (RwLock::default(), AtomicU64::new(0), tokio::sync::Mutex::default());
        Arc::new(Self { configured, store, clock, kept, changes, reading })
    }

    /// The clients and revoked tokens, at most a few seconds old.
    ///
    /// # Errors
    /// When the store has not been readable for so long that the last snapshot does not serve any more.
    pub async fn current_snapshot(self: &Arc<Self>) -> Result<Arc<ClientSnapshot>, StoreError> {
        let kept = self.read_kept();
        match self.state_of(&kept) {
            SnapshotState::Fresh => Ok(kept.snapshot),
            SnapshotState::Aging => {
                self.refresh_in_background();
                Ok(kept.snapshot)
            }
            SnapshotState::Old | SnapshotState::Outdated => self.refresh().await,
        }
    }

    /// Says whether a client is of that team.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn has_team(self: &Arc<Self>, team: &str) -> Result<bool, StoreError> {
        let is_of_team = |client: &ManagedClient| client.team.as_deref() == Some(team);
        Ok(self.configured.has_team(team) || self.current_snapshot().await?.clients.values().any(is_of_team))
    }

    /// The last snapshot, however old it is. It must decide nothing but what reveals nothing.
    #[must_use]
    pub fn last_snapshot(&self) -> Arc<ClientSnapshot> {
        self.read_kept().snapshot
    }

    /// Has the next request read what this server has just written.
    pub fn note_change(&self) {
        self.changes.fetch_add(1, Ordering::Relaxed);
    }

    /// Says what a token of a client permits.
    #[must_use]
    pub fn judge_token(
        &self,
        snapshot: &ClientSnapshot,
        issued: &IssuedTo,
        address: Option<IpAddr>,
        now: Millis,
    ) -> TokenStanding {
        if snapshot.is_revoked(issued.jti.as_deref()) {
            return TokenStanding::Ended;
        }
        if let Some(client) = self.configured.find_client(&issued.client) {
            return TokenStanding::Valid(client.scopes.iter().filter_map(|name| Scope::from_name(name)).collect());
        }
        match (snapshot.clients.get(&issued.client), &issued.binding) {
            (Some(client), Some(binding)) if client.is_usable(now) && client.has_issued(binding) => {
                if client.admits_address(address) {
                    TokenStanding::Valid(client.granted_scopes())
                } else {
                    TokenStanding::ForeignAddress
                }
            }
            _ => TokenStanding::Ended,
        }
    }

    fn read_kept(&self) -> Kept {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn state_of(&self, kept: &Kept) -> SnapshotState {
        let Some(read_at) = kept.read_at else { return SnapshotState::Outdated };
        let age = self.clock.now().0 - read_at.0;
        let has_all_changes = kept.changes == self.changes.load(Ordering::Relaxed);
        match age {
            0..REFRESH_AGE_MILLIS if has_all_changes => SnapshotState::Fresh,
            0..MAX_AGE_MILLIS if has_all_changes => SnapshotState::Aging,
            0..MAX_STALE_MILLIS => SnapshotState::Old,
            // A clock that was set back does not tell an age.
            _ => SnapshotState::Outdated,
        }
    }

    fn refresh_in_background(self: &Arc<Self>) {
        let directory = self.clone();
        tokio::spawn(async move {
            // Another read is under way: one serves all.
            let Ok(_reading) = directory.reading.try_lock() else { return };
            if directory.may_read() && directory.state_of(&directory.read_kept()) != SnapshotState::Fresh {
                // A failure is noted: the next request that needs a snapshot sees it.
                let _ = directory.read_snapshot(READ_TIMEOUT).await;
            }
        });
    }

    /// Waits for a snapshot. Of many requests one reads it.
    async fn refresh(self: &Arc<Self>) -> Result<Arc<ClientSnapshot>, StoreError> {
        let _reading = self.reading.lock().await;
        let kept = self.read_kept();
        let state = self.state_of(&kept);
        if matches!(state, SnapshotState::Fresh | SnapshotState::Aging) {
            return Ok(kept.snapshot);
        }
        let timeout = if state == SnapshotState::Old { READ_TIMEOUT } else { NEEDED_READ_TIMEOUT };
        let read = if self.may_read() { self.read_snapshot(timeout).await } else { Err(unreadable_clients()) };
        match read {
            Err(_) if state == SnapshotState::Old => Ok(kept.snapshot),
            read => read,
        }
    }

    /// Says whether the last failure is long enough ago.
    fn may_read(&self) -> bool {
        let failed_at = self.read_kept().failed_at;
        failed_at.is_none_or(|failed_at| !(0..RETRY_MILLIS).contains(&(self.clock.now().0 - failed_at.0)))
    }

    /// Reads a snapshot and keeps it. Only the holder of `reading` does.
    async fn read_snapshot(self: &Arc<Self>, timeout: Duration) -> Result<Arc<ClientSnapshot>, StoreError> {
        let (read_at, changes) = (self.clock.now(), self.changes.load(Ordering::Relaxed));
        let read = match tokio::time::timeout(timeout, ClientSnapshot::read(&*self.store, read_at)).await {
            Ok(read) => read,
            Err(_) => Err(unreadable_clients()),
        };
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(snapshot) => {
                let snapshot = Arc::new(snapshot);
                let is_cleanup_due = kept.cleaned_at.is_none_or(|at| read_at.0 - at.0 >= CLEANUP_MILLIS);
                let cleaned_at = if is_cleanup_due { Some(read_at) } else { kept.cleaned_at };
                *kept =
                    Kept { snapshot: snapshot.clone(), read_at: Some(read_at), changes, failed_at: None, cleaned_at };
                if is_cleanup_due {
                    self.delete_ended_revocations(read_at);
                }
                Ok(snapshot)
            }
            Err(error) => {
                if kept.failed_at.is_none() {
                    warn_unless_outage!(
                        error,
                        "clients and revoked tokens cannot be read; the last known ones hold for 30 s"
                    );
                }
                kept.failed_at = Some(self.clock.now());
                Err(error)
            }
        }
    }

    fn delete_ended_revocations(&self, now: Millis) {
        let store = self.store.clone();
        tokio::spawn(async move {
            if let Err(error) = store.delete_ended_revocations(earliest_end(now)).await {
                warn_unless_outage!(error, "could not delete ended revocations; the next cleanup tries again");
            }
        });
    }
}

impl ClientSnapshot {
    async fn read(store: &dyn Store, now: Millis) -> Result<Self, StoreError> {
        let (clients, revoked) = tokio::try_join!(store.clients(), store.revoked_tokens(earliest_end(now)))?;
        let clients = clients.into_iter().map(ManagedClient::from);
        Ok(Self {
            clients: clients.map(|client| (client.id.clone(), client)).collect(),
            revoked: revoked.into_iter().collect(),
        })
    }

    /// How many tokens are revoked that would otherwise still be good.
    #[must_use]
    pub fn revoked_count(&self) -> usize {
        self.revoked.len()
    }

    /// The client with that id and secret, if it is usable. It takes the same time for an unknown client and a wrong secret.
    #[must_use]
    pub fn check_secret(&self, id: &str, secret: &str, address: IpAddr, now: Millis) -> Option<ProvenClient> {
        let client = self.clients.get(id);
        let secrets = client.map_or(&[][..], ManagedClient::secrets);
        let secret = find_secret(secrets, &hash_drawn_secret(secret))?;
        let client = client.filter(|client| client.is_usable(now))?;
        Some(ProvenClient {
            id: client.id.clone(),
            scopes: client.scopes.clone(),
            team: client.team.clone(),
            binding: Some(client.bind_token(secret)),
            is_address_allowed: client.admits_address(Some(address)),
        })
    }

    fn is_revoked(&self, jti: Option<&str>) -> bool {
        !self.revoked.is_empty() && jti.is_some_and(|jti| self.revoked.contains(&revoked_token_key(jti)))
    }
}

/// Tokens that end later than this may still be accepted.
fn earliest_end(now: Millis) -> Millis {
    now.plus_seconds(-LEEWAY_SECONDS)
}

fn unreadable_clients() -> StoreError {
    StoreError::Unavailable("clients and revoked tokens cannot be read now".to_owned())
}

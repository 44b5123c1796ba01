//! Recent failed client secrets and handoff codes, by caller, counted together with all servers that share the records.

use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::Semaphore;

use super::rate_limiter::{RateLimiter, Reservation};
use crate::records::time::Millis;
use crate::store::{Store, WindowCount};

/// How long the answer to a failure may wait until the failure is counted with the other servers.
const SHARED_COUNT_TIMEOUT: Duration = Duration::from_secs(1);

/// Failures of one client from one address before it must wait, and the window in seconds.
const SECRET_FAILURE_LIMIT: (u32, i64) = (10, 60);
/// Hashes computed for one address, in the same way: made-up client ids cost as much as real ones.
const HASH_LIMIT: (u32, i64) = (60, 60);
/// Wrong codes from one address, in the same way.
const CODE_FAILURE_LIMIT: (u32, i64) = (10, 60);
/// Failures that may be counted in the store at once: guesses must not take the connections that all requests share.
const MAX_SHARED_COUNTS: usize = 2;

/// A client at an address. The client is its id's digest: an id may be long, and a stranger may make up many.
pub(crate) type ClientAtAddress = (IpAddr, [u8; 16]);

/// Recent failed client secrets and handoff codes.
pub(crate) struct FailedGuesses {
    /// Failed token requests.
    pub(crate) secrets: RateLimiter<ClientAtAddress>,
    /// Computed hashes that did not match, by address.
    pub(crate) hashes: RateLimiter<IpAddr>,
    /// Wrong codes, by address.
    pub(crate) codes: RateLimiter<IpAddr>,
    /// Hashes the names of counters, which others could read in the store.
    name_key: hmac::Key,
    shared_counts: Semaphore,
}

impl FailedGuesses {
    /// Starts without failures. Servers that share records share the secret.
    #[must_use]
    pub(crate) fn new(secret: &[u8]) -> Self {
        Self {
            secrets: RateLimiter::new(SECRET_FAILURE_LIMIT.0, SECRET_FAILURE_LIMIT.1),
            hashes: RateLimiter::new(HASH_LIMIT.0, HASH_LIMIT.1),
            codes: RateLimiter::new(CODE_FAILURE_LIMIT.0, CODE_FAILURE_LIMIT.1),
            name_key: hmac::Key::new(hmac::HMAC_SHA256, secret),
            shared_counts: Semaphore::new(MAX_SHARED_COUNTS),
        }
    }

    /// Counts a reserved attempt as a failure, here and with the other servers. `limiter` is the one that it was reserved
    /// with. Gives the seconds to wait when the failure exceeds the limit.
    pub(crate) async fn count_failure<K: Eq + Hash + Copy>(
        &self,
        store: &dyn Store,
        limiter: &RateLimiter<K>,
        key: K,
        failed: Reservation<'_, K>,
        name: &str,
        now: Millis,
    ) -> Option<u64> {
        drop(failed);
        let (limit, window) = limiter.limit();
        let shared = self.count_in_store(store, name, now, window).await;
        let failures = shared.filter(|failures| failures.count >= limit)?;
        limiter.block_until(key, failures.ends);
        (failures.count > limit).then(|| limiter.seconds_blocked(&key, now).unwrap_or(1))
    }

    /// What all servers together have counted. Without the store, or while too many failures wait to be counted, each
    /// server's own count holds.
    async fn count_in_store(&self, store: &dyn Store, name: &str, now: Millis, window: i64) -> Option<WindowCount> {
        let name = self.hash_name(name);
        let counted = tokio::time::timeout(SHARED_COUNT_TIMEOUT, async {
            let _permit = self.shared_counts.acquire().await.ok()?;
            store.count_in_window(&name, now, window).await.ok()?
        });
        counted.await.ok()?
    }

    /// Names begin with a word and a space, which no signed token does: so neither hash can ever be the other.
    fn hash_name(&self, name: &str) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.name_key, name.as_bytes()))
    }
}

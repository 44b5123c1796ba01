//! Guesses at secrets and codes, counted with every server that shares the records.

use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::Semaphore;

use super::rate_limiter::Limiter;
use crate::app::App;
use crate::records::time::Millis;
use crate::store::Counted;

/// How long the answer to a failure may wait until it is counted with the other servers.
const COUNTING_PATIENCE: Duration = Duration::from_secs(1);

/// Failures of one client from one address before it must wait, and the window in seconds.
const TOKEN_FAILURES: (u32, i64) = (10, 60);
/// Wrong codes from one address, in the same way.
const CODE_FAILURES: (u32, i64) = (10, 60);
/// Failures counted with the other servers at once: guesses must not take the connections that all requests share.
const COUNTING: usize = 2;

/// A client at an address, by its id's digest: an id may be long, and a stranger may make up many.
pub(crate) type ClientAt = (IpAddr, [u8; 16]);

/// What has been guessed of late, and wrongly.
pub struct Guesses {
    /// Failed token requests.
    pub(crate) secrets: Limiter<ClientAt>,
    /// Wrong codes, by address.
    pub(crate) codes: Limiter<IpAddr>,
    /// Keys the names under which they are counted where others could read them.
    names: hmac::Key,
    counting: Semaphore,
}

impl Guesses {
    /// None so far. Servers that share records share the secret.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        Self {
            secrets: Limiter::new(TOKEN_FAILURES.0, TOKEN_FAILURES.1),
            codes: Limiter::new(CODE_FAILURES.0, CODE_FAILURES.1),
            names: hmac::Key::new(hmac::HMAC_SHA256, secret),
            counting: Semaphore::new(COUNTING),
        }
    }

    /// No signed token begins as names do, with a word and a space, so that neither hash is ever the other.
    fn hashed(&self, name: &str) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.names, name.as_bytes()))
    }
}

/// Counts a failure, here and with whoever shares the records. The seconds to wait when it was one too many.
pub(crate) async fn count<K: Eq + Hash + Copy>(
    app: &App,
    limiter: &Limiter<K>,
    key: K,
    name: &str,
    now: Millis,
) -> Option<u64> {
    limiter.count(key, now);
    let (most, seconds) = limiter.bounds();
    let failures = counted_by_all(app, name, now, seconds).await.filter(|failures| failures.count >= most)?;
    limiter.block(key, failures.ends);
    (failures.count > most).then(|| limiter.blocked(&key, now).unwrap_or(1))
}

/// What all servers together have counted. Without the store, or while too many failures wait to be counted, each
/// server's own count holds.
async fn counted_by_all(app: &App, name: &str, now: Millis, seconds: i64) -> Option<Counted> {
    let name = app.guesses.hashed(name);
    let counted = tokio::time::timeout(COUNTING_PATIENCE, async {
        let _turn = app.guesses.counting.acquire().await.ok()?;
        app.store.count_within(&name, now, seconds).await.ok()?
    });
    counted.await.ok()?
}

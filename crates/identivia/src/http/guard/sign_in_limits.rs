//! Failed sign-ins at the console: after a few of an account or an address, each further try must wait longer.
//!
//! A lock is never for good: the longest wait is 15 minutes. An attempt is counted before the work is done.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::Semaphore;

use crate::http::error::{ApiError, RefusalKind};
use crate::records::time::Millis;
use crate::store::Store;

/// Failures of an account, and of an address, before a try must wait.
const ACCOUNT_FAILURES: u32 = 5;
const ADDRESS_FAILURES: u32 = 20;
/// Failures are forgotten after so many seconds without another one.
const WINDOW_SECONDS: i64 = 15 * 60;
/// The first wait, which doubles with each further failure, and the longest, in seconds.
const FIRST_WAIT: i64 = 30;
const LONGEST_WAIT: i64 = 15 * 60;
/// The most keys remembered.
const MAX_KEYS: usize = 100_000;
/// How long an answer may wait until a failure is counted with the other servers.
const SHARED_COUNT_TIMEOUT: Duration = Duration::from_secs(1);
const MAX_SHARED_COUNTS: usize = 2;

/// An account by the digest of its e-mail address, whether or not it exists.
type AccountKey = [u8; 16];

/// Failed sign-ins by account and by address.
pub(crate) struct SignInLimits {
    accounts: FailureCounts<AccountKey>,
    addresses: FailureCounts<IpAddr>,
    name_key: hmac::Key,
    shared_counts: Semaphore,
}

/// An attempt whose result is not known yet. It counts as a failure unless it is ended otherwise.
pub(crate) struct SignInAttempt<'a> {
    limits: &'a SignInLimits,
    account: AccountKey,
    of_account: Attempt<'a, AccountKey>,
    of_address: Attempt<'a, IpAddr>,
}

impl SignInLimits {
    /// Starts without failures. Servers that share records share the secret.
    pub(crate) fn new(secret: &[u8]) -> Self {
        Self {
            accounts: FailureCounts::new(ACCOUNT_FAILURES),
            addresses: FailureCounts::new(ADDRESS_FAILURES),
            name_key: hmac::Key::new(hmac::HMAC_SHA256, secret),
            shared_counts: Semaphore::new(MAX_SHARED_COUNTS),
        }
    }

    /// Begins an attempt for an account from an address.
    pub(crate) fn begin_attempt(
        &self,
        email: &str,
        address: IpAddr,
        now: Millis,
    ) -> Result<SignInAttempt<'_>, ApiError> {
        let account = account_key(email);
        let of_account = self.accounts.reserve(account, now).map_err(too_many_failures)?;
        let of_address = match self.addresses.reserve(address, now) {
            Ok(reserved) => reserved,
            Err(wait) => {
                of_account.end(false);
                return Err(too_many_failures(wait));
            }
        };
        Ok(SignInAttempt { limits: self, account, of_account, of_address })
    }

    /// Forgets the failures of an account.
    pub(crate) fn forget_account(&self, email: &str) {
        self.accounts.clear(account_key(email));
    }

    /// Counts with the other servers, and takes over their count where it is higher.
    async fn count_in_store(&self, store: &dyn Store, account: AccountKey, now: Millis) {
        let name = hmac::sign(&self.name_key, format!("console sign-in {account:?}").as_bytes());
        let name = URL_SAFE_NO_PAD.encode(name);
        let counted = tokio::time::timeout(SHARED_COUNT_TIMEOUT, async {
            let _permit = self.shared_counts.acquire().await.ok()?;
            store.count_in_window(&name, now, WINDOW_SECONDS).await.ok()?
        });
        if let Ok(Some(counted)) = counted.await {
            self.accounts.raise_to(account, counted.count, now);
        }
    }
}

impl SignInAttempt<'_> {
    /// Ends an attempt that has failed.
    pub(crate) async fn fail(self, store: &dyn Store, now: Millis) {
        let (limits, account) = (self.limits, self.account);
        drop(self);
        limits.count_in_store(store, account, now).await;
    }

    /// Ends a step that went well: it counts for nothing, and earlier failures stay.
    pub(crate) fn pass(self) {
        self.of_account.end(false);
        self.of_address.end(false);
    }

    /// Ends a sign-in that is complete: the failures of the account are forgotten, those of the address stay.
    pub(crate) fn complete(self) {
        let (limits, account) = (self.limits, self.account);
        self.pass();
        limits.accounts.clear(account);
    }
}

fn account_key(email: &str) -> AccountKey {
    let mut key = [0; 16];
    key.copy_from_slice(&digest::digest(&digest::SHA256, email.as_bytes()).as_ref()[..16]);
    key
}

fn too_many_failures(seconds: u64) -> ApiError {
    ApiError::new(axum::http::StatusCode::TOO_MANY_REQUESTS, "Too many failures")
        .with_message("Try again when Retry-After has passed")
        .retry_after(seconds)
        .with_kind(RefusalKind::Guesses)
}

/// Failures by key.
struct FailureCounts<K> {
    allowed: u32,
    keys: Mutex<HashMap<K, Failures>>,
}

/// The failures of a key.
#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    last: Millis,
    /// Attempts whose result is not known yet.
    reserved: u32,
}

impl Failures {
    /// When the next try is allowed.
    fn next_allowed_at(self, allowed: u32) -> Millis {
        self.last.plus_seconds(wait_after(self.count, allowed))
    }

    fn is_forgotten(self, allowed: u32, now: Millis) -> bool {
        self.reserved == 0 && self.next_allowed_at(allowed).plus_seconds(WINDOW_SECONDS) <= now
    }
}

/// The seconds that a try must wait after so many failures.
fn wait_after(count: u32, allowed: u32) -> i64 {
    match count.checked_sub(allowed) {
        None => 0,
        Some(surplus) => FIRST_WAIT.checked_shl(surplus.min(16)).unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT),
    }
}

impl<K: Eq + Hash + Copy> FailureCounts<K> {
    fn new(allowed: u32) -> Self {
        Self { allowed, keys: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Failures>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reserves an attempt, or says how many seconds to wait. Concurrent attempts get no further than the limit: at it,
    /// one at a time.
    fn reserve(&self, key: K, now: Millis) -> Result<Attempt<'_, K>, u64> {
        let mut keys = self.lock();
        if keys.len() >= MAX_KEYS {
            self.forget_keys(&mut keys, now);
        }
        let failures = keys.entry(key).or_insert(Failures { count: 0, last: now, reserved: 0 });
        if failures.is_forgotten(self.allowed, now) {
            failures.count = 0;
        }
        let left = failures.next_allowed_at(self.allowed).0.saturating_sub(now.0);
        if failures.count >= self.allowed && left > 0 {
            return Err(u64::try_from(left).unwrap_or_default().div_ceil(1_000));
        }
        if failures.reserved >= self.allowed.saturating_sub(failures.count).max(1) {
            return Err(1);
        }
        failures.reserved += 1;
        Ok(Attempt { counts: self, key, now, is_failure: true })
    }

    fn end_attempt(&self, key: K, now: Millis, is_failure: bool) {
        let mut keys = self.lock();
        let failures = keys.entry(key).or_insert(Failures { count: 0, last: now, reserved: 1 });
        failures.reserved = failures.reserved.saturating_sub(1);
        if is_failure {
            failures.count = failures.count.saturating_add(1);
            failures.last = failures.last.max(now);
        }
    }

    fn raise_to(&self, key: K, count: u32, now: Millis) {
        let mut keys = self.lock();
        let failures = keys.entry(key).or_insert(Failures { count: 0, last: now, reserved: 0 });
        failures.count = failures.count.max(count);
    }

    fn clear(&self, key: K) {
        if let Some(failures) = self.lock().get_mut(&key) {
            failures.count = 0;
        }
    }

    /// A stranger who makes up keys must not lift the wait of another key.
    fn forget_keys(&self, keys: &mut HashMap<K, Failures>, now: Millis) {
        keys.retain(|_, failures| !failures.is_forgotten(self.allowed, now));
        if keys.len() >= MAX_KEYS {
            keys.retain(|_, failures| failures.reserved > 0 || failures.count >= self.allowed);
        }
        if keys.len() >= MAX_KEYS {
            keys.clear();
        }
    }
}

/// An attempt of a key. Dropped, it is a failure.
struct Attempt<'a, K: Eq + Hash + Copy> {
    counts: &'a FailureCounts<K>,
    key: K,
    now: Millis,
    is_failure: bool,
}

impl<K: Eq + Hash + Copy> Attempt<'_, K> {
    fn end(mut self, is_failure: bool) {
        self.is_failure = is_failure;
    }
}

impl<K: Eq + Hash + Copy> Drop for Attempt<'_, K> {
    fn drop(&mut self) {
        self.counts.end_attempt(self.key, self.now, self.is_failure);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Millis = Millis(1_774_051_200_000);

    #[test]
    fn waits_grow_from_half_a_minute_to_a_quarter_of_an_hour() {
        let waits: Vec<i64> = [0, 4, 5, 6, 7, 8, 9, 10, 50, u32::MAX].map(|count| wait_after(count, 5)).to_vec();
        assert_eq!(waits, [0, 0, 30, 60, 120, 240, 480, 900, 900, 900]);
    }

    #[test]
    fn concurrent_attempts_stop_at_the_limit() {
        let counts = FailureCounts::new(3);
        let attempts: Vec<_> = (0..5).map(|_| counts.reserve("a", START)).collect();
        assert_eq!(attempts.iter().filter(|attempt| attempt.is_ok()).count(), 3);
        drop(attempts);
        assert_eq!(counts.reserve("a", START).err(), Some(30));
        assert!(counts.reserve("b", START).is_ok());
        let later = START.plus_seconds(30);
        let one = counts.reserve("a", later).unwrap();
        assert_eq!(counts.reserve("a", later).err(), Some(1), "one at a time");
        drop(one);
        assert_eq!(counts.reserve("a", later).err(), Some(60));
        assert!(counts.reserve("a", later.plus_seconds(60 + WINDOW_SECONDS)).is_ok());
        assert_eq!(counts.lock()["a"].count, 1, "forgotten, and one more");
    }

    #[test]
    fn password_alone_does_not_clear_failures_of_the_code() {
        let limits = SignInLimits::new(b"secret");
        let address = IpAddr::from([192, 0, 2, 1]);
        let begin = || limits.begin_attempt("a@b.example", address, START);
        (0..4).for_each(|_| drop(begin().unwrap()));
        begin().unwrap().pass();
        drop(begin().unwrap());
        assert!(begin().is_err(), "five have failed");
        let limits = SignInLimits::new(b"secret");
        let begin = || limits.begin_attempt("a@b.example", address, START);
        (0..4).for_each(|_| drop(begin().unwrap()));
        begin().unwrap().complete();
        (0..4).for_each(|_| drop(begin().unwrap()));
        assert!(begin().is_ok());
    }

    #[test]
    fn address_is_limited_across_accounts() {
        let limits = SignInLimits::new(b"secret");
        let address = IpAddr::from([192, 0, 2, 1]);
        (0..20).for_each(|number| drop(limits.begin_attempt(&format!("{number}@b.example"), address, START).unwrap()));
        assert!(limits.begin_attempt("other@b.example", address, START).is_err());
        assert!(limits.begin_attempt("other@b.example", IpAddr::from([192, 0, 2, 2]), START).is_ok());
    }
}

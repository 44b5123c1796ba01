//! Counts the live idempotency keys of each holder, so that one holder cannot fill the store.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::records::time::Millis;
use crate::store::{Result, Store};

/// How long a count is valid, in seconds: other servers add keys, and keys expire.
const RECOUNT_SECONDS: i64 = 600;
/// The same while the limit is reached.
const RECOUNT_FULL_SECONDS: i64 = 10;
/// The most holders that are remembered.
const MAX_HOLDERS: usize = 10_000;

/// How many keys each holder has. The store is asked once in a while; in between this server counts its own.
#[derive(Default)]
pub(crate) struct LiveKeys(Mutex<HashMap<String, KeyCount>>);

#[derive(Clone, Copy)]
struct KeyCount {
    keys: usize,
    counted: Millis,
}

impl KeyCount {
    fn is_valid(self, limit: usize, now: Millis) -> bool {
        let seconds = if self.keys < limit { RECOUNT_SECONDS } else { RECOUNT_FULL_SECONDS };
        self.counted.plus_seconds(seconds) > now
    }
}

impl LiveKeys {
    fn lock_counts(&self) -> MutexGuard<'_, HashMap<String, KeyCount>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reserves a key for a holder; says whether the limit allows it.
    pub(super) async fn reserve_key(&self, store: &dyn Store, holder: &str, limit: usize, now: Millis) -> Result<bool> {
        let valid = self.lock_counts().get(holder).is_some_and(|count| count.is_valid(limit, now));
        if !valid {
            let keys = store.count_idempotency_keys(holder, now, limit).await?;
            let mut counts = self.lock_counts();
            if counts.len() >= MAX_HOLDERS {
                counts.retain(|_, count| count.is_valid(limit, now));
            }
            counts.insert(holder.to_owned(), KeyCount { keys, counted: now });
        }
        let mut counts = self.lock_counts();
        let Some(count) = counts.get_mut(holder) else { return Ok(true) };
        let is_allowed = count.keys < limit;
        count.keys += usize::from(is_allowed);
        Ok(is_allowed)
    }

    /// Gives back a key that was not stored, or that was freed.
    pub(super) fn release_key(&self, holder: &str) {
        if let Some(count) = self.lock_counts().get_mut(holder) {
            count.keys = count.keys.saturating_sub(1);
        }
    }
}

//! Rate limiter and concurrency limiter: how many events a key may have in a sliding window, and how many at once.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::records::time::Millis;

/// The most keys remembered. Beyond that, expired keys are forgotten first, then keys that are not blocked: a stranger
/// who makes up keys must not lift the block of another key.
const MAX_KEYS: usize = 100_000;

/// Allows `limit` events a key within any `window`.
pub(crate) struct RateLimiter<K> {
    limit: u32,
    /// Seconds.
    window: i64,
    keys: Mutex<HashMap<K, RecentEvents>>,
}

/// The recent events of a key.
#[derive(Default)]
struct RecentEvents {
    /// The newest events, at most as many as the limit, oldest first.
    events: VecDeque<Millis>,
    /// Blocked until then, regardless of the events counted here.
    blocked_until: Option<Millis>,
    /// Attempts whose result is not known yet.
    reserved: u32,
}

impl RecentEvents {
    /// When the key may have another event.
    fn next_allowed_at(&self, limit: u32, window: i64) -> Millis {
        let is_full = self.events.len() >= limit as usize;
        let oldest = self.events.front().filter(|_| is_full).map(|oldest| oldest.plus_seconds(window));
        oldest.max(self.blocked_until).unwrap_or(Millis(i64::MIN))
    }

    /// How many of its events are within the window.
    fn count_recent(&self, now: Millis, window: i64) -> usize {
        self.events.iter().filter(|event| event.plus_seconds(window) > now).count()
    }

    /// When the last of its events and its block have expired.
    fn expires_at(&self, window: i64) -> Millis {
        self.events.back().map(|last| last.plus_seconds(window)).max(self.blocked_until).unwrap_or(Millis(i64::MIN))
    }
}

impl<K: Eq + Hash> RateLimiter<K> {
    /// Allows `limit` events in `window` seconds.
    #[must_use]
    pub(crate) fn new(limit: u32, window: i64) -> Self {
        Self { limit, window, keys: Mutex::default() }
    }

    fn lock_keys(&self) -> MutexGuard<'_, HashMap<K, RecentEvents>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The seconds until the key may try again; `None` when it may now.
    pub(crate) fn seconds_blocked(&self, key: &K, now: Millis) -> Option<u64> {
        let keys = self.lock_keys();
        let allowed_at = keys.get(key)?.next_allowed_at(self.limit, self.window);
        u64::try_from(allowed_at.0.saturating_sub(now.0)).ok().filter(|left| *left > 0).map(|left| left.div_ceil(1_000))
    }

    /// Reserves an attempt of that key before its result is known, so that any number of concurrent attempts get no further
    /// than the limit. A reservation that is dropped counts as an event.
    pub(crate) fn reserve(&self, key: K, now: Millis) -> Result<Reservation<'_, K>, ReserveError>
    where
        K: Copy,
    {
        if let Some(seconds) = self.seconds_blocked(&key, now) {
            return Err(ReserveError::Blocked(seconds));
        }
        let mut keys = self.lock_keys();
        if keys.len() >= MAX_KEYS {
            self.forget_keys(&mut keys, now);
        }
        let recent = keys.entry(key).or_default();
        if recent.count_recent(now, self.window) + recent.reserved as usize >= self.limit as usize {
            return Err(ReserveError::Busy);
        }
        recent.reserved += 1;
        Ok(Reservation { limiter: self, key, now, is_event: true })
    }

    fn end_reservation(&self, key: K, now: Millis, is_event: bool) {
        let mut keys = self.lock_keys();
        let recent = keys.entry(key).or_default();
        recent.reserved = recent.reserved.saturating_sub(1);
        if is_event {
            recent.events.push_back(now);
            if recent.events.len() > self.limit as usize {
                recent.events.pop_front();
            }
        }
    }

    /// The most events a key may have, and the window in seconds.
    pub(crate) fn limit(&self) -> (u32, i64) {
        (self.limit, self.window)
    }

    /// Blocks a key until then, regardless of the events counted here.
    pub(crate) fn block_until(&self, key: K, ends: Millis) {
        self.lock_keys().entry(key).or_default().blocked_until = Some(ends);
    }

    /// Counts an event of that key if the limit allows it. Concurrent events do not exceed the limit.
    pub(crate) fn try_event(&self, key: K, now: Millis) -> bool {
        let mut keys = self.lock_keys();
        if keys.len() >= MAX_KEYS {
            self.forget_keys(&mut keys, now);
        }
        let recent = keys.entry(key).or_default();
        if recent.next_allowed_at(self.limit, self.window) > now {
            return false;
        }
        recent.events.push_back(now);
        if recent.events.len() > self.limit as usize {
            recent.events.pop_front();
        }
        true
    }

    fn forget_keys(&self, keys: &mut HashMap<K, RecentEvents>, now: Millis) {
        keys.retain(|_, recent| recent.reserved > 0 || recent.expires_at(self.window) > now);
        if keys.len() >= MAX_KEYS {
            keys.retain(|_, recent| recent.reserved > 0 || recent.next_allowed_at(self.limit, self.window) > now);
        }
        if keys.len() >= MAX_KEYS {
            keys.clear();
        }
    }
}

/// Why an attempt was not reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReserveError {
    /// The limit is reached: for so many seconds.
    Blocked(u64),
    /// Attempts under way could reach it: their results decide.
    Busy,
}

/// An attempt whose result is not known yet. It counts as an event unless it is released.
pub(crate) struct Reservation<'a, K: Eq + Hash + Copy> {
    limiter: &'a RateLimiter<K>,
    key: K,
    now: Millis,
    is_event: bool,
}

impl<K: Eq + Hash + Copy> Reservation<'_, K> {
    /// Ends an attempt that counts for nothing.
    pub(crate) fn release(mut self) {
        self.is_event = false;
    }
}

impl<K: Eq + Hash + Copy> Drop for Reservation<'_, K> {
    fn drop(&mut self) {
        self.limiter.end_reservation(self.key, self.now, self.is_event);
    }
}

/// Allows each key a number of permits at once.
pub(crate) struct ConcurrencyLimiter<K> {
    held: Arc<Mutex<HashMap<K, u32>>>,
    limit: u32,
}

/// A permit of a key; dropping it returns it.
pub(crate) struct ConcurrencyPermit<K: Eq + Hash> {
    held: Arc<Mutex<HashMap<K, u32>>>,
    key: K,
}

impl<K: Eq + Hash + Copy> ConcurrencyLimiter<K> {
    /// Allows each key `limit` permits at once.
    #[must_use]
    pub(crate) fn new(limit: u32) -> Self {
        Self { held: Arc::default(), limit }
    }

    /// Takes a permit; `None` when the key holds all of its permits.
    pub(crate) fn try_acquire(&self, key: K) -> Option<ConcurrencyPermit<K>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(key).or_default();
        if *count >= self.limit {
            return None;
        }
        *count += 1;
        Some(ConcurrencyPermit { held: self.held.clone(), key })
    }
}

impl<K: Eq + Hash> Drop for ConcurrencyPermit<K> {
    fn drop(&mut self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        match held.get_mut(&self.key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(held.remove(&self.key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_is_blocked_until_its_window_ends() {
        let limiter = RateLimiter::new(2, 60);
        let now = Millis(0);
        limiter.try_event("a", now);
        assert_eq!(limiter.seconds_blocked(&"a", now), None);
        limiter.try_event("a", now);
        assert_eq!(limiter.seconds_blocked(&"a", now.plus_seconds(1)), Some(59));
        assert_eq!(limiter.seconds_blocked(&"b", now), None);
        assert_eq!(limiter.seconds_blocked(&"a", now.plus_seconds(60)), None);
    }

    #[test]
    fn reserved_attempts_do_not_exceed_the_limit() {
        let limiter = RateLimiter::new(3, 60);
        let now = Millis(0);
        let reserve = || limiter.reserve("a", now);
        let (one, two, three) = (reserve().unwrap(), reserve().unwrap(), reserve().unwrap());
        assert!(matches!(reserve(), Err(ReserveError::Busy)), "their results decide");
        one.release();
        drop(reserve().unwrap());
        drop(two);
        drop(three);
        assert!(matches!(reserve(), Err(ReserveError::Blocked(60))), "three have failed");
        assert!(limiter.reserve("b", now).is_ok());
        assert!(limiter.reserve("a", now.plus_seconds(60)).is_ok());
    }

    #[test]
    fn window_slides() {
        let limiter = RateLimiter::new(5, 180);
        let at = |seconds| Millis(0).plus_seconds(seconds);
        assert!(limiter.try_event("a", at(0)));
        assert!((0..4).all(|_| limiter.try_event("a", at(179))));
        assert!(limiter.try_event("a", at(180)), "the first is over");
        assert!(!limiter.try_event("a", at(180)), "the other four are not");
        assert_eq!(limiter.seconds_blocked(&"a", at(180)), Some(179));
        assert!(limiter.try_event("a", at(359)));
    }

    #[test]
    fn dropped_permit_is_returned() {
        let permits = ConcurrencyLimiter::new(2);
        let (one, _two) = (permits.try_acquire("a"), permits.try_acquire("a"));
        assert!(permits.try_acquire("a").is_none() && permits.try_acquire("b").is_some());
        drop(one);
        assert!(permits.try_acquire("a").is_some());
    }

    #[test]
    fn made_up_keys_do_not_lift_a_block() {
        let limiter = RateLimiter::new(2, 60);
        limiter.try_event(0, Millis(0));
        limiter.try_event(0, Millis(0));
        for key in 1..=MAX_KEYS {
            limiter.try_event(key, Millis(0));
        }
        assert!(limiter.seconds_blocked(&0, Millis(0)).is_some());
        assert!(limiter.lock_keys().len() < MAX_KEYS);
    }
}

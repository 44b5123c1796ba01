//! Counts what may happen only so often, by key, within any stretch of a minute or so.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::records::time::Millis;

/// The most keys remembered. Past that, those are forgotten that nothing has happened to of late, then those that block
/// nobody, so that a stranger who makes up keys does not lift another's block.
const MAX_KEYS: usize = 100_000;

/// Allows `most` events a key in any `seconds`.
pub(crate) struct Limiter<K> {
    most: u32,
    seconds: i64,
    keys: Mutex<HashMap<K, Recent>>,
}

/// What has happened to a key of late.
#[derive(Default)]
struct Recent {
    /// As many of the last events as count, oldest first.
    events: VecDeque<Millis>,
    /// Blocked until then, whatever has been counted here.
    blocked: Option<Millis>,
}

impl Recent {
    /// When the key may have another event.
    fn free_at(&self, most: u32, seconds: i64) -> Millis {
        let is_full = self.events.len() >= most as usize;
        let oldest = self.events.front().filter(|_| is_full).map(|oldest| oldest.plus_seconds(seconds));
        oldest.max(self.blocked).unwrap_or(Millis(i64::MIN))
    }

    /// When none of it counts any more.
    fn ends_at(&self, seconds: i64) -> Millis {
        self.events.back().map(|last| last.plus_seconds(seconds)).max(self.blocked).unwrap_or(Millis(i64::MIN))
    }
}

impl<K: Eq + Hash> Limiter<K> {
    /// Takes the most events in that many seconds.
    #[must_use]
    pub(crate) fn new(most: u32, seconds: i64) -> Self {
        Self { most, seconds, keys: Mutex::default() }
    }

    fn keys(&self) -> MutexGuard<'_, HashMap<K, Recent>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The seconds until the key may try again; `None` when it may now.
    pub(crate) fn blocked(&self, key: &K, now: Millis) -> Option<u64> {
        let keys = self.keys();
        let free_at = keys.get(key)?.free_at(self.most, self.seconds);
        u64::try_from(free_at.0.saturating_sub(now.0)).ok().filter(|left| *left > 0).map(|left| left.div_ceil(1_000))
    }

    /// The most events a key may have, and in how many seconds.
    pub(crate) fn bounds(&self) -> (u32, i64) {
        (self.most, self.seconds)
    }

    /// Blocks a key until then, whatever has been counted here.
    pub(crate) fn block(&self, key: K, ends: Millis) {
        self.keys().entry(key).or_default().blocked = Some(ends);
    }

    /// Counts an event of that key.
    pub(crate) fn count(&self, key: K, now: Millis) {
        self.counted_if(key, now, |_| true);
    }

    /// Counts an event of that key if it may have another: of many at once no more than that.
    pub(crate) fn take(&self, key: K, now: Millis) -> bool {
        self.counted_if(key, now, |free_at| free_at <= now)
    }

    fn counted_if(&self, key: K, now: Millis, is_counted: impl FnOnce(Millis) -> bool) -> bool {
        let mut keys = self.keys();
        if keys.len() >= MAX_KEYS {
            self.make_room(&mut keys, now);
        }
        let recent = keys.entry(key).or_default();
        if !is_counted(recent.free_at(self.most, self.seconds)) {
            return false;
        }
        recent.events.push_back(now);
        if recent.events.len() > self.most as usize {
            recent.events.pop_front();
        }
        true
    }

    fn make_room(&self, keys: &mut HashMap<K, Recent>, now: Millis) {
        keys.retain(|_, recent| recent.ends_at(self.seconds) > now);
        if keys.len() >= MAX_KEYS {
            keys.retain(|_, recent| recent.free_at(self.most, self.seconds) > now);
        }
        if keys.len() >= MAX_KEYS {
            keys.clear();
        }
    }
}

/// Allows `most` of something a key at the same moment.
pub(crate) struct AtOnce<K>(Arc<Mutex<HashMap<K, u32>>>, u32);

/// One of them; dropping it makes room for another.
pub(crate) struct Place<K: Eq + Hash> {
    places: Arc<Mutex<HashMap<K, u32>>>,
    key: K,
}

impl<K: Eq + Hash + Copy> AtOnce<K> {
    /// That many at the same moment.
    #[must_use]
    pub(crate) fn new(most: u32) -> Self {
        Self(Arc::default(), most)
    }

    /// Takes a place; `None` when all of that key's are taken.
    pub(crate) fn enter(&self, key: K) -> Option<Place<K>> {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = places.entry(key).or_default();
        if *taken >= self.1 {
            return None;
        }
        *taken += 1;
        Some(Place { places: self.0.clone(), key })
    }
}

impl<K: Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        match places.get_mut(&self.key) {
            Some(taken) if *taken > 1 => *taken -= 1,
            _ => drop(places.remove(&self.key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_blocked_until_its_window_ends() {
        let limiter = Limiter::new(2, 60);
        let now = Millis(0);
        limiter.count("a", now);
        assert_eq!(limiter.blocked(&"a", now), None);
        limiter.count("a", now);
        assert_eq!(limiter.blocked(&"a", now.plus_seconds(1)), Some(59));
        assert_eq!(limiter.blocked(&"b", now), None);
        assert_eq!(limiter.blocked(&"a", now.plus_seconds(60)), None);
    }

    #[test]
    fn any_stretch_of_time_counts_and_not_the_one_that_began_first() {
        let limiter = Limiter::new(5, 180);
        let at = |seconds| Millis(0).plus_seconds(seconds);
        assert!(limiter.take("a", at(0)));
        assert!((0..4).all(|_| limiter.take("a", at(179))));
        assert!(limiter.take("a", at(180)), "the first is over");
        assert!(!limiter.take("a", at(180)), "the other four are not");
        assert_eq!(limiter.blocked(&"a", at(180)), Some(179));
        assert!(limiter.take("a", at(359)));
    }

    #[test]
    fn places_come_free_again() {
        let places = AtOnce::new(2);
        let (one, _two) = (places.enter("a"), places.enter("a"));
        assert!(places.enter("a").is_none() && places.enter("b").is_some());
        drop(one);
        assert!(places.enter("a").is_some());
    }

    #[test]
    fn made_up_keys_do_not_lift_a_block() {
        let limiter = Limiter::new(2, 60);
        limiter.count(0, Millis(0));
        limiter.count(0, Millis(0));
        for key in 1..=MAX_KEYS {
            limiter.count(key, Millis(0));
        }
        assert!(limiter.blocked(&0, Millis(0)).is_some());
        assert!(limiter.keys().len() < MAX_KEYS);
    }
}

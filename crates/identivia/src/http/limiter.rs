//! Counts what may happen only so often, by key, in windows of a minute or so.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use crate::domain::time::Millis;

/// The most keys remembered. Past that, windows that have ended are forgotten, then those that block nobody, so that a
/// stranger who makes up keys does not lift another's block.
const MAX_KEYS: usize = 100_000;

/// Allows `most` events a key in `seconds`.
pub struct Limiter<K> {
    most: u32,
    seconds: i64,
    windows: Mutex<HashMap<K, Window>>,
}

struct Window {
    ends: Millis,
    count: u32,
}

impl<K: Eq + Hash> Limiter<K> {
    /// Takes the most events in that many seconds.
    #[must_use]
    pub fn new(most: u32, seconds: i64) -> Self {
        Self { most, seconds, windows: Mutex::default() }
    }

    /// The seconds until the key may try again; `None` when it may now.
    pub fn blocked(&self, key: &K, now: Millis) -> Option<u64> {
        let windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.get(key).filter(|window| window.ends > now && window.count >= self.most)?;
        u64::try_from(window.ends.0 - now.0).ok().map(|left| left.div_ceil(1_000))
    }

    /// Counts an event of that key if it may have another, or gives the seconds until then.
    ///
    /// # Errors
    /// The seconds to wait.
    pub fn take(&self, key: K, now: Millis) -> Result<(), u64>
    where
        K: Clone,
    {
        match self.blocked(&key, now) {
            Some(seconds) => Err(seconds),
            None => {
                self.count(key, now);
                Ok(())
            }
        }
    }

    /// The most events a key may have in a window, and the window's seconds.
    pub fn bounds(&self) -> (u32, i64) {
        (self.most, self.seconds)
    }

    /// Blocks a key until then, whatever has been counted here.
    pub fn block(&self, key: K, ends: Millis) {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        windows.insert(key, Window { ends, count: self.most });
    }

    /// Counts an event of that key.
    pub fn count(&self, key: K, now: Millis) {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= MAX_KEYS {
            windows.retain(|_, window| window.ends > now);
            if windows.len() >= MAX_KEYS {
                windows.retain(|_, window| window.count >= self.most);
            }
            if windows.len() >= MAX_KEYS {
                windows.clear();
            }
        }
        let fresh = Window { ends: now.plus_seconds(self.seconds), count: 0 };
        let window = windows.entry(key).or_insert(fresh);
        if window.ends <= now {
            *window = Window { ends: now.plus_seconds(self.seconds), count: 0 };
        }
        window.count += 1;
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
    fn made_up_keys_do_not_lift_a_block() {
        let limiter = Limiter::new(2, 60);
        limiter.count(0, Millis(0));
        limiter.count(0, Millis(0));
        for key in 1..=MAX_KEYS {
            limiter.count(key, Millis(0));
        }
        assert!(limiter.blocked(&0, Millis(0)).is_some());
        assert!(limiter.windows.lock().unwrap().len() < MAX_KEYS);
    }
}

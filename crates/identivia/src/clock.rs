//! The time of day, as a parameter: tests move it, nothing else reads it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::records::time::Millis;

/// Tells the time: the system's, moved by an offset that only tests set.
#[derive(Clone, Default)]
pub struct Clock {
    offset: Arc<AtomicI64>,
}

impl Clock {
    /// The time now, in milliseconds.
    #[must_use]
    pub fn now(&self) -> Millis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        Millis(millis.saturating_add(self.offset.load(Ordering::Relaxed)))
    }

    /// Moves this clock, and every clone of it, by some seconds.
    pub fn advance(&self, seconds: i64) {
        self.offset.fetch_add(seconds * 1_000, Ordering::Relaxed);
    }
}

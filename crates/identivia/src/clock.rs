//! The clock: the time of day as a parameter, so that tests can move it. Nothing else reads the system's time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::records::time::Millis;

/// The system's time, moved by an offset that only tests set.
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

    /// Moves this clock, and every clone of it, by this many seconds.
    pub fn advance(&self, seconds: i64) {
        self.offset.fetch_add(seconds * 1_000, Ordering::Relaxed);
    }
}

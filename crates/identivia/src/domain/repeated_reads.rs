//! Repeated reads: the same user who reads the same thing again within a minute is audited once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::records::time::Millis;

/// How long reads of the same thing are one, in seconds.
const WINDOW: i64 = 60;
/// The most reads that are remembered. Beyond that, those whose window is over are forgotten, then all.
const MAX_READS: usize = 10_000;

/// Remembers reads by what identifies them. Each server remembers its own.
#[derive(Default)]
pub struct RepeatedReads {
    windows: Mutex<HashMap<String, Millis>>,
}

impl RepeatedReads {
    /// Says whether that read is to be audited: it is the first within a minute.
    pub fn is_first(&self, read: String, now: Millis) -> bool {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= MAX_READS {
            windows.retain(|_, ends| *ends > now);
        }
        if windows.len() >= MAX_READS {
            windows.clear();
        }
        let is_first = windows.get(&read).is_none_or(|ends| *ends <= now);
        if is_first {
            windows.insert(read, now.plus_seconds(WINDOW));
        }
        is_first
    }

    /// Forgets a read that could not be audited.
    pub fn forget(&self, read: &str) {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner).remove(read);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_read_within_a_minute_is_one() {
        let reads = RepeatedReads::default();
        let is_first = |read: &str, seconds| reads.is_first(read.to_owned(), Millis(0).plus_seconds(seconds));
        assert!(is_first("a", 0) && !is_first("a", 59) && is_first("b", 59) && is_first("a", 60));
        reads.forget("a");
        assert!(is_first("a", 61));
        for number in 0..MAX_READS {
            is_first(&number.to_string(), 61);
        }
        assert!(reads.windows.lock().unwrap().len() <= MAX_READS);
    }
}

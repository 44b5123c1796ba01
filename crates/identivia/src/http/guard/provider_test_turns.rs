//! Whose turn it is to test a provider: one test of each at a time, and one in ten seconds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The shortest time between the starts of two tests of a provider.
pub(crate) const TEST_INTERVAL: Duration = Duration::from_secs(10);

/// When each provider was last tested. It belongs to this server: each server has its own way to the provider.
#[derive(Clone, Default)]
pub(crate) struct ProviderTestTurns(Arc<Mutex<HashMap<&'static str, Turn>>>);

struct Turn {
    started: Instant,
    is_running: bool,
}

/// A test that runs. Another one may begin when this is dropped.
pub(crate) struct RunningTest {
    turns: ProviderTestTurns,
    provider: &'static str,
}

impl ProviderTestTurns {
    /// Lets a test begin at that time; otherwise says after how many seconds another one may.
    pub(crate) fn begin(&self, provider: &'static str, now: Instant) -> Result<RunningTest, u64> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(provider) {
            let left = TEST_INTERVAL.saturating_sub(now.saturating_duration_since(turn.started));
            if turn.is_running || !left.is_zero() {
                return Err(left.as_secs().max(1));
            }
        }
        turns.insert(provider, Turn { started: now, is_running: true });
        Ok(RunningTest { turns: self.clone(), provider })
    }
}

impl Drop for RunningTest {
    fn drop(&mut self) {
        let mut turns = self.turns.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get_mut(self.provider) {
            turn.is_running = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_test_runs_at_a_time_and_one_begins_in_ten_seconds() {
        let (turns, start) = (ProviderTestTurns::default(), Instant::now());
        let first = turns.begin("mail", start).unwrap_or_else(|_| panic!("it is the first"));
        assert!(turns.begin("files", start).is_ok(), "each provider has its own turn");
        let later = start + TEST_INTERVAL * 2;
        assert_eq!(turns.begin("mail", later).err(), Some(1), "the first one still runs");
        drop(first);
        let second = turns.begin("mail", later).unwrap_or_else(|_| panic!("the first has ended"));
        drop(second);
        assert_eq!(turns.begin("mail", later).err(), Some(10));
        assert!(turns.begin("mail", later + TEST_INTERVAL).is_ok());
    }
}

//! The deadline of a run: work that takes too long ends with an error before its next network.
//!
//! The deadline belongs to the thread that does the work. As a parameter it would pass through every function between the
//! caller and the networks, and the next network could be run without it.

use std::cell::Cell;
use std::time::{Duration, Instant};

thread_local! {
    static DEADLINE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Restores the deadline that held before, also when the work panics.
struct EarlierDeadline(Option<Instant>);

impl Drop for EarlierDeadline {
    fn drop(&mut self) {
        DEADLINE.set(self.0);
    }
}

/// Does work on this thread. Once the time is over, every network that it would run fails.
pub fn run_within<T>(limit: Duration, work: impl FnOnce() -> T) -> T {
    let _earlier = EarlierDeadline(DEADLINE.replace(Some(Instant::now() + limit)));
    work()
}

/// Says whether the work of this thread has taken too long.
pub(crate) fn is_deadline_over() -> bool {
    DEADLINE.get().is_some_and(|deadline| Instant::now() >= deadline)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadline_ends_with_its_work() {
        assert!(run_within(Duration::ZERO, is_deadline_over) && !is_deadline_over());
        assert!(!run_within(Duration::from_secs(60), is_deadline_over));
        let panicked = std::panic::catch_unwind(|| run_within(Duration::ZERO, || panic!("broken")));
        assert!(panicked.is_err() && !is_deadline_over());
    }
}

//! Expensive work: for whom it is done, what it costs in seconds of processor time, and whose turn is next.

pub mod cpu_ledger;
pub mod fair_permits;
pub mod holder;
pub mod search_turns;

/// How many threads run at once on this machine, within the limits of its container.
#[must_use]
pub fn count_processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

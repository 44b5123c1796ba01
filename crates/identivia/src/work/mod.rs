//! Expensive work: for whom it is done, what it costs in seconds of processor time, and whose turn is next.

pub mod cpu_ledger;
pub mod fair_permits;
pub mod holder;
pub mod search_turns;

//! The guard: who calls, what the operation requires, and how often it may be called.

pub mod access;
pub mod failed_guesses;
pub mod provider_quotas;
pub mod rate_limiter;

//! The guard: who calls, what the operation requires, what the caller may touch, and how often it may call.

pub mod access_table;
pub mod authenticate;
pub mod authority;
pub mod blocked_addresses;
pub mod body_limits;
pub mod client_secrets;
pub mod console_session;
pub mod export_permits;
pub mod failed_guesses;
pub mod file_access;
pub mod four_eyes;
pub mod profile_access;
pub mod provider_quotas;
pub mod provider_test_turns;
pub mod rate_limiter;
pub mod request_context;
pub mod sign_in_limits;

//! Work that a request does not wait for.

pub mod file_sweep;
pub mod record_checks;

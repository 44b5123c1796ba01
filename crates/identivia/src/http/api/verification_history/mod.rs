//! Verification records: the evidence of an attempt, with its own copies of the files.

pub mod create;
pub mod list;
mod missing_files;

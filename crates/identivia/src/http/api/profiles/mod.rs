//! Profiles: create, get, list, update.

pub mod create;
pub mod get;
pub mod list;
pub mod revoke_links;
pub mod update;

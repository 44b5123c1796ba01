//! The API's operations: one file per resource.

pub mod aws;
pub mod documents;
pub mod files;
pub mod flow;
pub mod frames;
pub mod health;
pub mod liveness;
pub mod profile_update;
pub mod profiles;
pub mod settings;
pub mod status_history;
pub mod token;
pub mod verification_history;

//! The API's operations: one file per resource, and a folder for a resource with several operations.

pub mod analytics;
pub mod audit;
pub mod auth;
pub mod aws;
pub mod clients;
pub mod console;
pub mod documents;
pub mod events;
pub mod files;
pub mod flow;
pub mod health;
pub mod liveness;
pub mod profiles;
pub mod provider_test;
pub mod reviews;
pub mod settings;
pub mod status_history;
pub mod verification_history;
pub mod webhooks;

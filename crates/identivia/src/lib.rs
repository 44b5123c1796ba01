//! Identivia: self-hosted identity verification. `docs/architecture.md` describes the modules and the levels they form.

pub mod app;
pub mod availability;
pub mod aws_access;
pub mod cli;
pub mod client_directory;
pub mod clock;
pub mod config;
pub mod domain;
pub mod files;
pub mod first_run;
pub mod http;
pub mod jobs;
pub mod new_file;
pub mod providers;
pub mod records;
pub mod secret_file;
pub mod server;
pub mod server_metrics;
pub mod storage;
pub mod store;
pub mod system_key;
pub mod telemetry;
pub mod work;

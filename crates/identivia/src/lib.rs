//! Identivia: self-hosted identity verification. `docs/architecture.md` walks through the rooms.

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod copy;
pub mod domain;
pub mod error;
pub mod files;
pub mod first_run;
pub mod house;
pub mod http;
pub mod liveness;
pub mod reader;
pub mod store;
pub mod telemetry;

//! Identivia: self-hosted identity verification. `docs/architecture.md` walks through the rooms.

pub mod app;
pub mod aws;
pub mod checks;
pub mod cli;
pub mod clock;
pub mod config;
pub mod copy;
pub mod domain;
pub mod engines;
pub mod error;
pub mod eval;
pub mod files;
pub mod fingerprint;
pub mod first_run;
pub mod house;
pub mod http;
pub mod live;
pub mod liveness;
pub mod outside;
pub mod progress;
pub mod providers;
pub mod reader;
pub mod store;
pub mod telemetry;
pub mod web;

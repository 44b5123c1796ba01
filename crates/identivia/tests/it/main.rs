//! The integration tests: through real sockets, against real SQLite and real files.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says so by stopping")]

mod access;
mod bodies;
mod bucket;
mod capacity;
mod command;
mod copy;
mod crash;
mod eval;
mod files;
mod flow;
mod frames;
mod ground;
mod hostile;
mod journey;
mod layout;
mod lists;
mod local;
mod person_page;
mod pictures;
mod pocketbase;
mod postgres;
mod profiles;
mod providers;
mod reference;
mod replicas;
mod services;
mod settings;
mod store;
mod submission;
mod survival;
mod tokens;
mod verification;
mod wire;
mod world;

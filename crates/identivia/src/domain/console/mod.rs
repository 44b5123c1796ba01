//! The console: who may do what, sessions, and the link, password and codes that a person signs in with.

pub mod reviewer;
pub mod role;
pub mod session;

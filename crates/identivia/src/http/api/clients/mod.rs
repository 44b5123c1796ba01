//! Machine clients: made, listed, changed and removed by operators. Those of the configuration are shown and not changed.

mod access;
pub mod change;
mod client_fields;
pub mod create;
pub mod delete;
pub mod get;
pub mod list;
pub mod secrets;
mod view;

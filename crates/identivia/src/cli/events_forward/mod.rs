//! `identivia events forward`: posts the events of a running server to a URL as signed webhooks, for developers at home.
//!
//! A machine behind a router cannot be reached by webhooks. It can read the stream of events, and be its own sender.

pub mod command;
mod event_messages;
mod forward_loop;
mod receiver;
mod server_stream;

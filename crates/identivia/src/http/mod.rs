//! HTTP: connections, the guard, idempotency keys, request bodies, one file per API resource, and the pages.

mod answer_form;
pub mod api;
pub mod body;
pub mod connection;
pub mod error;
pub mod guard;
pub mod idempotency;
pub mod middleware;
pub mod openapi;
pub mod origin;
pub mod pages;
mod rate_limit_headers;
pub mod readiness;
mod request_log;
pub mod router;
mod state;

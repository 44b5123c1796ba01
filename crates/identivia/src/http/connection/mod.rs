//! TCP connections: accepting and draining them, and checking request heads before the HTTP library parses them.

pub mod accept;
mod answer_body;
mod connection_table;
mod guarded_socket;
pub mod listener;
mod request_head;

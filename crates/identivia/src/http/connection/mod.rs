//! TCP connections: accepting and draining them, and checking request heads before the HTTP library parses them.

pub mod accept;
pub mod request_head;

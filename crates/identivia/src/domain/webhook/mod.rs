//! The rules of webhooks: where a URL may point, when a delivery is tried again, and when an endpoint is disabled.

pub mod endpoint_health;
pub mod public_address;
pub mod receiver_url;
pub mod retry_schedule;

//! OAuth 2.0 for machine clients: tokens by client credentials.

mod client_authentication;
mod credentials;
pub mod token;

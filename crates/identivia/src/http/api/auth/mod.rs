//! OAuth 2.0 for machine clients: tokens by client credentials, their revocation, and the server's metadata.

mod client_authentication;
mod credentials;
pub mod metadata;
pub mod revoke;
pub mod token;

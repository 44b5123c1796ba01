//! Signing in with OpenID Connect: what a provider announces, what an ID token must say, and what the page says when it fails.

pub mod claims;
pub mod metadata;
pub mod problem;
pub mod return_path;
pub mod role_claim;
pub mod sign_in_secret;
pub mod signature;

//! The console: who may do what, sessions, and the link, password and codes that a person signs in with.

pub mod browser_name;
pub mod challenge;
pub mod link;
pub mod oidc;
pub mod passkey;
pub mod password;
pub mod recovery_code;
pub mod reviewer;
pub mod role;
pub mod session;
pub mod sign_in_policy;
pub mod totp;
pub mod user;
pub mod webauthn;

//! Passkeys by Web Authentication Level 2: which server they are for, and the checks of what a browser sends.
//!
//! The comments name the steps of <https://www.w3.org/TR/webauthn-2/>: §7.1 for a new passkey, §7.2 for a sign-in. Why these checks are
//! our own is said in decision 26.

mod assertion;
mod authenticator_data;
mod cbor;
mod client_data;
mod cose_key;
mod registration;

use url::{Host, Url};

pub use assertion::{Assertion, verify_assertion};
pub use client_data::{Ceremony, ClientData};
pub use cose_key::ALGORITHMS;
pub use registration::{NewCredential, verify_registration};

/// The longest id of a credential, in bytes (§4, credential ID).
pub const MAX_CREDENTIAL_ID: usize = 1_023;

/// The server that passkeys are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelyingParty {
    /// The host's name. A passkey is for one name, and browsers show it at no other.
    pub id: String,
    /// What browsers say they are at.
    pub origin: String,
}

impl RelyingParty {
    /// The server of a public URL; `None` where browsers have no passkeys: at an IP address, and on http except at localhost.
    #[must_use]
    pub fn of_public_url(public_url: &str) -> Option<Self> {
        let url = Url::parse(public_url).ok()?;
        let Some(Host::Domain(name)) = url.host() else { return None };
        let is_local = name == "localhost" || name.ends_with(".localhost");
        let is_secure = url.scheme() == "https" || (url.scheme() == "http" && is_local);
        is_secure.then(|| Self { id: name.to_owned(), origin: url.origin().ascii_serialization() })
    }
}

/// What is wrong with a passkey that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyFault {
    #[error("The browser's data cannot be read")]
    ClientData,
    #[error("It was made for another purpose")]
    Purpose,
    #[error("It was made at another origin: open the console at its public URL")]
    Origin,
    #[error("The authenticator's data cannot be read")]
    AuthenticatorData,
    #[error("It was made for another server")]
    OtherServer,
    #[error("The authenticator has not checked who uses it: set up its PIN, fingerprint or face")]
    NotVerified,
    #[error("The authenticator uses an algorithm that was not asked for")]
    Algorithm,
    #[error("The authenticator's statement was not asked for, or is wrong")]
    Attestation,
    #[error("The signature is wrong")]
    Signature,
    /// Another authenticator may have the same key.
    #[error("The authenticator's counter went backwards")]
    CounterWentBack,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_need_a_name_and_https_except_at_localhost() {
        for (url, id, origin) in [
            ("https://id.example.com", "id.example.com", "https://id.example.com"),
            ("https://ID.example.com:8443/path", "id.example.com", "https://id.example.com:8443"),
            ("https://id.example.com:443", "id.example.com", "https://id.example.com"),
            ("http://localhost:8000", "localhost", "http://localhost:8000"),
            ("http://id.localhost", "id.localhost", "http://id.localhost"),
        ] {
            let expected = RelyingParty { id: id.to_owned(), origin: origin.to_owned() };
            assert_eq!(RelyingParty::of_public_url(url), Some(expected), "{url}");
        }
        for url in ["http://127.0.0.1:8000", "https://192.0.2.1", "https://[::1]", "http://id.example.com", "x", ""] {
            assert_eq!(RelyingParty::of_public_url(url), None, "{url}");
        }
    }
}

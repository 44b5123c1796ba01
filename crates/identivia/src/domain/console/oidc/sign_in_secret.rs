//! The secret of one sign-in with a provider: a cookie's value, from which `state`, `nonce` and the PKCE verifier follow.
//!
//! The browser alone has it. The records hold only what follows from `state`, which the provider sees too.

use aws_lc_rs::{constant_time, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::console::session::ConsoleToken;
use crate::records::id::{RecordId, letters_of};

/// How long a person may take at the provider, in seconds.
pub const PROVIDER_SIGN_IN_SECONDS: i64 = 10 * 60;

/// The secret of a sign-in that is under way. It has neither `Debug` nor `Display`.
pub struct SignInSecret(ConsoleToken);

impl SignInSecret {
    /// Draws a secret with 256 random bits.
    #[must_use]
    pub fn random() -> Self {
        Self(ConsoleToken::random())
    }

    /// Reads the value of a cookie; `None` when it cannot be one of ours.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        ConsoleToken::parse(text).map(Self)
    }

    /// The value of the cookie.
    #[must_use]
    pub fn as_text(&self) -> &str {
        self.0.as_text()
    }

    fn derive(&self, purpose: &str) -> String {
        let text = format!("console oidc {purpose} {}", self.0.as_text());
        URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, text.as_bytes()))
    }

    /// The parameter `state`: the provider's answer belongs to this browser.
    #[must_use]
    pub fn state(&self) -> String {
        self.derive("state")
    }

    /// The parameter `nonce`: the ID token was made for this sign-in.
    #[must_use]
    pub fn nonce(&self) -> String {
        self.derive("nonce")
    }

    /// The PKCE verifier (RFC 7636 §4.1): 43 letters.
    #[must_use]
    pub fn verifier(&self) -> String {
        self.derive("verifier")
    }

    /// The PKCE challenge of method S256.
    #[must_use]
    pub fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, self.verifier().as_bytes()))
    }

    /// Says whether that is the `state` of this sign-in.
    #[must_use]
    pub fn has_state(&self, state: &str) -> bool {
        constant_time::verify_slices_are_equal(self.state().as_bytes(), state.as_bytes()).is_ok()
    }

    /// The key of its record. It tells nothing of the secret.
    #[must_use]
    pub fn record_id(&self) -> RecordId {
        letters_of(digest::digest(&digest::SHA256, format!("console sign-in {}", self.state()).as_bytes()).as_ref())
    }
}

/// The key of the record of a person at a provider: two users cannot have the same.
#[must_use]
pub fn identity_key(issuer: &str, subject: &str) -> RecordId {
    // The length keeps the border between the two.
    let text = format!("console identity {} {issuer} {subject}", issuer.len());
    letters_of(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_follows_from_the_secret_and_nothing_leads_back() {
        let secret = SignInSecret::random();
        let again = SignInSecret::parse(secret.as_text()).unwrap();
        assert_eq!(
            (again.state(), again.nonce(), again.verifier()),
            (secret.state(), secret.nonce(), secret.verifier())
        );
        let parts =
            [secret.as_text().to_owned(), secret.state(), secret.nonce(), secret.verifier(), secret.challenge()];
        for (index, part) in parts.iter().enumerate() {
            assert!(part.len() == 43 && !parts[..index].contains(part), "{index}");
        }
        assert!(secret.has_state(&secret.state()) && !secret.has_state(&SignInSecret::random().state()));
        assert!(!secret.has_state("") && SignInSecret::parse("short").is_none());
    }

    #[test]
    fn same_subject_of_another_issuer_is_another_person() {
        assert_ne!(identity_key("https://a.example", "1"), identity_key("https://b.example", "1"));
        assert_ne!(identity_key("https://a.example 1", "2"), identity_key("https://a.example", "1 2"));
    }
}

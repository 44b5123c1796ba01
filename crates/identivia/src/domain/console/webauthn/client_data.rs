//! What the browser says about a passkey's use: purpose, challenge and origin (WebAuthn §5.8.1).

use aws_lc_rs::digest;
use serde::Deserialize;

use super::{PasskeyFault, RelyingParty};
use crate::domain::console::session::ConsoleToken;

/// What a passkey is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ceremony {
    Registration,
    Assertion,
}

impl Ceremony {
    const fn word(self) -> &'static str {
        match self {
            Self::Registration => "webauthn.create",
            Self::Assertion => "webauthn.get",
        }
    }
}

/// The browser's data, with the bytes that the authenticator has signed the hash of.
pub struct ClientData {
    bytes: Vec<u8>,
    content: Content,
}

#[derive(Deserialize)]
struct Content {
    #[serde(rename = "type")]
    ceremony: String,
    challenge: String,
    origin: String,
    #[serde(default, rename = "crossOrigin")]
    cross_origin: Option<bool>,
    #[serde(default, rename = "tokenBinding")]
    token_binding: Option<ClientTokenBinding>,
}

#[derive(Deserialize)]
struct ClientTokenBinding {
    status: String,
}

impl ClientData {
    /// Reads the data (§7.1 steps 5 and 6, §7.2 steps 8 to 10).
    ///
    /// # Errors
    /// When it is no JSON of that form.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, PasskeyFault> {
        // Browsers may put a mark of UTF-8 before it: §7.1 step 5 decodes without it.
        let json = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        let content = serde_json::from_slice(json).map_err(|_| PasskeyFault::ClientData)?;
        Ok(Self { bytes, content })
    }

    /// The challenge that it answers (§7.1 step 8, §7.2 step 12): the caller looks it up among those that it has given.
    #[must_use]
    pub fn challenge(&self) -> Option<ConsoleToken> {
        ConsoleToken::parse(&self.content.challenge)
    }

    /// Checks its purpose and where it was made.
    pub(super) fn check(&self, ceremony: Ceremony, party: &RelyingParty) -> Result<(), PasskeyFault> {
        // §7.1 step 7, §7.2 step 11: the type.
        if self.content.ceremony != ceremony.word() {
            return Err(PasskeyFault::Purpose);
        }
        // §7.1 step 9, §7.2 step 13: the origin. The console is in no frame, so that of another site has no part in it.
        if self.content.origin != party.origin || self.content.cross_origin == Some(true) {
            return Err(PasskeyFault::Origin);
        }
        // §7.1 step 10, §7.2 step 14: the state of token binding, which this server's TLS does not have.
        if self.content.token_binding.as_ref().is_some_and(|binding| binding.status == "present") {
            return Err(PasskeyFault::ClientData);
        }
        Ok(())
    }

    /// The hash that the authenticator has signed (§7.1 step 11, §7.2 step 19).
    pub(super) fn hash(&self) -> digest::Digest {
        digest::digest(&digest::SHA256, &self.bytes)
    }
}

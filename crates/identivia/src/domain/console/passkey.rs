//! Passkeys of a user: made of a new credential, found, used and removed.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::webauthn::NewCredential;
use crate::records::console_user::{ConsoleUser, PasskeyFactor};
use crate::records::id::{RecordId, letters_of};
use crate::records::time::Millis;

/// The most passkeys of a user.
pub const MAX_PASSKEYS: usize = 10;

impl PasskeyFactor {
    /// The passkey of a new credential.
    #[must_use]
    pub fn new(credential: &NewCredential, name: String, now: Millis) -> Self {
        Self {
            id: credential_key(&credential.id),
            name,
            credential_id: URL_SAFE_NO_PAD.encode(&credential.id),
            public_key: URL_SAFE_NO_PAD.encode(&credential.public_key),
            sign_count: credential.sign_count,
            created: now,
            last_used: None,
        }
    }

    /// The public key in COSE form. It is empty, and so verifies nothing, where the record is damaged.
    #[must_use]
    pub fn public_key_bytes(&self) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(&self.public_key).unwrap_or_default()
    }
}

impl ConsoleUser {
    /// Their passkey of that credential.
    #[must_use]
    pub fn passkey_of_credential(&self, credential_id: &[u8]) -> Option<&PasskeyFactor> {
        let credential_id = URL_SAFE_NO_PAD.encode(credential_id);
        self.passkeys.iter().find(|passkey| passkey.credential_id == credential_id)
    }

    /// The same user after a passkey was used.
    #[must_use]
    pub fn with_passkey_used(mut self, id: RecordId, sign_count: u32, now: Millis) -> Self {
        for passkey in self.passkeys.iter_mut().filter(|passkey| passkey.id == id) {
            (passkey.sign_count, passkey.last_used) = (sign_count, Some(now));
        }
        self
    }

    /// The same user without a passkey.
    #[must_use]
    pub fn without_passkey(mut self, id: RecordId) -> Self {
        self.passkeys.retain(|passkey| passkey.id != id);
        self
    }
}

/// The key under which it is kept whose a credential is.
#[must_use]
pub fn credential_key(credential_id: &[u8]) -> RecordId {
    letters_of(digest::digest(&digest::SHA256, &[b"console credential ", credential_id].concat()).as_ref())
}

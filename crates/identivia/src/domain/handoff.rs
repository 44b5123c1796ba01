//! From one device to another: a short code that a person can type, good for one exchange within a few minutes.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::records::id::{RecordId, random_below};
use crate::records::time::Millis;

/// How long a code may be taken, in seconds; no longer than the token that asked for it.
pub const CODE_SECONDS: i64 = 600;

const LENGTH: usize = 8;
/// Digits and letters without those that look alike: 0 and O, 1 and I.
const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// A code: 40 random bits. It has neither `Debug` nor `Display`: knowing it is enough to take it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Code([u8; LENGTH]);

impl Code {
    /// Draws a code.
    #[must_use]
    pub fn random() -> Self {
        Self([(); LENGTH].map(|()| ALPHABET[random_below(ALPHABET.len())]))
    }

    /// Reads a code as people type it: in any case, with spaces and dashes anywhere. `None` for a text that cannot be a code.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // A phone's keyboard may make a longer dash of two.
        let is_between = |letter: &char| letter.is_whitespace() || matches!(letter, '-' | '\u{2010}'..='\u{2015}');
        let typed: String = text.chars().filter(|letter| !is_between(letter)).collect();
        let letters: [u8; LENGTH] = typed.to_ascii_uppercase().as_bytes().try_into().ok()?;
        letters.iter().all(|letter| ALPHABET.contains(letter)).then_some(Self(letters))
    }

    /// As it stands in a link.
    #[must_use]
    pub fn as_text(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// As a person reads it: two groups of four.
    #[must_use]
    pub fn format_in_groups(&self) -> String {
        let (first, second) = self.as_text().split_at(LENGTH / 2);
        format!("{first}-{second}")
    }
}

/// Hashes codes for keeping. Forty bits are soon tried out, so the hash is keyed by what is not in the records.
pub struct CodeKey(hmac::Key);

impl CodeKey {
    /// The key of those who know the secret. Servers that share records share it.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        let key = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), b"identivia handoff codes");
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()))
    }

    /// The stored form of a code.
    #[must_use]
    pub fn hash(&self, code: &Code) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, &code.0))
    }
}

/// A code that has been given out, in its stored form.
#[derive(Clone)]
pub struct Handoff {
    pub code_hash: String,
    /// Until when it may be taken.
    pub ends: Millis,
    /// When the token ends that is given for it.
    pub token_ends: Millis,
    /// The scopes of that token, as a `scope` claim has them.
    pub scope: String,
}

/// What a taken code gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenHandoff {
    pub profile: RecordId,
    /// The epoch of the profile's links.
    pub epoch: u64,
    pub token_ends: Millis,
    pub scope: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = Code::parse("K7PM4QXD").unwrap();
        assert_eq!((code.as_text(), code.format_in_groups().as_str()), ("K7PM4QXD", "K7PM-4QXD"));
        for typed in ["k7pm 4qxd", "k7pm-4qxd", " K7PM\u{2014}4QXD\n", "k 7 p m 4 q x d"] {
            assert!(Code::parse(typed) == Some(code), "{typed}");
        }
        for typed in
            ["", "K7PM4QX", "K7PM4QXDD", "K7PM4QX0", "K7PM4QXO", "K7PM4QX1", "K7PM4QXI", "K7PM4QXÄ", "K7PM_4QXD"]
        {
            assert!(Code::parse(typed).is_none(), "{typed}");
        }
    }

    #[test]
    fn codes_differ_and_use_the_whole_alphabet() {
        let codes: Vec<Code> = (0..2_000).map(|_| Code::random()).collect();
        let mut letters: Vec<u8> = codes.iter().flat_map(|code| code.0).collect();
        letters.sort_unstable();
        letters.dedup();
        assert_eq!(letters, ALPHABET);
        assert!(codes.iter().all(|code| Code::parse(&code.format_in_groups()) == Some(*code)));
    }

    #[test]
    fn a_hash_needs_the_key() {
        let code = Code::parse("K7PM4QXD").unwrap();
        let (one, other) = (CodeKey::new(b"one secret"), CodeKey::new(b"another"));
        assert_eq!(one.hash(&code), CodeKey::new(b"one secret").hash(&code));
        assert_ne!(one.hash(&code), other.hash(&code));
        assert!(!one.hash(&code).contains("K7PM"));
    }
}

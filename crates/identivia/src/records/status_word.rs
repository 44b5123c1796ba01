//! Status words: the closed list of a profile's own status, and the open words of status records.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

/// The longest status word, in bytes.
pub const MAX_STATUS_WORD_BYTES: usize = 64;

/// A word that a status record may hold: `[a-z0-9_]{1,64}`.
///
/// [`StatusWord::parse`] checks what a caller sends. A stored word is read as it is, because another program may have
/// written it to PocketBase.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, ToSchema)]
#[schema(value_type = String, pattern = "^[a-z0-9_]{1,64}$", example = "in_review")]
pub struct StatusWord(Box<str>);

impl StatusWord {
    /// Reads a word that a caller sent.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let is_word = (1..=MAX_STATUS_WORD_BYTES).contains(&text.len()) && text.bytes().all(is_plain);
        is_word.then(|| Self(text.into()))
    }

    /// The word itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Says whether the word ends a verification: a flow token only reads from then on.
    #[must_use]
    pub fn is_decided(&self) -> bool {
        DECIDED_WORDS.contains(&self.as_str())
    }
}

/// The words that end a verification.
pub const DECIDED_WORDS: [&str; 2] = ["verified", "rejected"];

impl AsRef<str> for StatusWord {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<&str> for StatusWord {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl From<String> for StatusWord {
    /// Takes a stored word as it is.
    fn from(stored: String) -> Self {
        Self(stored.into())
    }
}

impl From<VerificationStatus> for StatusWord {
    fn from(status: VerificationStatus) -> Self {
        Self(status.word().into())
    }
}

impl Serialize for StatusWord {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for StatusWord {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        String::deserialize(value).map(Self::from)
    }
}

/// Where a profile's verification stands by its own field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerificationStatus {
    Pending,
    Verified,
    Rejected,
    /// Also what another program's unknown word reads as.
    #[default]
    #[serde(other)]
    Unverified,
}

impl VerificationStatus {
    /// Every status, in the order of a verification.
    pub const ALL: [Self; 4] = [Self::Unverified, Self::Pending, Self::Verified, Self::Rejected];

    /// The status's word in the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Pending => "pending",
            Self::Verified => "verified",
            Self::Rejected => "rejected",
        }
    }

    /// Says whether it ends a verification: a flow token only reads from then on.
    #[must_use]
    pub const fn is_decided(self) -> bool {
        matches!(self, Self::Verified | Self::Rejected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_words_are_short_lower_case_and_plain() {
        let is_word = |text: &str| StatusWord::parse(text).is_some();
        assert!(is_word("pending") && is_word("in_review_2") && is_word(&"a".repeat(64)));
        for text in ["", "Pending", "in review", "pending\n", "päding", &"a".repeat(65)] {
            assert!(!is_word(text), "{text}");
        }
    }

    #[test]
    fn decided_words_are_the_decided_statuses() {
        for status in VerificationStatus::ALL {
            assert_eq!(StatusWord::from(status).is_decided(), status.is_decided());
            assert_eq!(serde_json::to_value(status).unwrap(), status.word());
        }
        assert_eq!(serde_json::from_str::<VerificationStatus>("\"active\"").unwrap(), VerificationStatus::Unverified);
    }
}

//! Status records: the append-only story of a profile, told in status words.

use serde::Serialize;
use utoipa::ToSchema;

use super::profile::{Profile, VerificationStatus};
use crate::records::id::RecordId;
use crate::records::time::Millis;

/// The longest status word, in bytes.
pub const WORD_BYTES: usize = 64;

/// Says whether a text is a status word: `[a-z0-9_]{1,64}`.
#[must_use]
pub fn is_word(text: &str) -> bool {
    (1..=WORD_BYTES).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Says whether a step that starts at `previous` continues a profile's story.
///
/// It does from the status shown. A story without any record yet also starts at `unverified`, because a browser
/// may have moved the profile's own field to `pending` just before it records that step.
#[must_use]
pub fn follows(previous: &str, profile: &Profile) -> bool {
    let untold = profile.recorded_status.is_empty();
    previous == profile.status() || (untold && previous == VerificationStatus::Unverified.word())
}

/// A recorded change of status.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StatusRecord {
    pub id: RecordId,
    pub profile: RecordId,
    pub updated_by: String,
    pub previous_status: String,
    pub new_status: String,
    pub notes: String,
    /// The verification record it is about, if one was named.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schema(value_type = Option<String>)]
    pub verification: String,
    pub created: Millis,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_words_are_short_lower_case_and_plain() {
        assert!(is_word("pending") && is_word("in_review_2") && is_word(&"a".repeat(64)));
        for text in ["", "Pending", "in review", "pending\n", "päding", &"a".repeat(65)] {
            assert!(!is_word(text), "{text}");
        }
    }
}

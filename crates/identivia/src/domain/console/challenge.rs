//! Challenges for passkeys: drawn, kept for minutes, and answered once.

use aws_lc_rs::{constant_time, digest};

use super::session::ConsoleToken;
use crate::records::console_challenge::{ChallengePurpose, ConsoleChallenge};
use crate::records::id::{RecordId, letters_of};
use crate::records::time::Millis;

/// How long a person may take to use the passkey, in seconds.
pub const CHALLENGE_SECONDS: i64 = 5 * 60;
/// The most challenges that wait for people of one address who are not signed in, and of all addresses.
pub const MAX_CHALLENGES_OF_ADDRESS: usize = 30;
pub const MAX_CHALLENGES: usize = 2_000;

impl ConsoleChallenge {
    /// A new challenge, and its value.
    #[must_use]
    pub fn draw(
        purpose: ChallengePurpose,
        holder: String,
        console_user: Option<RecordId>,
        now: Millis,
    ) -> (Self, ConsoleToken) {
        let value = ConsoleToken::random();
        let expires = now.plus_seconds(CHALLENGE_SECONDS);
        (Self { id: challenge_key(&value), hash: value.hash(), purpose, holder, console_user, expires }, value)
    }

    /// Says whether that value answers it now, for that purpose.
    #[must_use]
    pub fn is_answered_by(&self, value: &ConsoleToken, purpose: ChallengePurpose, now: Millis) -> bool {
        let is_same = constant_time::verify_slices_are_equal(self.hash.0.as_bytes(), value.hash().0.as_bytes()).is_ok();
        is_same && self.purpose == purpose && now < self.expires
    }
}

/// The key of the challenge of that value. It tells nothing of the value.
#[must_use]
pub fn challenge_key(value: &ConsoleToken) -> RecordId {
    letters_of(digest::digest(&digest::SHA256, format!("console challenge {}", value.as_text()).as_bytes()).as_ref())
}

//! The console challenge record: what a passkey must sign, once, within minutes.

use serde::{Deserialize, Serialize};

use super::client::SecretHash;
use super::id::RecordId;
use super::record;
use super::serde_forms::unknown_as_empty;
use super::time::Millis;

record! {
    /// A challenge that has not been answered yet. Of its value only the hash is stored.
    pub struct ConsoleChallenge in ConsoleChallenges {
        /// Follows from its value.
        id: RecordId = Public Line [Column],
        hash: SecretHash = Secret Document [],
        purpose: ChallengePurpose = Public Line [],
        /// Who was given it: a session's id, or an address before the sign-in.
        holder: String = Fields Line [Column],
        /// Unknown where the passkey itself tells who it is.
        #[serde(default, with = "unknown_as_empty")]
        console_user: Option<RecordId> = Public Line [],
        expires: Millis = Public Time [Column],
    }
}

/// What a challenge was given for. An answer to it counts for nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChallengePurpose {
    /// Adds a passkey.
    Registration,
    SignIn,
    StepUp,
}

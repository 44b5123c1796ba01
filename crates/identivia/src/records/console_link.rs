//! The console link record: a link that can be used once, for the first user, for an invited one, or to set a new password.

use serde::{Deserialize, Serialize};

use super::client::SecretHash;
use super::id::RecordId;
use super::record;
use super::serde_forms::unknown_as_empty;
use super::time::Millis;

record! {
    /// A link that has not been used yet. Of its token only the hash is stored.
    pub struct ConsoleLink in ConsoleLinks {
        /// Follows from its purpose and its user: a new link takes the place of the one before.
        id: RecordId = Public Line [Column],
        hash: SecretHash = Secret Line [Column],
        purpose: LinkPurpose = Public Line [],
        /// Unknown for the link that makes the first user.
        #[serde(default, with = "unknown_as_empty")]
        console_user: Option<RecordId> = Public Line [Column],
        expires: Millis = Public Time [Column],
        created: Millis = Public Time [],
    }
}

/// What a link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkPurpose {
    /// Makes the first user.
    Setup,
    /// Accepts an invitation, or sets a new password.
    Invitation,
}

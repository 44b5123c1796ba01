//! The console session record: one browser in which a person is signed in. Of its cookie only the hash is stored.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::client::SecretHash;
use super::id::RecordId;
use super::record;
use super::serde_forms::null_if_malformed;
use super::time::Millis;

record! {
    /// A session of a person at the console.
    pub struct ConsoleSession in ConsoleSessions {
        /// Follows from the cookie's value.
        id: RecordId = Public Line [Column],
        #[serde(default, deserialize_with = "null_if_malformed")]
        hash: SecretHash = Secret Document [],
        console_user: RecordId = Public Line [Column],
        stage: SessionStage = Public Line [],
        /// The user's epoch when it began. It ends with that epoch.
        epoch: u64 = Public Number [],
        /// When a second factor was shown last.
        #[serde(default)]
        factor_confirmed_at: Option<Millis> = Public Time [],
        /// Whether it began with a password alone, which counts only while no second factor is required.
        #[serde(default)]
        password_only: bool = Public Flag [],
        /// Where it was opened from.
        #[serde(default)]
        address: String = Fields Line [],
        /// Such as `Firefox on Linux`.
        #[serde(default)]
        browser: String = Public Line [],
        /// When the person signed in. A new cookie's session keeps it.
        began: Millis = Public Time [Column],
        last_seen: Millis = Public Time [Column],
    }
}

/// How far a person has signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionStage {
    /// The password was right; the second factor is asked for.
    Factor,
    /// The password was right, and there is no second factor yet.
    EnrolFactor,
    Full,
}

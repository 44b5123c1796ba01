//! The console user record: a person who signs in to the console, with their role and the hashes and seals of their factors.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::client::SecretHash;
use super::id::RecordId;
use super::record;
use super::serde_forms::{null_if_malformed, unknown_as_empty};
use super::time::Millis;

record! {
    /// A person who may sign in to the console.
    pub struct ConsoleUser in ConsoleUsers {
        id: RecordId = Public Line [Column],
        /// In lower case. Unique.
        email: String = Fields Line [Column],
        #[serde(default)]
        name: String = Fields Line [],
        role: ConsoleRole = Public Line [Column],
        status: ConsoleUserStatus = Public Line [Column],
        /// The teams whose records they reach; `null`: every team's.
        #[serde(default)]
        teams: Option<Vec<String>> = Public Document [],
        /// Whether a reviewer may decide as the second person.
        #[serde(default)]
        senior: bool = Public Flag [],
        /// The language of their pages; empty: the browser's.
        #[serde(default)]
        language: String = Public Line [],
        /// Whether single keys are shortcuts.
        #[serde(default)]
        shortcuts: bool = Public Flag [],
        /// Whether they get no e-mail about overdue reviews.
        #[serde(default)]
        mutes_overdue: bool = Public Flag [],
        /// When they last got one.
        #[serde(default)]
        overdue_mailed: Option<Millis> = Public Time [],
        /// Every session names the epoch in which it began. Another password or role, and disabling, begin another one.
        epoch: u64 = Public Number [],
        /// An Argon2id hash in PHC form; unknown until the invitation is accepted.
        #[serde(default, deserialize_with = "null_if_malformed")]
        password: Option<SecretHash> = Secret Document [],
        #[serde(default, deserialize_with = "null_if_malformed")]
        totp: Option<TotpFactor> = Secret Document [],
        /// A secret that the person has been shown and not confirmed by a code yet.
        #[serde(default, deserialize_with = "null_if_malformed")]
        pending_totp: Option<TotpFactor> = Secret Document [],
        #[serde(default, deserialize_with = "null_if_malformed")]
        passkeys: Vec<PasskeyFactor> = Secret Document [],
        /// Hashes of the recovery codes that are left.
        #[serde(default, deserialize_with = "null_if_malformed")]
        recovery_codes: Vec<SecretHash> = Secret Document [],
        /// Who they are with the OpenID Connect provider of that issuer.
        #[serde(default, with = "unknown_as_empty")]
        oidc_issuer: Option<String> = Public Line [],
        #[serde(default, with = "unknown_as_empty")]
        oidc_subject: Option<String> = Fields Line [],
        #[serde(default)]
        last_sign_in: Option<Millis> = Public Time [],
        created: Millis = Public Time [Column],
        /// Every change raises it: of two changes made at once, one finds that it is another and is refused.
        updated: Millis = Public Time [Column],
    }
}

/// What a person may do at the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConsoleRole {
    SuperAdmin,
    Admin,
    Reviewer,
    Auditor,
}

impl ConsoleRole {
    /// Every role, the one that may do most first.
    pub const ALL: [Self; 4] = [Self::SuperAdmin, Self::Admin, Self::Reviewer, Self::Auditor];

    /// Its word in records and answers.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::SuperAdmin => "super_admin",
            Self::Admin => "admin",
            Self::Reviewer => "reviewer",
            Self::Auditor => "auditor",
        }
    }

    /// The role of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }
}

/// Whether a person can sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConsoleUserStatus {
    /// The invitation has not been accepted yet.
    Invited,
    Active,
    Disabled,
}

impl ConsoleUserStatus {
    /// Its word in records and answers.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}

/// A passkey, whose private key never leaves the person's device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasskeyFactor {
    /// Follows from the credential's id.
    pub id: RecordId,
    /// What the person calls it.
    pub name: String,
    /// Base64url without padding.
    pub credential_id: String,
    /// In COSE form, in base64url without padding.
    pub public_key: String,
    /// The counter of the last use; always 0 where the authenticator has none.
    pub sign_count: u32,
    pub created: Millis,
    pub last_used: Option<Millis>,
}

/// An authenticator app's secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TotpFactor {
    /// Sealed with the system key.
    pub sealed_secret: String,
    /// The last time step whose code was accepted: no code is accepted twice.
    pub last_step: Option<u64>,
    pub created: Millis,
}

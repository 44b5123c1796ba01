//! The webhook endpoint: a URL of a company's server to which events are sent, and the keys that sign them.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::id::RecordId;
use super::record;
use super::serde_forms::{null_if_malformed, unknown_as_empty};
use super::time::Millis;

record! {
    /// A URL to which events are sent. It is read by `copy`; its deliveries are not.
    pub struct WebhookEndpoint in WebhookEndpoints {
        id: RecordId = Public Line [Column],
        /// Empty for an operator's endpoint, which gets the events of every team.
        #[serde(default)]
        team: String = Public Line [Column],
        /// It may hold a key in its query.
        url: String = Secret Paragraph [],
        /// Types of event and groups such as `profile.*`.
        #[serde(default, deserialize_with = "null_if_malformed")]
        events: Vec<String> = Public Document [],
        #[serde(default, with = "unknown_as_empty")]
        description: Option<String> = Public Paragraph [],
        signature: SignatureScheme = Public Line [],
        /// Whether the events of one profile are sent one after the other.
        #[serde(default)]
        ordered: bool = Public Flag [],
        /// Whether events carry the company's own id of the person.
        #[serde(default)]
        include_user_id: bool = Public Flag [],
        /// Names of the headers that are sent beside our own, separated by spaces.
        #[serde(default)]
        header_names: String = Public Paragraph [],
        /// These headers with their values, sealed with the system key. Empty: there are none.
        #[serde(default, deserialize_with = "null_if_malformed")]
        sealed_headers: String = Secret Document [],
        #[serde(default, deserialize_with = "null_if_malformed")]
        keys: Vec<SealedKey> = Secret Document [],
        #[serde(default)]
        disabled: bool = Public Flag [],
        #[serde(default)]
        disabled_at: Option<Millis> = Public Time [],
        #[serde(default, with = "unknown_as_empty")]
        disabled_because: Option<DisabledBecause> = Public Line [],
        created: Millis = Public Time [Column],
        /// Every change raises it: of two changes made at once, one finds that it is another and is refused.
        updated: Millis = Public Time [Column],
    }
}

/// How deliveries are signed (Standard Webhooks 1.0.0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SignatureScheme {
    /// HMAC-SHA256 with a shared secret.
    V1,
    /// Ed25519: the receiver needs only the public key.
    V1a,
    Both,
}

/// Why an endpoint is disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DisabledBecause {
    /// A client has disabled it.
    Client,
    /// No delivery has succeeded for five days.
    Failing,
    /// The receiver has answered 410.
    Gone,
}

impl DisabledBecause {
    /// Its word in records and answers.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Failing => "failing",
            Self::Gone => "gone",
        }
    }
}

impl AsRef<str> for DisabledBecause {
    fn as_ref(&self) -> &str {
        self.word()
    }
}

impl TryFrom<String> for DisabledBecause {
    type Error = ();

    fn try_from(word: String) -> Result<Self, ()> {
        [Self::Client, Self::Failing, Self::Gone].into_iter().find(|reason| reason.word() == word).ok_or(())
    }
}

/// The keys of an endpoint at one time: a shared secret and a key pair. A rotation adds new ones; the old ones sign too until
/// they expire.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedKey {
    pub id: RecordId,
    /// The shared secret, sealed with the system key.
    pub secret: String,
    /// The seed of the private key, sealed with the system key.
    pub seed: String,
    /// The public key, as receivers get it.
    pub public_key: String,
    pub created: Millis,
    /// The newest has no end.
    pub expires: Option<Millis>,
}

impl fmt::Debug for SealedKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("SealedKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl WebhookEndpoint {
    /// The keys that sign at that time, the newest first.
    pub fn active_keys(&self, now: Millis) -> impl Iterator<Item = &SealedKey> {
        self.keys.iter().filter(move |key| key.expires.is_none_or(|end| end > now))
    }
}

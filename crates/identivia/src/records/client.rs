//! The client record: a machine client that an operator made through the API. Clients of the configuration have no record.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::id::RecordId;
use super::record;
use super::serde_forms::{null_if_malformed, unknown_as_empty};
use super::time::Millis;

record! {
    /// A machine client that was made through the API.
    pub struct ClientRecord in Clients {
        /// Follows from `client_id`, so that every store keeps one client of an id.
        id: RecordId = Public Line [Column],
        client_id: String = Public Line [],
        name: String = Public Line [],
        #[serde(default, with = "unknown_as_empty")]
        description: Option<String> = Public Paragraph [],
        /// Without a team it is an operator's client.
        #[serde(default, with = "unknown_as_empty")]
        team: Option<String> = Public Line [],
        /// Names of scopes, separated by spaces.
        scopes: String = Public Paragraph [],
        /// Addresses and networks from which it may call, separated by spaces; from everywhere where it is empty.
        #[serde(default)]
        allowed_addresses: String = Public Paragraph [],
        #[serde(default, deserialize_with = "null_if_malformed")]
        secrets: Vec<StoredSecret> = Secret Document [],
        #[serde(default)]
        expires_at: Option<Millis> = Public Time [],
        #[serde(default)]
        disabled: bool = Public Flag [],
        /// Every token names the epoch in which it was issued. Disabling the client begins another one.
        epoch: u64 = Public Number [],
        created: Millis = Public Time [Column],
        /// Every change raises it: of two changes made at once, one finds that it is another and is refused.
        updated: Millis = Public Time [Column],
    }
}

/// A secret of a client, of which only the hash is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSecret {
    pub id: RecordId,
    pub hash: SecretHash,
    pub created: Millis,
}

/// The hash of a secret, as text. Logs do not show it.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretHash(pub String);

impl fmt::Debug for SecretHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("[hash]")
    }
}

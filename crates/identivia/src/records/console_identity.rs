//! Records of signing in with OpenID Connect: who a user is at a provider, and the sign-ins that are under way.

use serde::{Deserialize, Serialize};

use super::client::SecretHash;
use super::id::RecordId;
use super::record;
use super::serde_forms::{null_if_malformed, unknown_as_empty};
use super::time::Millis;

record! {
    /// Whose a person at an OpenID Connect provider is. Issuer and subject stand in the user's record.
    pub struct ConsoleIdentity in ConsoleIdentities {
        /// Follows from issuer and subject: two users cannot have the same.
        id: RecordId = Public Line [Column],
        /// A user has one identity.
        console_user: RecordId = Public Line [Column],
        /// Whether a claim of the provider gives the user their role, at each sign-in anew.
        role_by_claim: bool = Public Flag [],
        created: Millis = Public Time [],
    }
}

record! {
    /// A sign-in with a provider that is under way. Of its secret, which the browser has, it holds nothing.
    pub struct ConsoleSignIn in ConsoleSignIns {
        /// Follows from the parameter `state`.
        id: RecordId = Public Line [Column],
        /// The provider's id in the configuration.
        provider: String = Public Line [],
        purpose: SignInPurpose = Public Line [],
        /// The session that has begun it, to connect the provider or to confirm the person.
        #[serde(default, with = "unknown_as_empty")]
        session: Option<RecordId> = Public Line [],
        /// The link that is accepted with it.
        #[serde(default, deserialize_with = "null_if_malformed")]
        link: Option<SecretHash> = Secret Document [],
        /// The name that an invited person has typed; empty: the provider's.
        #[serde(default)]
        name: String = Fields Line [],
        /// Where the browser goes afterwards.
        return_to: String = Public Paragraph [],
        /// The network that it was begun from.
        address: String = Fields Line [Column],
        begun: Millis = Public Time [],
        expires: Millis = Public Time [Column],
    }
}

/// What a sign-in with a provider is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignInPurpose {
    /// Opens a session.
    SignIn,
    /// Accepts an invitation.
    Invitation,
    /// Connects the provider to the own account.
    Connect,
    /// Confirms who is signed in, for changes that need it.
    StepUp,
}

//! The audit record: who did what to which record, without personal data.

use serde::{Deserialize, Serialize};

use super::id::RecordId;
use super::record;
use super::serde_forms::unknown_as_empty;
use super::time::Millis;
use super::word_schema::describe_words;

record! {
    /// One line of the audit trail, written in the same commit as what it reports.
    pub struct AuditEvent in AuditEvents {
        id: RecordId = Public Line [Column],
        at: Millis = Public Time [Column],
        /// Such as `profile.created`.
        kind: String = Audit Line [Column],
        #[serde(default)]
        actor_kind: ActorKind = Audit Line [],
        /// The token's `sub`, or the id of a console user.
        #[serde(default)]
        actor: String = Audit Line [Column],
        #[serde(default, with = "unknown_as_empty")]
        profile: Option<RecordId> = Audit Line [Column],
        /// The team of the profile. SQL stores look it up in the commit where it is not given.
        #[serde(default)]
        team: String = Audit Line [Column OfProfile NotCopied],
        /// The kind of record that was changed or read, where it is not the profile alone.
        #[serde(default)]
        object_kind: String = Audit Line [],
        #[serde(default)]
        object_id: String = Audit Paragraph [Column],
        /// The address that the request came from, as this server saw it.
        #[serde(default)]
        address: String = Audit Line [Column],
        #[serde(default)]
        request_id: String = Audit Line [],
        /// Names of fields, keys or statuses: never what a person sent.
        #[serde(default)]
        detail: String = Audit Paragraph [],
    }
}

/// Who did it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A company's server.
    Client,
    /// A person's browser.
    Link,
    /// A user of the console.
    User,
    /// This server by itself. An older record without the field says nothing else.
    #[default]
    System,
}

impl ActorKind {
    const ALL: [Self; 4] = [Self::Client, Self::Link, Self::User, Self::System];

    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Link => "link",
            Self::User => "user",
            Self::System => "system",
        }
    }
}

describe_words!(ActorKind, "ActorKind", "Who did it.", ActorKind::ALL.map(ActorKind::word));

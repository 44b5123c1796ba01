//! The outbox event: one thing that happened to a profile, as webhooks and `GET /api/events` report it.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::id::{RecordId, random_text};
use super::record;
use super::serde_forms::unknown_as_empty;
use super::time::Millis;

record! {
    /// An event, written in the same commit as the change that it reports.
    pub struct OutboxEvent in OutboxEvents {
        /// The first letters of `event_id`.
        id: RecordId = Public Line [Column],
        event_id: EventId = Public Line [],
        /// Such as `profile.created`.
        event_type: String = Public Line [Column],
        /// Empty for an event of no team, which only operators see.
        #[serde(default)]
        team: String = Public Line [Column],
        /// Unknown in an event about an endpoint.
        #[serde(default, with = "unknown_as_empty")]
        profile: Option<RecordId> = Public Line [Column],
        /// The event's details. They hold the company's own id of the person.
        #[serde(default)]
        data: Map<String, Value> = Fields Document [],
        created: Millis = Public Time [Column],
    }
}

const PREFIX: &str = "evt_";
const RECORD_LETTERS: usize = 15;
const MORE_LETTERS: usize = 11;

/// The id of an event, and the `webhook-id` of its deliveries: `evt_` and 26 of `[a-z0-9]`. The first 15 of these are the id
/// of its record, because stores find records by ids of that length.
#[derive(Clone, PartialEq, Eq, Hash, ToSchema)]
#[schema(value_type = String, pattern = "^evt_[a-z0-9]{26}$", example = "evt_abc123def456ghijkl789mno12")]
pub struct EventId(Box<str>);

impl EventId {
    /// Draws the id of an event of that time.
    #[must_use]
    pub fn random_at(time: Millis) -> Self {
        Self(format!("{PREFIX}{}{}", RecordId::random_at(time), random_text::<MORE_LETTERS>()).into())
    }

    /// Reads an id that a caller sent; `None` when it cannot be one of ours.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let letters = text.strip_prefix(PREFIX)?;
        let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_id = letters.len() == RECORD_LETTERS + MORE_LETTERS && letters.bytes().all(is_letter);
        is_id.then(|| Self(text.into()))
    }

    /// The id of the event's record.
    #[must_use]
    pub fn record_id(&self) -> RecordId {
        let letters = self.0.get(PREFIX.len()..PREFIX.len() + RECORD_LETTERS);
        letters.and_then(RecordId::parse).unwrap_or_default()
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for EventId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for EventId {
    type Error = ();

    fn try_from(text: String) -> Result<Self, ()> {
        Self::parse(&text).ok_or(())
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        let text = String::deserialize(value)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("no event id"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_ids_parse_again_and_name_their_record() {
        for _ in 0..200 {
            let id = EventId::random_at(Millis(1_790_000_000_000));
            assert_eq!(EventId::parse(id.as_str()), Some(id.clone()));
            assert_eq!(id.as_str().get(4..19), Some(id.record_id().as_str()));
        }
        let id = EventId::random_at(Millis(1_790_000_000_000)).to_string();
        for text in
            ["", "evt_", &id[1..], &id[..29], &format!("{id}a"), &id.to_uppercase(), "evt_abc.def456ghijkl789mno12345"]
        {
            assert_eq!(EventId::parse(text), None, "{text}");
        }
    }
}

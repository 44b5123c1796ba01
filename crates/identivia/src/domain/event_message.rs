//! An event in the form that readers and webhook endpoints get.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::outbox::API_VERSION;
use crate::records::outbox_event::{EventId, OutboxEvent};

/// An event, as webhooks and lists carry it. It holds ids and words, never what a person sent.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiEvent)]
#[schema(example = json!({
    "type": "profile.status_changed", "timestamp": "2026-03-21T00:00:00.000Z", "id": "evt_abc123def456ghijkl789mno12",
    "api_version": "2026-03-21", "livemode": true,
    "data": {"id": "abc123def456xyz", "user_id": "user-12345", "team": "acme", "version": 7,
        "previous_status": "pending", "new_status": "verified", "reasons": [], "decided_by": "client"},
}))]
pub struct Event {
    #[serde(rename = "type")]
    #[schema(pattern = "^[a-z0-9_]+\\.[a-z0-9_]+$")]
    pub event_type: String,
    /// When it happened (RFC 3339).
    #[schema(format = DateTime)]
    pub timestamp: String,
    pub id: EventId,
    /// The version of this form.
    pub api_version: &'static str,
    pub livemode: bool,
    /// `id` is the profile's. `version` rises by one with each event of a profile: ignore an event with a lower version than
    /// you have.
    #[schema(value_type = Object)]
    pub data: Map<String, Value>,
}

/// What people at the console see of an event's details: which records are concerned. They read these as far as they may.
const IDS: [&str; 3] = ["id", "verification_id", "version"];

impl Event {
    /// Clears everything but the kind of event and the ids of records.
    pub fn keep_ids(&mut self) {
        self.data.retain(|name, _| IDS.contains(&name.as_str()));
    }
}

impl From<OutboxEvent> for Event {
    fn from(event: OutboxEvent) -> Self {
        Self {
            event_type: event.event_type,
            timestamp: event.created.rfc3339(),
            id: event.event_id,
            api_version: API_VERSION,
            livemode: true,
            data: event.data,
        }
    }
}

//! The webhook delivery: one event for one endpoint. Due deliveries are the queue of webhooks.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::id::RecordId;
use super::outbox_event::EventId;
use super::record;
use super::serde_forms::unknown_as_empty;
use super::time::Millis;

record! {
    /// An event that an endpoint gets.
    pub struct WebhookDelivery in WebhookDeliveries {
        /// Follows from endpoint and event, so that an event is delivered to an endpoint once.
        id: RecordId = Public Line [Column],
        endpoint: RecordId = Public Line [Column],
        event_id: EventId = Public Line [],
        event_type: String = Public Line [Column],
        /// The profile that the event is about, if it is about one.
        #[serde(default, with = "unknown_as_empty")]
        profile: Option<RecordId> = Public Line [Column],
        state: DeliveryState = Public Line [Column],
        trigger: DeliveryTrigger = Public Line [],
        /// Tries so far; one that was begun counts.
        #[serde(default)]
        attempts: u32 = Public Number [],
        /// When the next try is due, or until when the server that tries now holds it.
        #[serde(default)]
        due_at: Option<Millis> = Public Time [Column],
        /// The receiver's last status.
        #[serde(default)]
        last_status: Option<u16> = Public Number [],
        /// Why the last try failed, in our own words.
        #[serde(default, with = "unknown_as_empty")]
        last_error: Option<String> = Public Line [],
        created: Millis = Public Time [Column],
        /// When it was delivered or given up.
        #[serde(default)]
        finished: Option<Millis> = Public Time [Column],
    }
}

record! {
    /// One try of a delivery.
    pub struct WebhookAttempt in WebhookAttempts {
        id: RecordId = Public Line [Column],
        delivery: RecordId = Public Line [Column],
        /// From 1 on.
        number: u32 = Public Number [],
        trigger: DeliveryTrigger = Public Line [],
        /// When it began; the `webhook-timestamp` in seconds.
        at: Millis = Public Time [Column],
        #[serde(default)]
        status: Option<u16> = Public Number [],
        #[serde(default)]
        duration_ms: u32 = Public Number [],
        #[serde(default, with = "unknown_as_empty")]
        error: Option<String> = Public Line [],
        /// The beginning of the receiver's answer, which is not ours.
        #[serde(default)]
        response: String = Fields SentDocument [],
    }
}

record! {
    /// How far deliveries have come: of the dispatcher, or of one endpoint. It is kept beside the deliveries.
    pub struct DeliveryProgress in DeliveryProgress {
        /// The endpoint's id, or the dispatcher's.
        id: RecordId = Public Line [Column],
        /// The last event that was dispatched. Only the dispatcher has one.
        #[serde(default, with = "unknown_as_empty")]
        cursor: Option<EventId> = Public Line [],
        /// Tries of the endpoint that failed in a row.
        #[serde(default)]
        failures: u32 = Public Number [],
        /// The first failure since the last success, and its event.
        #[serde(default)]
        failing_since: Option<Millis> = Public Time [],
        #[serde(default, with = "unknown_as_empty")]
        first_failed_event: Option<EventId> = Public Line [],
        /// Whether another event has failed at least twelve hours later.
        #[serde(default)]
        failed_again: bool = Public Flag [],
        /// Until then the endpoint is not tried.
        #[serde(default)]
        paused_until: Option<Millis> = Public Time [],
        /// When the other endpoints got the first warning, and the last one before it is disabled.
        #[serde(default)]
        warned_at: Option<Millis> = Public Time [],
        #[serde(default)]
        last_warned_at: Option<Millis> = Public Time [],
        updated: Millis = Public Time [Column],
    }
}

impl DeliveryProgress {
    /// The progress of one that has just begun.
    #[must_use]
    pub fn new(id: RecordId, now: Millis) -> Self {
        Self {
            id,
            cursor: None,
            failures: 0,
            failing_since: None,
            first_failed_event: None,
            failed_again: false,
            paused_until: None,
            warned_at: None,
            last_warned_at: None,
            updated: now,
        }
    }
}

/// The state of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It waits for its next try.
    Due,
    Delivered,
    /// The last try has failed: only a resend or a replay sends it.
    Exhausted,
    /// It was not sent: its endpoint or its event is gone.
    Dropped,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Due, Self::Delivered, Self::Exhausted, Self::Dropped];

    /// Its word in records and answers.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Delivered => "delivered",
            Self::Exhausted => "exhausted",
            Self::Dropped => "dropped",
        }
    }
}

/// What has started the tries of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryTrigger {
    /// The event.
    Schedule,
    /// A resend: one try.
    Manual,
    /// A replay: the whole schedule again.
    Replay,
    /// A test, which is one try.
    Test,
}

//! Statistics: what each profile has reached and when, and the totals of each day. They hold no data of a person.

use std::collections::BTreeMap;

use serde_json::Value;

use super::id::RecordId;
use super::outbox_event::EventId;
use super::record;
use super::serde_forms::unknown_as_empty;
use super::time::Millis;

record! {
    /// How far one profile has come, so that each of its steps is counted once.
    pub struct AnalyticsProfile in AnalyticsProfiles {
        /// The profile's id.
        id: RecordId = Public Line [Column],
        #[serde(default)]
        team: String = Public Line [Column],
        /// Known once its event was read.
        #[serde(default)]
        created: Option<Millis> = Public Time [],
        /// The last time that its person did something.
        #[serde(default)]
        active_at: Option<Millis> = Public Time [Column],
        /// The names of the steps it has reached, with their first times.
        #[serde(default)]
        steps: BTreeMap<String, Millis> = Public Document [],
        /// How many verification records it has.
        #[serde(default)]
        records: u64 = Public Number [],
        /// The country and the kind of document of its newest verification record, from closed lists.
        #[serde(default)]
        country: String = Public Line [],
        #[serde(default)]
        document_type: String = Public Line [],
        /// `verified` or `rejected`, while that is its status.
        #[serde(default)]
        decision: String = Public Line [],
        /// Since when its person is asked for another try.
        #[serde(default)]
        waits_since: Option<Millis> = Public Time [],
        /// How long it has waited for its person since the first record, in milliseconds.
        #[serde(default)]
        waited: i64 = Public Number [],
    }
}

record! {
    /// What was counted on one day (UTC), of one team or of all.
    pub struct AnalyticsDay in AnalyticsDays {
        /// Follows from day and team.
        id: RecordId = Public Line [Column],
        /// Its first millisecond.
        day: Millis = Public Time [Column],
        /// Unknown: of all teams, and of profiles without one.
        #[serde(default, with = "unknown_as_empty")]
        team: Option<String> = Public Line [Column],
        /// What was counted, by its name.
        #[serde(default)]
        counts: BTreeMap<String, u64> = Public Document [],
        updated: Millis = Public Time [],
    }
}

record! {
    /// How far the events are counted.
    pub struct AnalyticsProgress in AnalyticsProgress {
        id: RecordId = Public Line [Column],
        /// The last outbox event that is counted.
        #[serde(default, with = "unknown_as_empty")]
        cursor: Option<EventId> = Public Line [],
        /// Until when the audit trail was read for steps of persons.
        #[serde(default)]
        audited_until: Option<Millis> = Public Time [],
        /// The audit events of reviews in its last minute, with their times: that minute is read again.
        #[serde(default)]
        counted_reviews: BTreeMap<RecordId, Millis> = Public Document [],
        /// Which reviews are held, as JSON.
        #[serde(default)]
        followed_reviews: Value = Audit Document [],
        updated: Millis = Public Time [Column],
    }
}

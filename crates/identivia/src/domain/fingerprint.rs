//! Visitor data from a browser, and what Fingerprint's own record of it makes of that claim. It decides nothing.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::records::id::RecordId;
use crate::records::time::Millis;

/// How old an event may be that a record is made with, in seconds: longer than a person takes, too short to collect them.
const FRESH_SECONDS: i64 = 3_600;
/// How far Fingerprint's clock may be ahead of ours, in seconds.
const AHEAD_SECONDS: i64 = 300;
/// The longest event id that is asked for, in bytes.
const MAX_ID: usize = 128;
/// The most of an event that is kept, in bytes. A longer one loses what an application put in and raw measurements; if that
/// does not do, all but what identifies the visitor.
const MAX_EVENT: usize = 16 * 1024;

/// What visitor data says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// Which event it is: `event_id`, or `requestId` with older agents.
    pub event: String,
    /// Empty when it does not say.
    pub visitor: String,
    /// Whether it says the same in the words of every agent: else a reviewer would read one thing and we another.
    pub is_plain: bool,
}

impl Visitor {
    /// Reads visitor data; `None` when it names no event that could be looked up.
    #[must_use]
    pub fn of(data: &str) -> Option<Self> {
        let data: Value = serde_json::from_str(data).ok()?;
        let (event, one_event) = read_first(&data, &["event_id", "eventId", "requestId", "request_id"]);
        let (visitor, one_visitor) = read_first(&data, &["visitor_id", "visitorId"]);
        let is_id = !event.is_empty()
            && event.len() <= MAX_ID
            && event.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
            && !event.bytes().all(|byte| byte == b'.');
        is_id.then_some(Self { event, visitor, is_plain: one_event && one_visitor })
    }
}

/// The value of the first of these names that exists, and whether the others agree.
fn read_first(data: &Value, names: &[&str]) -> (String, bool) {
    let values: Vec<&Value> = names.iter().filter_map(|name| data.get(name)).collect();
    let text = values.first().and_then(|value| value.as_str()).unwrap_or_default();
    (text.to_owned(), values.iter().all(|value| *value == text))
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceStatus {
    /// Fingerprint has that event, of that visitor, just now.
    Confirmed,
    /// It has that event, of another visitor, of another profile's link or as one that was replayed; or the data
    /// contradicts itself.
    Contradicted,
    /// It has that event, from too long ago.
    Stale,
    /// It has no such event.
    Unknown,
    /// It could not be asked.
    Failed,
    /// Not checked: there is no key, or the data names no event.
    Unchecked,
}

impl DeviceStatus {
    /// Its word in records and answers.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Contradicted => "contradicted",
            Self::Stale => "stale",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
            Self::Unchecked => "unchecked",
        }
    }
}

/// A check of visitor data, stored beside the claim.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeviceCheck {
    /// `None` when no visitor data was sent.
    pub status: Option<DeviceStatus>,
    /// Fingerprint's event as JSON; empty when there is none.
    pub event: String,
}

impl DeviceCheck {
    /// A check that has come to that, without an event.
    #[must_use]
    pub fn only(status: DeviceStatus) -> Self {
        Self { status: Some(status), event: String::new() }
    }

    /// What an event makes of a claim.
    #[must_use]
    pub fn of(claim: &Visitor, event: &Value, profile: RecordId, now: Millis) -> Self {
        Self { status: Some(status(claim, event, profile, now)), event: shorten_event(event) }
    }

    /// The status's word; empty when no visitor data was sent.
    #[must_use]
    pub fn status_word(&self) -> &'static str {
        self.status.map_or("", DeviceStatus::word)
    }
}

fn status(claim: &Visitor, event: &Value, profile: RecordId, now: Millis) -> DeviceStatus {
    let visitor = event["identification"]["visitor_id"].as_str().unwrap_or_default();
    let linked = event["linked_id"].as_str().unwrap_or_default();
    let is_other = !claim.is_plain
        || event["replayed"] == true
        || event["event_id"] != claim.event.as_str()
        || visitor.is_empty()
        || (!claim.visitor.is_empty() && claim.visitor != visitor);
    // An application that links events to profiles cannot be given another profile's.
    let is_anothers = RecordId::parse(linked).is_some_and(|linked| linked != profile);
    if is_other || is_anothers {
        return DeviceStatus::Contradicted;
    }
    let at = Millis(event["timestamp"].as_i64().unwrap_or_default());
    let is_fresh = at.plus_seconds(FRESH_SECONDS) >= now && at <= now.plus_seconds(AHEAD_SECONDS);
    if is_fresh { DeviceStatus::Confirmed } else { DeviceStatus::Stale }
}

fn shorten_event(event: &Value) -> String {
    let whole = event.to_string();
    if whole.len() <= MAX_EVENT {
        return whole;
    }
    let mut lean = event.clone();
    if let Some(fields) = lean.as_object_mut() {
        fields.retain(|name, _| !matches!(name.as_str(), "tags" | "raw_device_attributes"));
    }
    let lean = lean.to_string();
    if lean.len() <= MAX_EVENT {
        return lean;
    }
    let part: serde_json::Map<String, Value> =
        ["event_id", "timestamp", "linked_id", "identification", "suspect_score"]
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), event.get(name)?.clone())))
            .collect();
    let part = Value::Object(part).to_string();
    if part.len() <= MAX_EVENT { part } else { String::new() }
}

/// A kept event, to be shown.
#[must_use]
pub fn event_of(kept: &str) -> Option<Box<RawValue>> {
    if kept.is_empty() { None } else { RawValue::from_string(kept.to_owned()).ok() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn visitor_data_names_its_event_in_the_words_of_its_agent() {
        let of = |data: Value| Visitor::of(&data.to_string()).map(|found| (found.event, found.visitor, found.is_plain));
        let found = Some(("1708.NLO".to_owned(), "Ibk".to_owned(), true));
        assert_eq!(of(json!({"event_id": "1708.NLO", "visitor_id": "Ibk"})), found);
        assert_eq!(of(json!({"requestId": "1708.NLO", "visitorId": "Ibk", "confidence": {"score": 1}})), found);
        for lie in [
            json!({"requestId": "1708.NLO", "visitor_id": "Ibk", "visitorId": "victim"}),
            json!({"requestId": "1708.NLO", "visitor_id": "Ibk", "visitorId": 7}),
            json!({"event_id": "1708.NLO", "requestId": "1709.NLO", "visitorId": "Ibk"}),
        ] {
            assert!(!Visitor::of(&lie.to_string()).unwrap().is_plain, "{lie}");
        }
        for event in ["", "..", "a/b", "a?b", "a b", &"a".repeat(129)] {
            assert_eq!(of(json!({"requestId": event})), None, "{event}");
        }
        assert_eq!(of(json!({"visitorId": "open source has no request id"})), None);
        assert_eq!(Visitor::of("no JSON"), None);
    }

    #[test]
    fn an_event_confirms_only_the_claim_it_is_of() {
        let (profile, now) = (RecordId::random(), Millis(1_774_051_200_000));
        let claim = Visitor { event: "e".to_owned(), visitor: "v".to_owned(), is_plain: true };
        let event = |change: Value| {
            let mut event = json!({"event_id": "e", "timestamp": now.0, "identification": {"visitor_id": "v"}});
            event.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            DeviceCheck::of(&claim, &event, profile, now).status.unwrap()
        };
        assert_eq!(event(json!({})), DeviceStatus::Confirmed);
        assert_eq!(event(json!({"linked_id": profile})), DeviceStatus::Confirmed);
        assert_eq!(event(json!({"linked_id": "an application's own words"})), DeviceStatus::Confirmed);
        assert_eq!(event(json!({"linked_id": RecordId::random()})), DeviceStatus::Contradicted);
        assert_eq!(event(json!({"event_id": "f"})), DeviceStatus::Contradicted);
        assert_eq!(event(json!({"replayed": true})), DeviceStatus::Contradicted);
        assert_eq!(event(json!({"replayed": false})), DeviceStatus::Confirmed);
        assert_eq!(event(json!({"identification": {"visitor_id": "w"}})), DeviceStatus::Contradicted);
        assert_eq!(event(json!({"identification": null})), DeviceStatus::Contradicted, "a bot has no visitor id");
        assert_eq!(event(json!({"timestamp": now.0 - 3_601_000})), DeviceStatus::Stale);
        assert_eq!(event(json!({"timestamp": now.0 + 301_000})), DeviceStatus::Stale);
        assert_eq!(event(json!({"timestamp": "now"})), DeviceStatus::Stale);
    }

    #[test]
    fn of_a_huge_event_signals_are_kept_or_at_least_what_identifies() {
        let read = |event: &Value| serde_json::from_str::<Value>(&shorten_event(event)).unwrap();
        let tagged = json!({"event_id": "e", "bot": "bad", "tags": "x".repeat(20_000)});
        assert_eq!(read(&tagged), json!({"event_id": "e", "bot": "bad"}));
        let identified = json!({"event_id": "e", "timestamp": 1, "identification": {"visitor_id": "v"}});
        let mut huge = identified.clone();
        huge["new_signal"] = json!("x".repeat(20_000));
        assert_eq!(read(&huge), identified);
    }
}

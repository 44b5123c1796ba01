//! Counting of events: what an event adds to the totals of which day, each step of a profile once.

use serde_json::Value;

use super::count_names::{
    CHECKS, DECIDED_BY, DECISION_TIME, DECISIONS, FINDING, FIRST_PASS, FUNNEL, GROUP, OF_COHORT, OTHER, REASON,
    RECORDS, REJECTED, REOPENED, RESUBMISSION_REASON, RESUBMISSION_STEP, RESUBMISSIONS, VERIFIED, WAITING_TIME,
};
use super::histogram::bucket_of;
use crate::domain::country;
use crate::domain::event::EventKind;
use crate::domain::outbox::EventType;
use crate::records::analytics::AnalyticsProfile;
use crate::records::audit_event::{ActorKind, AuditEvent};
use crate::records::id::RecordId;
use crate::records::outbox_event::OutboxEvent;
use crate::records::time::Millis;
use crate::records::verification_record::VerificationRecord;

const DAY: i64 = 86_400_000;
/// The kinds of document with counts of their own.
const DOCUMENT_TYPES: [&str; 6] =
    ["passport", "national_id", "driving_license", "driver_license", "residence_permit", "visa"];
/// The longest word in the name of a count.
const MAX_WORD: usize = 64;

/// The audit events that are read for steps of persons, which no outbox event reports.
pub const STEP_KINDS: [EventKind; 7] = [
    EventKind::ProfileStarted,
    EventKind::ConsentAccepted,
    EventKind::ProfileChanged,
    EventKind::SessionBegun,
    EventKind::SessionFinished,
    EventKind::HandoffTaken,
    EventKind::VerificationRecorded,
];

/// One more of what has that name, on a day.
#[derive(Debug, PartialEq, Eq)]
pub struct Increment {
    pub day: Millis,
    pub name: String,
}

/// The first millisecond of the day (UTC) of a time.
#[must_use]
pub fn day_of(time: Millis) -> Millis {
    Millis(time.0.div_euclid(DAY) * DAY)
}

impl AnalyticsProfile {
    /// A profile of which nothing is counted yet.
    #[must_use]
    pub fn uncounted(id: RecordId) -> Self {
        Self {
            id,
            team: String::new(),
            created: None,
            active_at: None,
            steps: std::collections::BTreeMap::new(),
            records: 0,
            country: String::new(),
            document_type: String::new(),
            decision: String::new(),
            waits_since: None,
            waited: 0,
        }
    }

    /// Counts an outbox event. `record` is the verification record that it names, while there is one.
    #[must_use]
    pub fn count_event(&mut self, event: &OutboxEvent, record: Option<&VerificationRecord>) -> Vec<Increment> {
        let at = event.created;
        self.team.clone_from(&event.team);
        let mut counts = Counts { day: day_of(at), increments: Vec::new() };
        let Some(event_type) = EventType::ALL.into_iter().find(|known| known.word() == event.event_type) else {
            return Vec::new();
        };
        match event_type {
            EventType::ProfileCreated => self.count_creation(at, &mut counts),
            EventType::ProfileStarted => {
                self.note_activity(at);
                self.reach_step("opened", at, &mut counts);
            }
            EventType::ProfileSubmitted => self.count_record(at, record, &mut counts),
            EventType::VerificationChecked => {
                counts.add_word(CHECKS, &event.data["outcome"]);
                counts.add_words(FINDING, &event.data["codes"]);
            }
            EventType::ProfileStatusChanged => self.count_status(at, event, &mut counts),
            EventType::ProfileRejected => counts.add_words(REASON, &event.data["reasons"]),
            EventType::ProfileResubmissionRequested => {
                counts.add(RESUBMISSIONS);
                counts.add_words(RESUBMISSION_STEP, &event.data["steps"]);
                counts.add_words(RESUBMISSION_REASON, &event.data["reasons"]);
                self.waits_since = Some(at);
            }
            EventType::ProfileVerified
            | EventType::ConsentWithdrawn
            | EventType::EndpointFailing
            | EventType::EndpointDisabled
            | EventType::WebhookTest => {}
        }
        counts.increments
    }

    /// Counts what a person did, which may be counted already.
    #[must_use]
    pub fn count_step_of_person(&mut self, event: &AuditEvent) -> Vec<Increment> {
        let mut counts = Counts { day: day_of(event.at), increments: Vec::new() };
        if event.actor_kind == ActorKind::Link {
            self.note_activity(event.at);
        }
        if let Some(step) = step_of_event(event) {
            self.reach_step(step, event.at, &mut counts);
        }
        counts.increments
    }

    fn note_activity(&mut self, at: Millis) {
        self.active_at = self.active_at.max(Some(at));
    }

    /// Steps that were read before the profile's own event are counted with it.
    fn count_creation(&mut self, at: Millis, counts: &mut Counts) {
        if self.created.is_some() {
            return;
        }
        self.created = Some(at);
        for step in FUNNEL {
            if step == "created" || self.steps.contains_key(step) {
                counts.add_on(day_of(at), &format!("{OF_COHORT}{step}"));
            }
        }
    }

    /// Says whether the profile reaches a step for the first time, and counts that.
    fn reach_step(&mut self, step: &str, at: Millis, counts: &mut Counts) -> bool {
        if self.steps.contains_key(step) {
            return false;
        }
        self.steps.insert(step.to_owned(), at);
        if let Some(created) = self.created {
            counts.add_on(day_of(created), &format!("{OF_COHORT}{step}"));
        }
        true
    }

    fn count_record(&mut self, at: Millis, record: Option<&VerificationRecord>, counts: &mut Counts) {
        if let Some(record) = record {
            let named = record.country.as_deref().unwrap_or_default();
            self.country = country::code(named).unwrap_or(OTHER).to_owned();
            let known = DOCUMENT_TYPES.into_iter().find(|known| *known == record.document_type);
            self.document_type = known.unwrap_or(OTHER).to_owned();
        }
        self.records += 1;
        if let Some(since) = self.waits_since.take() {
            self.waited += (at.0 - since.0).max(0);
        }
        for step in ["document", "face", "sent"] {
            self.reach_step(step, at, counts);
        }
        counts.add(RECORDS);
        self.count_in_groups(RECORDS, counts);
    }

    fn count_in_groups(&self, name: &str, counts: &mut Counts) {
        for (group, value) in [("country", &self.country), ("document_type", &self.document_type)] {
            let value = if value.is_empty() { OTHER } else { value };
            counts.add(&format!("{GROUP}{group}/{value}/{name}"));
        }
    }

    fn count_status(&mut self, at: Millis, event: &OutboxEvent, counts: &mut Counts) {
        let status = event.data["new_status"].as_str().unwrap_or_default();
        if status != VERIFIED && status != REJECTED {
            if !self.decision.is_empty() {
                counts.add(REOPENED);
            }
            self.decision.clear();
            return;
        }
        if self.decision == status {
            return;
        }
        status.clone_into(&mut self.decision);
        counts.add(DECISIONS);
        counts.add_word(DECIDED_BY, &event.data["decided_by"]);
        if self.reach_step("decided", at, counts) {
            self.count_first_decision(at, status, counts);
        }
        if status == VERIFIED {
            self.reach_step("verified", at, counts);
        }
    }

    fn count_first_decision(&self, at: Millis, status: &str, counts: &mut Counts) {
        counts.add(status);
        self.count_in_groups(status, counts);
        if status == VERIFIED && self.records == 1 {
            counts.add(FIRST_PASS);
            self.count_in_groups(FIRST_PASS, counts);
        }
        if let Some(sent) = self.steps.get("sent") {
            let whole = (at.0 - sent.0).max(0);
            counts.add(&format!("{DECISION_TIME}{}", bucket_of(whole - self.waited.min(whole))));
            counts.add(&format!("{WAITING_TIME}{}", bucket_of(self.waited)));
        }
    }
}

/// The step of the funnel that an audit event reports.
fn step_of_event(event: &AuditEvent) -> Option<&'static str> {
    let is = |kind: EventKind| event.kind == kind.word();
    let has_document = || event.detail.split(' ').any(|field| field == "document_front" || field == "document_back");
    match () {
        () if is(EventKind::ConsentAccepted) => Some("consent"),
        () if is(EventKind::SessionFinished) || is(EventKind::SessionBegun) => Some("face"),
        () if is(EventKind::ProfileChanged) && event.actor_kind == ActorKind::Link && has_document() => {
            Some("document")
        }
        () => None,
    }
}

/// What an event adds, on the day of the event unless said otherwise.
struct Counts {
    day: Millis,
    increments: Vec<Increment>,
}

impl Counts {
    fn add(&mut self, name: &str) {
        self.add_on(self.day, name);
    }

    fn add_on(&mut self, day: Millis, name: &str) {
        self.increments.push(Increment { day, name: name.to_owned() });
    }

    /// Adds one of a word. One that is no plain word counts as another.
    fn add_word(&mut self, prefix: &str, word: &Value) {
        let word = word.as_str().or_else(|| word["code"].as_str()).unwrap_or_default();
        let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.-".contains(&byte);
        let is_plain = !word.is_empty() && word.len() <= MAX_WORD && word.bytes().all(is_letter);
        self.add(&format!("{prefix}{}", if is_plain { word } else { OTHER }));
    }

    fn add_words(&mut self, prefix: &str, words: &Value) {
        for word in words.as_array().into_iter().flatten() {
            self.add_word(prefix, word);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::records::outbox_event::EventId;

    const MONDAY: Millis = Millis(1_774_000_000_000);

    fn event(event_type: EventType, at: Millis, data: Value) -> OutboxEvent {
        let Value::Object(data) = data else { panic!("no object") };
        let event_id = EventId::random_at(at);
        let event_type = event_type.word().to_owned();
        OutboxEvent {
            id: event_id.record_id(),
            event_id,
            event_type,
            team: "acme".into(),
            profile: None,
            data,
            created: at,
        }
    }

    fn status(new_status: &str) -> Value {
        json!({"new_status": new_status, "decided_by": "client"})
    }

    fn sum(increments: &[Increment]) -> BTreeMap<(i64, &str), usize> {
        let mut sum = BTreeMap::new();
        for Increment { day, name } in increments {
            *sum.entry(((day.0 - day_of(MONDAY).0) / DAY, name.as_str())).or_insert(0) += 1;
        }
        sum
    }

    #[test]
    fn each_step_is_counted_once_on_the_day_of_its_profile() {
        let mut profile = AnalyticsProfile::uncounted(RecordId::random());
        let later = MONDAY.plus_days(2);
        let mut all = Vec::new();
        // A step may be read before the profile's own event.
        let consent = AuditEvent::new(EventKind::ConsentAccepted, MONDAY, "p").by(ActorKind::Link);
        all.extend(profile.count_step_of_person(&consent));
        assert!(all.is_empty(), "{all:?}");
        all.extend(profile.count_event(&event(EventType::ProfileCreated, MONDAY, json!({})), None));
        all.extend(profile.count_step_of_person(&consent));
        for _ in 0..2 {
            all.extend(profile.count_event(&event(EventType::ProfileSubmitted, later, json!({})), None));
        }
        all.extend(profile.count_event(&event(EventType::ProfileStatusChanged, later, status("rejected")), None));
        all.extend(profile.count_event(&event(EventType::ProfileStatusChanged, later, status("rejected")), None));
        all.extend(profile.count_event(&event(EventType::ProfileStatusChanged, later, status("in_review")), None));
        all.extend(profile.count_event(&event(EventType::ProfileStatusChanged, later, status("verified")), None));
        let counts = sum(&all);
        for step in ["created", "consent", "document", "face", "sent", "decided", "verified"] {
            assert_eq!(counts.get(&(0, &*format!("cohort/{step}"))), Some(&1), "{step}");
        }
        assert_eq!(counts.get(&(0, "cohort/opened")), None);
        let expected = [
            (RECORDS, 2),
            (REJECTED, 1),
            (DECISIONS, 2),
            ("decided_by/client", 2),
            (REOPENED, 1),
            ("decision_time/0", 1),
        ];
        for (name, count) in expected {
            assert_eq!(counts.get(&(2, name)), Some(&count), "{name}");
        }
        assert!(!counts.contains_key(&(2, VERIFIED)) && !counts.contains_key(&(2, FIRST_PASS)));
    }

    #[test]
    fn waiting_for_the_person_is_not_time_to_a_decision() {
        let mut profile = AnalyticsProfile::uncounted(RecordId::random());
        let at = |minutes: i64| MONDAY.plus_seconds(minutes * 60);
        let _ = profile.count_event(&event(EventType::ProfileSubmitted, at(0), json!({})), None);
        let asked = json!({"steps": ["document_front"], "reasons": ["photo_blurred", "A. Person"]});
        let asked = profile.count_event(&event(EventType::ProfileResubmissionRequested, at(10), asked), None);
        let counts = sum(&asked);
        assert!(counts.contains_key(&(0, "resubmission_reason/photo_blurred")));
        assert!(counts.contains_key(&(0, "resubmission_reason/other")), "no text of a person is a name: {counts:?}");
        let _ = profile.count_event(&event(EventType::ProfileSubmitted, at(70), json!({})), None);
        let decided = profile.count_event(&event(EventType::ProfileStatusChanged, at(80), status("verified")), None);
        let counts = sum(&decided);
        assert!(counts.contains_key(&(0, &*format!("decision_time/{}", bucket_of(20 * 60_000)))), "{counts:?}");
        assert!(counts.contains_key(&(0, &*format!("waiting_time/{}", bucket_of(60 * 60_000)))), "{counts:?}");
        assert!(!counts.contains_key(&(0, FIRST_PASS)), "it took two records");
    }
}

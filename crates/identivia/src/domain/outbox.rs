//! Events for a company's server: their types, and what each says. They hold ids and words, never what a person sent.

use serde_json::{Map, Value, json};

use super::resubmission::RESUBMISSION_WORD;
use crate::records::FieldMap;
use crate::records::checks::{Check, Outcome};
use crate::records::id::RecordId;
use crate::records::outbox_event::{EventId, OutboxEvent};
use crate::records::status_record::StatusRecord;
use crate::records::status_word::StatusWord;
use crate::records::time::Millis;
use crate::records::verification_record::ChecksStatus;

/// The version of the API and of events: the day from which they are as described. `docs/api-versions.md` says when it changes.
pub const API_VERSION: &str = "2026-03-21";

/// The types of event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    ProfileCreated,
    /// The person has opened their link for the first time.
    ProfileStarted,
    /// A verification record was made.
    ProfileSubmitted,
    /// The checks on a verification record have ended.
    VerificationChecked,
    /// A status record was made.
    ProfileStatusChanged,
    ProfileVerified,
    ProfileRejected,
    ProfileResubmissionRequested,
    /// The person no longer agrees to the checks.
    ConsentWithdrawn,
    /// Deliveries to a webhook endpoint fail. The team's other endpoints get this.
    EndpointFailing,
    /// A webhook endpoint gets no more deliveries.
    EndpointDisabled,
    /// A client tests its endpoint: only that endpoint gets this.
    WebhookTest,
}

impl EventType {
    /// Every type.
    pub const ALL: [Self; 12] = [
        Self::ProfileCreated,
        Self::ProfileStarted,
        Self::ProfileSubmitted,
        Self::VerificationChecked,
        Self::ProfileStatusChanged,
        Self::ProfileVerified,
        Self::ProfileRejected,
        Self::ProfileResubmissionRequested,
        Self::ConsentWithdrawn,
        Self::EndpointFailing,
        Self::EndpointDisabled,
        Self::WebhookTest,
    ];

    /// Its word in events.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::ProfileCreated => "profile.created",
            Self::ProfileStarted => "profile.started",
            Self::ProfileSubmitted => "profile.submitted",
            Self::VerificationChecked => "verification.checked",
            Self::ProfileStatusChanged => "profile.status_changed",
            Self::ProfileVerified => "profile.verified",
            Self::ProfileRejected => "profile.rejected",
            Self::ProfileResubmissionRequested => "profile.resubmission_requested",
            Self::ConsentWithdrawn => "consent.withdrawn",
            Self::EndpointFailing => "endpoint.failing",
            Self::EndpointDisabled => "endpoint.disabled",
            Self::WebhookTest => "webhook.test",
        }
    }

    /// The types that a pattern names: a type, a group such as `profile.*`, or `*`. `None` when it names none.
    #[must_use]
    pub fn parse_pattern(pattern: &str) -> Option<Vec<Self>> {
        let named: Vec<Self> = Self::ALL.into_iter().filter(|known| names_type(pattern, known.word())).collect();
        (!named.is_empty()).then_some(named)
    }
}

/// Says whether a pattern names a type of event.
#[must_use]
pub fn names_type(pattern: &str, event_type: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some("") => true,
        Some(group) => group.ends_with('.') && event_type.starts_with(group),
        None => event_type == pattern,
    }
}

/// Who has set a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecidedBy {
    /// A company's server.
    Client,
    /// The person's own link, which can only ask for a decision.
    Link,
    /// A reviewer in the console.
    Reviewer,
}

impl DecidedBy {
    /// Its word in events.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Link => "link",
            Self::Reviewer => "reviewer",
        }
    }
}

/// What an event says beside what all events of a profile say.
#[derive(Clone, Debug)]
pub enum EventBody {
    Created { status: &'static str },
    Started,
    Submitted { verification: RecordId },
    Checked { verification: RecordId, outcome: &'static str, codes: Vec<String> },
    StatusChanged { new_status: StatusWord, reasons: Vec<String>, decided_by: DecidedBy },
    Verified,
    Rejected { reasons: Vec<String> },
    ResubmissionRequested { reasons: Vec<String>, steps: Vec<String> },
    ConsentWithdrawn { consent: RecordId },
}

impl EventBody {
    /// The events of a new status record: that the status has changed, and what that means for those who want only this.
    #[must_use]
    pub fn list_of_status(record: &StatusRecord, decided_by: DecidedBy) -> Vec<Self> {
        let (new_status, reasons) = (record.new_status.clone(), record.reasons.clone());
        let special = match new_status.as_str() {
            "verified" => Some(Self::Verified),
            "rejected" => Some(Self::Rejected { reasons: reasons.clone() }),
            RESUBMISSION_WORD => {
                Some(Self::ResubmissionRequested { reasons: reasons.clone(), steps: record.steps.clone() })
            }
            _ => None,
        };
        let changed = Self::StatusChanged { new_status, reasons, decided_by };
        std::iter::once(changed).chain(special).collect()
    }

    /// The event of checks that have ended: the worst outcome, and the codes of all findings that are no pass.
    #[must_use]
    pub fn of_checks(verification: RecordId, status: ChecksStatus, checks: &[Check]) -> Self {
        let has = |outcome| checks.iter().any(|check| check.outcome == outcome);
        let outcome = match status {
            ChecksStatus::Failed | ChecksStatus::Pending => "failed",
            ChecksStatus::Done if has(Outcome::Fail) => "fail",
            ChecksStatus::Done if has(Outcome::Warn) => "warn",
            ChecksStatus::Done => "pass",
        };
        let findings = checks.iter().flat_map(|check| &check.findings);
        let noted = findings.filter(|finding| matches!(finding.outcome, Outcome::Fail | Outcome::Warn));
        let mut codes: Vec<String> = noted.map(|finding| finding.code.clone()).collect();
        codes.sort_unstable();
        codes.dedup();
        Self::Checked { verification, outcome, codes }
    }

    /// A body of that type, to show a receiver what it will get. `None` for a type that is not about a profile.
    #[must_use]
    pub fn sample(event_type: EventType) -> Option<Self> {
        let record = RecordId::random();
        Some(match event_type {
            EventType::ProfileCreated => Self::Created { status: "unverified" },
            EventType::ProfileStarted => Self::Started,
            EventType::ProfileSubmitted => Self::Submitted { verification: record },
            EventType::VerificationChecked => {
                Self::Checked { verification: record, outcome: "pass", codes: Vec::new() }
            }
            EventType::ProfileStatusChanged => Self::StatusChanged {
                new_status: StatusWord::from("verified".to_owned()),
                reasons: Vec::new(),
                decided_by: DecidedBy::Client,
            },
            EventType::ProfileVerified => Self::Verified,
            EventType::ProfileRejected => Self::Rejected { reasons: vec!["document_expired".to_owned()] },
            EventType::ProfileResubmissionRequested => Self::ResubmissionRequested {
                reasons: vec!["glare_on_photo".to_owned()],
                steps: vec!["document_front".to_owned()],
            },
            EventType::ConsentWithdrawn => Self::ConsentWithdrawn { consent: record },
            EventType::EndpointFailing | EventType::EndpointDisabled | EventType::WebhookTest => return None,
        })
    }

    const fn event_type(&self) -> EventType {
        match self {
            Self::Created { .. } => EventType::ProfileCreated,
            Self::Started => EventType::ProfileStarted,
            Self::Submitted { .. } => EventType::ProfileSubmitted,
            Self::Checked { .. } => EventType::VerificationChecked,
            Self::StatusChanged { .. } => EventType::ProfileStatusChanged,
            Self::Verified => EventType::ProfileVerified,
            Self::Rejected { .. } => EventType::ProfileRejected,
            Self::ResubmissionRequested { .. } => EventType::ProfileResubmissionRequested,
            Self::ConsentWithdrawn { .. } => EventType::ConsentWithdrawn,
        }
    }

    fn details(self, profile: &ReportedProfile) -> Value {
        match self {
            Self::Created { status } => json!({"status": status}),
            Self::Submitted { verification } => {
                json!({"verification_id": verification, "attempt": profile.attempts.saturating_add(1)})
            }
            Self::Checked { verification, outcome, codes } => {
                json!({"verification_id": verification, "outcome": outcome, "codes": codes})
            }
            Self::StatusChanged { new_status, reasons, decided_by } => json!({
                "previous_status": profile.status, "new_status": new_status, "reasons": reasons,
                "decided_by": decided_by.word(),
            }),
            Self::Started => json!({}),
            Self::Verified => json!({"reasons": []}),
            Self::Rejected { reasons } => json!({"reasons": reasons}),
            Self::ResubmissionRequested { reasons, steps } => json!({"reasons": reasons, "steps": steps}),
            Self::ConsentWithdrawn { consent } => json!({"consent_id": consent}),
        }
    }
}

/// The events of one commit, all about one profile. The store completes them with what the profile says at the moment of
/// writing.
#[derive(Clone, Debug)]
pub struct ProfileEvents {
    pub profile: RecordId,
    pub at: Millis,
    pub bodies: Vec<EventBody>,
}

/// What the events of a profile say of it: its columns before the change.
#[derive(Debug, Default)]
pub struct ReportedProfile {
    team: String,
    user_id: String,
    /// The status that was shown.
    status: String,
    version: u64,
    attempts: u64,
}

impl ReportedProfile {
    /// The fields of a profile that events need.
    pub const FIELDS: [&str; 6] =
        ["team", "user_id", "verification_status", "recorded_status", "event_version", "attempts"];

    /// Reads them from a profile's fields.
    #[must_use]
    pub fn from_fields(fields: &FieldMap) -> Self {
        let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let recorded = Some(text("recorded_status")).filter(|status| !status.is_empty());
        let count = |name: &str| fields.get(name).and_then(Value::as_u64).unwrap_or_default();
        Self {
            team: text("team"),
            user_id: text("user_id"),
            status: recorded.unwrap_or_else(|| text("verification_status")),
            version: count("event_version"),
            attempts: count("attempts"),
        }
    }
}

impl ProfileEvents {
    /// The fields of the profile that count what has happened, once they are written.
    #[must_use]
    pub fn counts_after(&self, before: &ReportedProfile) -> FieldMap {
        let version = before.version.saturating_add(self.bodies.len() as u64);
        let mut counts = FieldMap::from([("event_version", json!(version))]);
        if self.bodies.iter().any(|body| matches!(body, EventBody::Submitted { .. })) {
            counts.insert("attempts".to_owned(), json!(before.attempts.saturating_add(1)));
        }
        counts
    }

    /// The events as they are stored. Each raises the profile's version by one.
    #[must_use]
    pub fn complete(self, before: &ReportedProfile) -> Vec<OutboxEvent> {
        let (profile, at) = (self.profile, self.at);
        let numbered = self.bodies.into_iter().zip(before.version.saturating_add(1)..);
        numbered.map(|(body, version)| body.complete(profile, at, version, before)).collect()
    }
}

impl EventBody {
    fn complete(self, profile: RecordId, at: Millis, version: u64, before: &ReportedProfile) -> OutboxEvent {
        let (event_id, event_type) = (EventId::random_at(at), self.event_type());
        let team = Some(before.team.as_str()).filter(|team| !team.is_empty());
        let common = json!({"id": profile, "user_id": before.user_id, "team": team, "version": version});
        let mut data = Map::new();
        for part in [common, self.details(before)] {
            if let Value::Object(part) = part {
                data.extend(part);
            }
        }
        OutboxEvent {
            id: event_id.record_id(),
            event_id,
            event_type: event_type.word().to_owned(),
            team: before.team.clone(),
            profile: Some(profile),
            data,
            created: at,
        }
    }
}

impl OutboxEvent {
    /// An event of that type as a test of an endpoint sends it, about a profile that does not exist.
    #[must_use]
    pub fn sample(event_type: EventType, team: &str, endpoint: RecordId, at: Millis) -> Self {
        let mut sample = match EventBody::sample(event_type) {
            Some(body) => {
                let (team, user_id, status) = (team.to_owned(), "user-12345".to_owned(), "pending".to_owned());
                let before = ReportedProfile { team, user_id, status, version: 0, attempts: 0 };
                body.complete(RecordId::random(), at, 1, &before)
            }
            None => Self::about_endpoint(event_type, team, endpoint, at, json!({})),
        };
        sample.data.insert("test".to_owned(), json!(true));
        sample
    }

    /// An event about a webhook endpoint. It has no version, because it is about no profile.
    #[must_use]
    pub fn about_endpoint(event_type: EventType, team: &str, endpoint: RecordId, at: Millis, more: Value) -> Self {
        let event_id = EventId::random_at(at);
        let team_value = Some(team).filter(|team| !team.is_empty());
        let mut data =
            Map::from_iter([("endpoint_id".to_owned(), json!(endpoint)), ("team".to_owned(), json!(team_value))]);
        if let Value::Object(more) = more {
            data.extend(more);
        }
        let event_type = event_type.word().to_owned();
        Self { id: event_id.record_id(), event_id, event_type, team: team.to_owned(), profile: None, data, created: at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_types_and_groups() {
        let count = |pattern: &str| EventType::parse_pattern(pattern).map(|types| types.len());
        assert_eq!((count("*"), count("profile.*"), count("profile.created")), (Some(12), Some(7), Some(1)));
        for unknown in ["", "profile", "profile*", "prof*", "profile.gone", "billing.*"] {
            assert_eq!(count(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn each_event_raises_the_version_by_one() {
        let before = json!({"team": "acme", "user_id": "u", "verification_status": "unverified",
            "recorded_status": "pending", "event_version": 6});
        let before = ReportedProfile::from_fields(&serde_json::from_value(before).unwrap());
        let id = RecordId::random();
        let record = json!({"id": id, "profile": id, "previous_status": "pending", "new_status": "verified",
            "created": "2026-03-21 00:00:00.000Z"});
        let record: StatusRecord = serde_json::from_value(record).unwrap();
        let bodies = EventBody::list_of_status(&record, DecidedBy::Client);
        let events = ProfileEvents { profile: RecordId::random(), at: Millis(7), bodies };
        assert_eq!(json!(events.counts_after(&before)), json!({"event_version": 8}));
        let stored = events.complete(&before);
        let said: Vec<_> = stored.iter().map(|event| (event.event_type.as_str(), &event.data["version"])).collect();
        assert_eq!(said, [("profile.status_changed", &json!(7)), ("profile.verified", &json!(8))]);
        assert_eq!(stored[0].data["previous_status"], "pending");
        assert!(stored.iter().all(|event| event.team == "acme" && event.data["user_id"] == "u"));
    }
}

//! A person's way through their verification: what they have agreed to and done, and the step that comes next.

use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use super::liveness::LivenessRule;
use super::profile::FileField;
use super::resubmission::KeptFile;
use super::status::asks_for_another_try;
use super::verification::required_files;
use crate::records::liveness_session::LivenessSession;
use crate::records::profile::Profile;
use crate::records::status_word::{DECIDED_WORDS, StatusWord};
use crate::records::time::Millis;

/// The longest version of a text that is agreed to, in bytes, and the longest language tag (RFC 5646 §4.4.1).
pub const VERSION_BYTES: usize = 64;
pub const LANGUAGE_BYTES: usize = 35;

/// How long ago a face may have been shown to count as done, in seconds: no token of a link lives longer.
pub const FACE_LOOKS_BACK: i64 = 86_400;

/// Says whether a text is a version's name: `[A-Za-z0-9._-]{1,64}`. It stands in the audit trail, so it can be no other.
#[must_use]
pub fn is_version(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=VERSION_BYTES).contains(&text.len()) && text.bytes().all(plain)
}

/// Says whether a text has the form of a language tag (RFC 5646): subtags of 1 to 8 letters and digits, letters first.
#[must_use]
pub fn is_language(text: &str) -> bool {
    let subtag = |subtag: &str| (1..=8).contains(&subtag.len()) && subtag.bytes().all(|b| b.is_ascii_alphanumeric());
    let first = text.split('-').next().unwrap_or_default();
    text.len() <= LANGUAGE_BYTES && text.split('-').all(subtag) && first.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// A step of the person's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FlowStep {
    Consent,
    Document,
    Face,
    /// What was read of the document is looked through and sent.
    Details,
    Outcome,
}

/// The result shown to the person.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FlowOutcome {
    /// `pending`, `verified` or `rejected`.
    #[schema(pattern = "^(pending|verified|rejected)$")]
    pub status: &'static str,
    /// When it was sent (RFC 3339); `null` for a profile that was decided without.
    #[serde(serialize_with = "rfc3339_or_null")]
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    pub submitted: Option<Millis>,
}

impl Profile {
    /// The first step of the person's way that is not done. `kept` are files of an earlier record that stay.
    #[must_use]
    pub fn flow_step(&self, face: Option<&LivenessSession>, kept: &[KeptFile]) -> FlowStep {
        if self.is_flow_over() {
            FlowStep::Outcome
        } else if self.consent.is_none() {
            FlowStep::Consent
        } else if !self.has_document(kept) {
            FlowStep::Document
        } else if face.is_none() {
            FlowStep::Face
        } else {
            FlowStep::Details
        }
    }

    /// The result shown to the person, once their way is over.
    #[must_use]
    pub fn flow_outcome(&self) -> Option<FlowOutcome> {
        let recorded = self.recorded_status.as_ref().map(StatusWord::as_str);
        let statuses = [recorded, Some(self.verification_status.word())];
        let decided = statuses.into_iter().flatten().find(|word| DECIDED_WORDS.contains(word));
        let status = match decided {
            Some("verified") => "verified",
            Some(_) => "rejected",
            None => "pending",
        };
        self.is_flow_over().then_some(FlowOutcome { status, submitted: self.submitted_at })
    }

    /// Says whether the person has done their part: there is a record that no later status asks to do again, or the
    /// profile is decided.
    pub(super) fn is_flow_over(&self) -> bool {
        let is_submitted =
            self.submitted_at.is_some() && self.submitted_at > self.reopened_at && !self.is_asked_again();
        self.is_decided() || self.closed_by.is_some() || is_submitted
    }

    fn is_asked_again(&self) -> bool {
        let asks = self.recorded_status.as_ref().is_some_and(asks_for_another_try);
        asks && self.submitted_at <= self.status_recorded_at
    }

    /// Says whether the document's type is known and every side of it that a record needs is there.
    fn has_document(&self, kept: &[KeptFile]) -> bool {
        let Some(document_type) = &self.document_type else { return false };
        let sides = required_files(document_type).iter().filter(|field| **field != FileField::FacialPhoto);
        sides.into_iter().all(|side| self.has_file(*side, kept))
    }

    /// Says whether a record can have that file without its being sent.
    #[must_use]
    pub fn has_file(&self, field: FileField, kept: &[KeptFile]) -> bool {
        self.file(field).is_some() || kept.iter().any(|kept| kept.field == field)
    }
}

/// The session that the person has passed and that may serve a record now, of a profile's sessions, newest first.
#[must_use]
pub fn find_passed_session<'a>(
    sessions: &'a [LivenessSession],
    profile: &Profile,
    rule: LivenessRule,
    now: Millis,
) -> Option<&'a LivenessSession> {
    let is_unused = |session: &&LivenessSession| session.used_by.is_none() && session.is_fresh(profile, now);
    sessions.iter().filter(is_unused).find(|session| rule.has_passed(session))
}

fn rfc3339<S: Serializer>(time: &Millis, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(&time.rfc3339())
}

fn rfc3339_or_null<S: Serializer>(time: &Option<Millis>, out: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => rfc3339(time, out),
        None => out.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::records::id::RecordId;
    use crate::records::liveness_session::SessionStatus;
    use crate::records::profile::{Consent, Draft};
    use crate::records::status_word::VerificationStatus;
    use crate::records::to_fields;

    const NOW: Millis = Millis(1_774_051_200_000);

    fn known(text: &str) -> Option<String> {
        Some(text.to_owned()).filter(|text| !text.is_empty())
    }

    /// With consent and a document of that type.
    fn with_document(document_type: &str, front: &str, back: &str) -> Profile {
        Profile {
            consent: Some(Consent {
                id: RecordId::default(),
                version: "1".to_owned(),
                language: "en".to_owned(),
                accepted: NOW,
            }),
            document_type: known(document_type),
            document_front: known(front),
            document_back: known(back),
            ..Profile::default()
        }
    }

    fn session(status: SessionStatus, confidence: f64, used: bool) -> LivenessSession {
        let used_by = used.then(RecordId::random);
        let session = LivenessSession::new(String::new(), None, NOW);
        LivenessSession { status, confidence: Some(confidence), used_by, ..session }
    }

    #[test]
    fn the_step_is_the_first_that_is_not_done() {
        let live = session(SessionStatus::Succeeded, 90.0, false);
        let after_a_face = |profile: Profile| profile.flow_step(Some(&live), &[]);
        assert_eq!(after_a_face(Profile::default()), FlowStep::Consent);
        for (document_type, front, back, step) in [
            ("", "", "", FlowStep::Document),
            ("", "f", "b", FlowStep::Document),
            ("passport", "", "", FlowStep::Document),
            ("passport", "", "b", FlowStep::Document),
            ("national_id", "f", "", FlowStep::Document),
            ("national_id", "f", "b", FlowStep::Details),
            ("passport", "f", "", FlowStep::Details),
            ("Passport", "f", "", FlowStep::Details),
        ] {
            assert_eq!(after_a_face(with_document(document_type, front, back)), step, "{document_type} {front} {back}");
        }
        assert_eq!(with_document("passport", "f", "").flow_step(None, &[]), FlowStep::Face);
    }

    #[test]
    fn only_a_live_face_that_has_served_no_record_counts() {
        let sessions = [
            session(SessionStatus::Succeeded, 90.0, true),
            session(SessionStatus::Failed, 90.0, false),
            session(SessionStatus::Succeeded, 74.9, false),
            session(SessionStatus::InProgress, 90.0, false),
        ];
        let profile = Profile::default();
        let rule = |threshold| LivenessRule { threshold, local_counts: true };
        assert!(find_passed_session(&sessions, &profile, rule(75.0), NOW).is_none());
        assert_eq!(find_passed_session(&sessions, &profile, rule(74.0), NOW).unwrap().confidence, Some(74.9));
    }

    #[test]
    fn a_record_ends_the_way_until_another_is_asked_for() {
        let sent = |recorded_status: &str, asked: Option<i64>| {
            let mut profile = with_document("passport", "f", "");
            profile.submitted_at = Some(NOW);
            profile.recorded_status = StatusWord::parse(recorded_status);
            profile.status_recorded_at = asked.map(|seconds| NOW.plus_seconds(seconds));
            profile
        };
        for word in ["", "pending", "in_review"] {
            let profile = sent(word, Some(1));
            assert_eq!(profile.flow_step(None, &[]), FlowStep::Outcome, "{word}");
            assert_eq!(profile.flow_outcome(), Some(FlowOutcome { status: "pending", submitted: Some(NOW) }), "{word}");
        }
        for word in ["unverified", "resubmission_requested"] {
            let profile = sent(word, Some(1));
            assert_eq!((profile.flow_step(None, &[]), profile.flow_outcome()), (FlowStep::Face, None), "{word}");
            assert_eq!(
                sent(word, Some(-1)).flow_step(None, &[]),
                FlowStep::Outcome,
                "{word}: a record has been made since"
            );
        }
    }

    #[test]
    fn a_decision_by_either_status_ends_the_way() {
        use VerificationStatus::{Pending, Rejected, Verified};
        for (own, recorded, status) in [
            (Verified, "", "verified"),
            (Rejected, "pending", "rejected"),
            (Pending, "verified", "verified"),
            (Verified, "rejected", "rejected"),
            (Verified, "resubmission_requested", "verified"),
        ] {
            let recorded_status = StatusWord::parse(recorded);
            let profile = Profile { verification_status: own, recorded_status, ..Profile::default() };
            assert_eq!(profile.flow_step(None, &[]), FlowStep::Outcome);
            assert_eq!(profile.flow_outcome(), Some(FlowOutcome { status, submitted: None }), "{own:?} {recorded}");
        }
    }

    #[test]
    fn stored_consent_and_draft_read_back_and_malformed_ones_count_as_nothing() {
        let consent = Consent {
            id: RecordId::default(),
            version: "2026-11".to_owned(),
            language: "es".to_owned(),
            accepted: NOW,
        };
        let draft = Draft { name: "Ann".to_owned(), ..Draft::default() };
        let profile = Profile { consent: Some(consent), details_draft: Some(draft), ..Profile::default() };
        let mut fields = to_fields(&profile).unwrap();
        let read: Profile = fields.clone().into_object().unwrap();
        assert_eq!((read.consent, read.details_draft), (profile.consent, profile.details_draft));
        for malformed in
            [json!(null), json!([]), json!({"version": "1"}), json!({"version": 1, "language": "", "accepted": "x"})]
        {
            fields.insert("consent".to_owned(), malformed.clone());
            let read: Profile = fields.clone().into_object().unwrap();
            assert_eq!(read.consent, None, "{malformed}");
        }
    }

    #[test]
    fn versions_and_languages_are_plain() {
        assert!(is_version("2026-11") && is_version("v1.2_a") && is_version(&"a".repeat(64)));
        for text in ["", "a b", "a\n", "ä", "a,b", &"a".repeat(65)] {
            assert!(!is_version(text), "{text}");
        }
        for text in ["es", "pt-BR", "zh-Hant-TW", "de-1996", "es-419"] {
            assert!(is_language(text), "{text}");
        }
        for text in ["", "-", "e s", "419", "es_ES", "es-", "español", "abcdefghi", &"ab-".repeat(12)] {
            assert!(!is_language(text), "{text}");
        }
    }
}

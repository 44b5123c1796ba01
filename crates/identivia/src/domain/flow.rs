//! A person's way through their verification: what they have agreed to and done, and the step that comes next.

use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

use super::liveness::{Session, is_live};
use super::profile::{FileField, Profile, is_decided};
use super::verification::required_files;
use crate::records::time::Millis;

/// The longest version of a text that is agreed to, in bytes, and the longest language tag (RFC 5646 §4.4.1).
pub const VERSION_BYTES: usize = 64;
pub const LANGUAGE_BYTES: usize = 35;

/// How long ago a face may have been shown to count as done, in seconds: no token of a link lives longer.
pub const FACE_LOOKS_BACK: i64 = 86_400;

/// The status words that ask a person for another try.
const ANOTHER_TRY: [&str; 2] = ["unverified", "resubmission_requested"];

/// What a person has agreed to: the version of the text, the language in which they read it, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Consent {
    pub version: String,
    pub language: String,
    /// RFC 3339.
    #[serde(serialize_with = "rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub accepted: Millis,
}

/// The same as it is kept.
#[derive(Serialize, Deserialize)]
struct KeptConsent {
    version: String,
    language: String,
    /// Milliseconds since 1970.
    accepted: i64,
}

impl Consent {
    /// As it is kept.
    #[must_use]
    pub fn to_json(&self) -> String {
        let kept =
            KeptConsent { version: self.version.clone(), language: self.language.clone(), accepted: self.accepted.0 };
        serde_json::to_string(&kept).unwrap_or_default()
    }

    /// As it was kept; `None` where nothing was, or another program has written there.
    #[must_use]
    pub fn of_json(text: &str) -> Option<Self> {
        let KeptConsent { version, language, accepted } = serde_json::from_str(text).ok()?;
        Some(Self { version, language, accepted: Millis(accepted) })
    }
}

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

/// What a person has typed of their document so far, kept so that another device resumes: a claim. Empty text means
/// unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Draft {
    pub name: String,
    pub document_number: String,
    pub country: String,
    pub address: String,
    pub gender: String,
    /// `YYYY-MM-DD`.
    pub date_of_birth: String,
}

impl Draft {
    /// As it is kept; empty when nothing is known.
    #[must_use]
    pub fn to_json(&self) -> String {
        if *self == Self::default() { String::new() } else { serde_json::to_string(self).unwrap_or_default() }
    }

    /// As it was kept; `None` where nothing was, or another program has written there.
    #[must_use]
    pub fn of_json(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
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

/// A profile as its person's way goes through it.
#[derive(Clone, Debug)]
pub struct Journey {
    pub profile: Profile,
    pub language: String,
    pub consent: Option<Consent>,
    pub draft: Option<Draft>,
    /// Where the browser goes when all is done; empty for nowhere.
    pub redirect_url: String,
    /// When the newest verification record was made.
    pub submitted: Option<Millis>,
    /// When the newest status record was made.
    pub status_recorded: Option<Millis>,
}

/// What has come of a verification, as its person may know it.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
// A check has an `Outcome` too, and the description knows each name once.
#[schema(as = FlowOutcome)]
pub struct Outcome {
    /// `pending`, `verified` or `rejected`.
    #[schema(pattern = "^(pending|verified|rejected)$")]
    pub status: &'static str,
    /// When it was sent (RFC 3339); `null` for a profile that was decided without.
    #[serde(serialize_with = "rfc3339_or_null")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub submitted: Option<Millis>,
}

impl Journey {
    /// The first step that is not done.
    #[must_use]
    pub fn step(&self, face: Option<&Session>) -> FlowStep {
        if self.is_over() {
            FlowStep::Outcome
        } else if self.consent.is_none() {
            FlowStep::Consent
        } else if !self.has_document() {
            FlowStep::Document
        } else if face.is_none() {
            FlowStep::Face
        } else {
            FlowStep::Details
        }
    }

    /// What has come of it, once it is over.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        let statuses = [&self.profile.recorded_status, &self.profile.verification_status];
        let decided = statuses.into_iter().find(|word| is_decided(word));
        let status = match decided.map(String::as_str) {
            Some("verified") => "verified",
            Some(_) => "rejected",
            None => "pending",
        };
        self.is_over().then_some(Outcome { status, submitted: self.submitted })
    }

    /// Says whether the person has done their part: a record stands that nobody has asked to do again since, or the
    /// profile is decided.
    fn is_over(&self) -> bool {
        self.profile.is_decided() || (self.submitted.is_some() && !self.is_asked_again())
    }

    fn is_asked_again(&self) -> bool {
        ANOTHER_TRY.contains(&self.profile.recorded_status.as_str()) && self.submitted <= self.status_recorded
    }

    /// Says whether the document's type is known and every side of it that a record needs is there.
    fn has_document(&self) -> bool {
        let profile = &self.profile;
        let sides = required_files(&profile.document_type).iter().filter(|field| **field != FileField::FacialPhoto);
        !profile.document_type.is_empty() && sides.into_iter().all(|side| !profile.files.get(*side).is_empty())
    }
}

/// The session that shows a live face and has served no record, of a profile's sessions, newest first.
#[must_use]
pub fn face(sessions: &[Session], threshold: f64) -> Option<&Session> {
    sessions.iter().find(|session| !session.used && is_live(session.status, session.confidence, threshold))
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
    use super::super::liveness::SessionStatus;
    use super::super::profile::ProfileFiles;
    use super::*;
    use crate::records::id::RecordId;

    const NOW: Millis = Millis(1_774_051_200_000);

    fn begun() -> Journey {
        Journey {
            profile: Profile {
                id: RecordId::random(),
                team: String::new(),
                verification_status: "unverified".to_owned(),
                recorded_status: String::new(),
                document_type: String::new(),
                document_number: String::new(),
                document_name: String::new(),
                country: String::new(),
                files: ProfileFiles::default(),
                updated: NOW,
            },
            language: String::new(),
            consent: None,
            draft: None,
            redirect_url: String::new(),
            submitted: None,
            status_recorded: None,
        }
    }

    /// With consent and a document of that type.
    fn with_document(document_type: &str, front: &str, back: &str) -> Journey {
        let mut journey = begun();
        journey.consent = Some(Consent { version: "1".to_owned(), language: "en".to_owned(), accepted: NOW });
        journey.profile.document_type = document_type.to_owned();
        journey.profile.files.document_front = front.to_owned();
        journey.profile.files.document_back = back.to_owned();
        journey
    }

    fn session(status: SessionStatus, confidence: f64, used: bool) -> Session {
        Session { status, confidence: Some(confidence), used, ..Session::new(String::new(), None, NOW) }
    }

    #[test]
    fn the_step_is_the_first_that_is_not_done() {
        let live = session(SessionStatus::Succeeded, 90.0, false);
        let after_a_face = |journey: Journey| journey.step(Some(&live));
        assert_eq!(after_a_face(begun()), FlowStep::Consent);
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
        assert_eq!(with_document("passport", "f", "").step(None), FlowStep::Face);
    }

    #[test]
    fn only_a_live_face_that_has_served_no_record_counts() {
        let sessions = [
            session(SessionStatus::Succeeded, 90.0, true),
            session(SessionStatus::Failed, 90.0, false),
            session(SessionStatus::Succeeded, 74.9, false),
            session(SessionStatus::InProgress, 90.0, false),
        ];
        assert!(face(&sessions, 75.0).is_none());
        assert_eq!(face(&sessions, 74.0).unwrap().confidence, Some(74.9));
    }

    #[test]
    fn a_record_ends_the_way_until_another_is_asked_for() {
        let sent = |recorded_status: &str, asked: Option<i64>| {
            let mut journey = with_document("passport", "f", "");
            journey.submitted = Some(NOW);
            journey.profile.recorded_status = recorded_status.to_owned();
            journey.status_recorded = asked.map(|seconds| NOW.plus_seconds(seconds));
            journey
        };
        for word in ["", "pending", "in_review"] {
            let journey = sent(word, Some(1));
            assert_eq!(journey.step(None), FlowStep::Outcome, "{word}");
            assert_eq!(journey.outcome(), Some(Outcome { status: "pending", submitted: Some(NOW) }), "{word}");
        }
        for word in ["unverified", "resubmission_requested"] {
            let journey = sent(word, Some(1));
            assert_eq!((journey.step(None), journey.outcome()), (FlowStep::Face, None), "{word}");
            assert_eq!(sent(word, Some(-1)).step(None), FlowStep::Outcome, "{word}: a record has been made since");
        }
    }

    #[test]
    fn a_decision_by_either_status_ends_the_way() {
        for (own, recorded, status) in [
            ("verified", "", "verified"),
            ("rejected", "pending", "rejected"),
            ("pending", "verified", "verified"),
            ("verified", "rejected", "rejected"),
            ("verified", "resubmission_requested", "verified"),
        ] {
            let mut journey = begun();
            (journey.profile.verification_status, journey.profile.recorded_status) =
                (own.to_owned(), recorded.to_owned());
            assert_eq!(journey.step(None), FlowStep::Outcome);
            assert_eq!(journey.outcome(), Some(Outcome { status, submitted: None }), "{own} {recorded}");
        }
    }

    #[test]
    fn what_is_kept_comes_back_and_what_is_not_ours_counts_as_nothing() {
        let consent = Consent { version: "2026-11".to_owned(), language: "es".to_owned(), accepted: NOW };
        assert_eq!(Consent::of_json(&consent.to_json()), Some(consent));
        let draft = Draft { name: "Ann".to_owned(), ..Draft::default() };
        assert_eq!(Draft::of_json(&draft.to_json()), Some(draft));
        assert_eq!(Draft::default().to_json(), "");
        for text in ["", "null", "[]", "{\"version\":\"1\"}", "{\"version\":1,\"language\":\"\",\"accepted\":\"x\"}"] {
            assert_eq!(Consent::of_json(text), None, "{text}");
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

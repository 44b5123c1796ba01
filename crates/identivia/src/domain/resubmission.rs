//! Resubmission: another try that is asked for, of named steps, with reasons that the person may read.

use serde::Serialize;
use utoipa::ToSchema;

use super::profile::FileField;
use super::reason::{PersonTexts, ReasonCode, find_reason};
use crate::records::profile::Profile;
use crate::records::status_record::StatusRecord;
use crate::records::status_word::StatusWord;
use crate::records::verification_record::VerificationRecord;
use crate::records::word_schema::describe_words;

/// The status word that asks for another try.
pub const RESUBMISSION_WORD: &str = "resubmission_requested";

/// A step that a person is asked to do again. The face check is repeated in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResubmissionStep {
    DocumentFront,
    DocumentBack,
    Face,
    Details,
}

impl ResubmissionStep {
    /// Every step.
    pub const ALL: [Self; 4] = [Self::DocumentFront, Self::DocumentBack, Self::Face, Self::Details];

    /// Its word in the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::DocumentFront => "document_front",
            Self::DocumentBack => "document_back",
            Self::Face => "face",
            Self::Details => "details",
        }
    }

    /// The step of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.word() == word)
    }

    /// The step that brings a file; `None` for files that no step brings.
    #[must_use]
    pub const fn of_file(field: FileField) -> Option<Self> {
        match field {
            FileField::DocumentFront => Some(Self::DocumentFront),
            FileField::DocumentBack => Some(Self::DocumentBack),
            FileField::FacialPhoto => Some(Self::Face),
            FileField::FacialVideo => None,
        }
    }
}

describe_words!(
    ResubmissionStep,
    "ResubmissionStep",
    "A step that a person is asked to do again. The face check is repeated in any case.",
    ResubmissionStep::ALL.map(ResubmissionStep::word)
);

/// Says whether a status word asks for another try of named steps.
#[must_use]
pub fn is_resubmission(word: &StatusWord) -> bool {
    *word == RESUBMISSION_WORD
}

impl StatusRecord {
    /// Says whether a file has to be sent again. The face is shown again whenever steps are named.
    #[must_use]
    pub fn asks_for_file(&self, field: FileField) -> bool {
        let is_named = |step: ResubmissionStep| self.steps.iter().any(|named| named == step.word());
        match ResubmissionStep::of_file(field) {
            Some(ResubmissionStep::Face) => !self.steps.is_empty(),
            Some(step) => is_named(step),
            None => false,
        }
    }
}

impl Profile {
    /// Says whether the person is asked for another try now, which the newest status record describes.
    #[must_use]
    pub fn is_resubmission_open(&self) -> bool {
        self.recorded_status.as_ref().is_some_and(is_resubmission) && !self.is_flow_over()
    }
}

/// A file of an earlier record that the person need not send again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptFile {
    pub field: FileField,
    /// Its stored name.
    pub name: String,
    pub editor: Option<String>,
}

/// The files of an earlier record that a request for another try leaves as they are.
#[must_use]
pub fn list_kept_files(request: &StatusRecord, earlier: &VerificationRecord) -> Vec<KeptFile> {
    let files = [
        (FileField::DocumentFront, &earlier.document_front, &earlier.document_front_editor),
        (FileField::DocumentBack, &earlier.document_back, &earlier.document_back_editor),
        (FileField::FacialPhoto, &earlier.facial_photo, &None),
    ];
    let is_kept = |field, name: &str| !name.is_empty() && !request.steps.is_empty() && !request.asks_for_file(field);
    let kept = files.into_iter().filter(|(field, name, _)| is_kept(*field, name));
    kept.map(|(field, name, editor)| KeptFile { field, name: name.clone(), editor: editor.clone() }).collect()
}

/// What the person is asked for, as their page shows it.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = FlowResubmission)]
pub struct Resubmission {
    pub reasons: Vec<PersonReason>,
    /// In the words of who asks; empty when there are none.
    pub message: String,
    /// Only these; none means all.
    #[schema(value_type = Vec<ResubmissionStep>)]
    pub steps: Vec<String>,
}

/// A reason as the person reads it.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = FlowReason)]
pub struct PersonReason {
    /// `null` for a private reason.
    #[schema(value_type = Option<ReasonCode>, required = true)]
    pub code: Option<&'static str>,
    /// In the profile's language, or in English.
    pub text: &'static str,
    pub texts: PersonTexts,
}

impl Resubmission {
    /// What a status record asks of the person. Private reasons give one neutral text, once.
    #[must_use]
    pub fn from_request(request: &StatusRecord, language: &str) -> Self {
        let mut reasons: Vec<PersonReason> = Vec::new();
        for reason in request.reasons.iter().filter_map(|code| find_reason(code)) {
            if reasons.iter().all(|other| other.texts != reason.person) {
                reasons.push(PersonReason {
                    code: Some(reason.code).filter(|_| !reason.private),
                    text: reason.person.in_language(language),
                    texts: reason.person,
                });
            }
        }
        Self { reasons, message: request.message.clone().unwrap_or_default(), steps: request.steps.clone() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::records::id::RecordId;

    fn request(reasons: &[&str], steps: &[&str]) -> StatusRecord {
        let id = RecordId::random();
        serde_json::from_value(json!({"id": id, "profile": id, "previous_status": "pending",
            "new_status": "resubmission_requested", "created": "2026-03-21 00:00:00.000Z", "reasons": reasons,
            "steps": steps}))
        .unwrap()
    }

    #[test]
    fn private_reasons_give_one_neutral_text_and_no_code() {
        let request = request(&["glare_on_photo", "screening_hit", "duplicate_person", "no_such_code"], &[]);
        let shown = Resubmission::from_request(&request, "de");
        let codes: Vec<_> = shown.reasons.iter().map(|reason| reason.code).collect();
        assert_eq!(codes, [Some("glare_on_photo"), None]);
        assert_eq!(shown.reasons[0].text, "Das Foto spiegelt.");
        let text = serde_json::to_string(&shown).unwrap();
        assert!(!text.contains("screening") && !text.contains("duplicate"), "{text}");
    }

    #[test]
    fn named_steps_and_the_face_are_asked_for_and_the_rest_is_kept() {
        let id = RecordId::random();
        let earlier: VerificationRecord = serde_json::from_value(json!({"id": id, "profile": id,
            "document_front": "f.png", "document_back": "b.png", "facial_photo": "p.png",
            "created": "2026-03-21 00:00:00.000Z", "updated": "2026-03-21 00:00:00.000Z"}))
        .unwrap();
        let kept = |steps: &[&str]| -> Vec<FileField> {
            list_kept_files(&request(&[], steps), &earlier).into_iter().map(|kept| kept.field).collect()
        };
        assert_eq!(kept(&["document_back"]), [FileField::DocumentFront]);
        assert_eq!(kept(&["face"]), [FileField::DocumentFront, FileField::DocumentBack]);
        assert_eq!(kept(&[]), [], "without steps everything is as the profile says");
        assert!(request(&[], &["details"]).asks_for_file(FileField::FacialPhoto));
    }
}

//! Compares the fields of an operator's own collections with what this program keeps in them: what fits, and what to change.

use serde_json::Value;

use super::{FieldForm, FieldShape, companion_of};
use crate::domain::media::{MAX_IMAGE_BYTES, MAX_VIDEO_BYTES};
use crate::domain::{LINE, PARAGRAPH};
use crate::records::{FieldType, RecordKind};
use crate::store::StoreError;
use crate::store::pocketbase::field_mapping::fields_in_pocketbase;
use crate::store::pocketbase::shape::{CollectionShape, InstanceShape};

/// The most characters of a text, and bytes of a file, in fields whose limit is not set.
const DEFAULT_CHARACTERS: u64 = 5_000;
const DEFAULT_FILE_BYTES: u64 = 5 * 1024 * 1024;
/// The most characters of a document, such as visitor data or a liveness result, with room for escapes.
pub(in super::super) const DOCUMENT_CHARACTERS: usize = 100_000;

/// Fields without which nothing works: what cannot hold them stops the start.
const ESSENTIAL: [(RecordKind, &str); 8] = [
    (RecordKind::Profiles, "userID"),
    (RecordKind::StatusHistory, "profile"),
    (RecordKind::StatusHistory, "new_status"),
    (RecordKind::VerificationHistory, "profile"),
    (RecordKind::Settings, "key"),
    (RecordKind::Settings, "value"),
    (RecordKind::LivenessSessions, "session_id"),
    (RecordKind::LivenessSessions, "expires"),
];
/// Fields that every record has a value in, so that PocketBase may require one.
const ALWAYS_FILLED: [&str; 17] = [
    "id",
    "userID",
    "status",
    "language",
    "profile",
    "previous_status",
    "new_status",
    "notes",
    "key",
    "value",
    "created",
    "updated",
    "liveness_session_id",
    "liveness_status",
    "document_type",
    "facial_photo",
    "document_front",
];
const STATUSES: &[&str] = &["unverified", "pending", "verified", "rejected"];
const RECORDED_STATUSES: &[&str] = &["unverified", "pending", "verified", "rejected", "resubmission_requested"];
const DOCUMENTS: &[&str] = &["passport", "national_id", "driving_license", "residence_permit"];

/// How much a finding hinders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing has to change.
    Note,
    /// Some values are refused, or a guarantee is weaker.
    Limit,
    /// The values of a field cannot be stored.
    Fault,
    /// The server cannot start.
    Stop,
}

/// One thing that the operator should know or change: collection, field, its type and the remedy in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    pub severity: Severity,
    pub text: String,
}

impl Misfit {
    pub(in super::super) fn new(severity: Severity, text: impl Into<String>) -> Self {
        Self { severity, text: text.into() }
    }
}

/// As whom the server signs in, or will.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Signer<'a> {
    Superuser,
    /// A record of `users`, with that collection's id.
    UserOf(&'a str),
}

/// Says of every field of a collection what does not fit. Missing fields are no findings: `init` adds them.
pub(in super::super) fn find_misfits(kind: RecordKind, collection: &Value, signer: Signer<'_>) -> Vec<Misfit> {
    let shape = CollectionShape::from_description(collection);
    let described = collection["fields"].as_array().map_or(&[][..], Vec::as_slice);
    let mut findings = Vec::new();
    for field in fields_in_pocketbase(kind).filter(|field| field.in_pocketbase != "id") {
        let name = field.in_pocketbase;
        let Some(description) = described.iter().find(|described| described["name"] == name) else { continue };
        let place = FieldPlace { kind, name, holds: field.holds, shape: shape.field(name), description };
        findings.extend(place.find_type_misfit(signer));
        findings.extend(place.find_requirement());
        findings.extend(place.find_small_limit());
    }
    findings
}

/// A field of an existing collection, beside what this program keeps in it.
struct FieldPlace<'a> {
    kind: RecordKind,
    name: &'static str,
    holds: FieldType,
    shape: &'a FieldShape,
    description: &'a Value,
}

impl FieldPlace<'_> {
    fn finding(&self, severity: Severity, problem: &str, remedy: &str) -> Misfit {
        let form = self.shape.form.name();
        let several = if self.shape.is_multiple { " with several values" } else { "" };
        Misfit::new(severity, format!("{}.{} ({form}{several}) {problem}; {remedy}", self.kind.name(), self.name))
    }

    /// The finding for a type that holds none of the values.
    fn fault(&self, problem: &str) -> Misfit {
        let is_essential = ESSENTIAL.contains(&(self.kind, self.name));
        let severity = if is_essential { Severity::Stop } else { Severity::Fault };
        let wanted = FieldForm::of_new_field(self.holds).name();
        self.finding(
            severity,
            problem,
            &format!("make it a field of type {wanted} (PocketBase changes no types: rename it, then run init)"),
        )
    }

    fn find_type_misfit(&self, signer: Signer<'_>) -> Option<Misfit> {
        use FieldForm::{
            Autodate, Bool, Date, Editor, Email, File, Json, Number, Other, Relation, Select, Text, Unlearned, Url,
        };
        use FieldType as Holds;
        match (self.holds, self.shape.form) {
            (_, Other | Unlearned) => Some(self.fault("cannot hold the values of this field")),
            (Holds::Picture | Holds::Video | Holds::Evidence, File) => None,
            (Holds::Picture | Holds::Video | Holds::Evidence, _) => Some(self.fault("holds no files")),
            (_, File) => Some(self.fault("holds files only")),
            (Holds::Time, Autodate) if companion_of(self.kind, self.name).is_some() => None,
            (_, Autodate) => Some(self.fault("is set by PocketBase itself")),
            (Holds::ProfileLink, Relation | Text | Editor | Json) => None,
            (Holds::ProfileLink, _) => Some(self.fault("holds no ids")),
            (Holds::Time, Date | Text | Editor | Json) => None,
            (Holds::Time, _) => Some(self.fault("holds no times")),
            (Holds::Number | Holds::Count, Json | Number | Text | Editor) => None,
            (Holds::Number | Holds::Count, _) => Some(self.fault("holds no numbers")),
            (Holds::Flag, Bool | Json | Number | Text | Editor) => None,
            (Holds::Flag, _) => Some(self.fault("does not hold true and false")),
            (_, Text | Editor | Json) => None,
            (Holds::Json | Holds::Document | Holds::SentDocument, _) => Some(self.fault("holds no JSON")),
            (_, Date) if self.name == "date_of_birth" => None,
            (_, Number) => Some(self.fault("holds numbers only")),
            (_, Bool | Date) => Some(self.fault("holds no texts")),
            (_, Email) if self.name == "email" => None,
            (_, Url) if self.name == "redirect_url" => None,
            (_, Email | Url) => {
                let problem = format!("takes nothing else than values of type {}", self.shape.form.name());
                Some(self.finding(Severity::Limit, &problem, "other values are refused; use a field of type text"))
            }
            (_, Select) => self.find_missing_words(),
            (_, Relation) => self.find_relation_misfit(signer),
        }
    }

    /// Words that a select lacks. Where the words are not a closed list, its options limit what can be sent.
    fn find_missing_words(&self) -> Option<Misfit> {
        let Some(words) = known_words(self.kind, self.name) else {
            let options = self.shape.words.join(", ");
            let problem = format!("takes its options only ({options})");
            return Some(self.finding(Severity::Limit, &problem, "other values are refused; add them as options"));
        };
        let missing: Vec<&str> =
            words.iter().copied().filter(|word| !self.shape.words.iter().any(|own| own == word)).collect();
        if missing.is_empty() {
            return None;
        }
        let remedy = format!("add {} to its options", missing.join(", "));
        Some(self.finding(Severity::Fault, "lacks options that this program writes", &remedy))
    }

    fn find_relation_misfit(&self, signer: Signer<'_>) -> Option<Misfit> {
        match (self.kind, self.name) {
            (RecordKind::StatusHistory, "updated_by") => self.find_author_misfit(signer),
            (RecordKind::Profiles, "team") => Some(self.finding(
                if self.shape.is_required { Severity::Fault } else { Severity::Note },
                "holds ids of records only",
                "give your clients such an id as their team; another team's name is kept in client_team, and the relation stays empty",
            )),
            (_, "verification" | "closed_by" | "decided_verification" | "used_by") => None,
            _ => Some(self.finding(
                Severity::Limit,
                "holds ids of records only",
                "other values are refused; use a field of type text",
            )),
        }
    }

    /// Whether the signed-in user's record can be the author of a status record.
    fn find_author_misfit(&self, signer: Signer<'_>) -> Option<Misfit> {
        match (signer, self.shape.is_required) {
            (Signer::UserOf(users), _) if self.shape.target == users => None,
            (_, true) => Some(self.finding(
                Severity::Stop,
                "is required, and a superuser is no record that it could hold",
                "sign in as a record of its collection (PB_USER_EMAIL), or untick Nonempty in its options",
            )),
            (_, false) => Some(self.finding(
                Severity::Note,
                "stays empty, because a superuser is no record that it could hold",
                "the client's name is kept in updated_by_client",
            )),
        }
    }

    /// A field that PocketBase requires and that this program may leave empty.
    fn find_requirement(&self) -> Option<Misfit> {
        // The author is always known, and `find_author_misfit` judges the relation.
        let is_filled = ALWAYS_FILLED.contains(&self.name) || self.name == "updated_by";
        if !self.shape.is_required || is_filled {
            return None;
        }
        Some(self.finding(
            Severity::Fault,
            "is required, and records may come without it",
            "untick Nonempty in its options",
        ))
    }

    /// A limit of the field that is smaller than what this program keeps there.
    fn find_small_limit(&self) -> Option<Misfit> {
        let set = |option: &str, default: u64| match self.description[option].as_u64() {
            Some(0) | None => default,
            Some(most) => most,
        };
        let (most, needed, unit, option) = match (self.holds, self.shape.form) {
            (FieldType::Line, FieldForm::Text) => (set("max", DEFAULT_CHARACTERS), LINE as u64, "characters", "Max"),
            (FieldType::Paragraph, FieldForm::Text) => {
                (set("max", DEFAULT_CHARACTERS), PARAGRAPH as u64, "characters", "Max")
            }
            (FieldType::Document | FieldType::SentDocument | FieldType::Json, FieldForm::Text) => {
                (set("max", DEFAULT_CHARACTERS), DOCUMENT_CHARACTERS as u64, "characters", "Max")
            }
            (FieldType::Video, _) => (set("maxSize", DEFAULT_FILE_BYTES), MAX_VIDEO_BYTES, "bytes", "Max size"),
            (FieldType::Picture | FieldType::Evidence, _) => {
                (set("maxSize", DEFAULT_FILE_BYTES), MAX_IMAGE_BYTES, "bytes", "Max size")
            }
            _ => return None,
        };
        let problem = format!("takes at most {most} {unit}");
        (most < needed).then(|| self.finding(Severity::Limit, &problem, &format!("set {option} to {needed}")))
    }
}

/// The words that this program writes to a field; `None` where callers choose them.
fn known_words(kind: RecordKind, name: &str) -> Option<&'static [&'static str]> {
    Some(match (kind, name) {
        (RecordKind::Profiles, "status") => STATUSES,
        (_, "recorded_status" | "new_status" | "previous_status") => RECORDED_STATUSES,
        (RecordKind::VerificationHistory, "status") => &["pending", "verified", "rejected"],
        (RecordKind::LivenessSessions, "status") => &["CREATED", "IN_PROGRESS", "SUCCEEDED", "FAILED", "EXPIRED"],
        (_, "document_type") => DOCUMENTS,
        (_, "gender") => &["male", "female", "unknown"],
        (_, "liveness_status" | "face_liveness_status") => &["live", "not_live"],
        (_, "liveness_confirmed_by") => &["provider", "machine_token"],
        (_, "checks_status") => &["pending", "done", "failed"],
        _ => return None,
    })
}

/// The error for fields that PocketBase's own rules refuse: collection and field, PocketBase's code, and the remedy.
pub(in super::super) fn field_refusal(
    shape: &InstanceShape,
    kind: RecordKind,
    faults: &[(String, String)],
) -> StoreError {
    let describe = |(name, code): &(String, String)| {
        let field = shape.of_kind(kind).field(name);
        let remedy = match (field.form, code.as_str()) {
            (FieldForm::Select, _) => "; add the value to the options of this select, or make it a field of type text",
            (_, "validation_missing_rel_records") if name == "team" => {
                "; it is a relation: send a record's id, or run identivia pocketbase init, which adds client_team"
            }
            (_, "validation_missing_rel_records") if name == "updated_by" => {
                "; it is a relation that cannot hold the signed-in user: lead it to users"
            }
            (_, "validation_missing_rel_records") => "; it is a relation: send a record's id",
            (_, "validation_required") => "; untick Nonempty in its options",
            (FieldForm::Email | FieldForm::Url, _) => "; make it a field of type text to take other values",
            _ => "",
        };
        format!("{}.{name}: {code}{remedy}", kind.name())
    };
    let faults: Vec<String> = faults.iter().map(describe).collect();
    StoreError::Refused(format!("PocketBase's own rules refuse it ({})", faults.join(", ")))
}

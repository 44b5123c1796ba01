//! PocketBase's records as records of this program, and the other way round, by the descriptions in `records`.
//!
//! A field that PocketBase does not have reads as unknown: an instance may be older than this program. What other programs
//! have stored is read leniently: a number in a text field as its JSON text, a malformed document as unknown.

use serde_json::{Map, Value, json};

use super::answers::unexpected_answer;
use crate::domain::media::is_stored_name;
use crate::domain::status::asks_for_another_try;
use crate::records::id::RecordId;
use crate::records::status_word::{StatusWord, VerificationStatus};
use crate::records::time::Millis;
use crate::records::{DataClass, Field, FieldFlag, FieldMap, FieldType, RecordKind};
use crate::store::search::record_tokens;
use crate::store::{Result, StoreError};

/// Where PocketBase puts a profile's histories when it is read with them.
pub(super) const STATUSES: &str = "status_history_via_profile";
pub(super) const VERIFICATIONS: &str = "verification_history_via_profile";
/// PocketBase returns no more of a profile's history records with it, and the oldest ones at that.
pub(super) const MAX_EXPANDED: usize = 1_000;
/// Times that every record of this program has. Where another program's record lacks one, it reads as 1970.
const REQUIRED_TIMES: [&str; 4] = ["created", "updated", "at", "expires"];
/// Fields that hold a calendar date. PocketBase's own date fields show a time behind the date.
const DATES: [&str; 1] = ["date_of_birth"];
/// The field of a profile that says with which record its link has closed.
const CLOSED_BY: &str = "closed_by";
/// How often a profile has been written, in PocketBase only: what serialises writes whose conditions depend on each other.
pub(super) const PROFILE_VERSION: &str = "version";
/// The words by which a profile is found, with a blank around each: `~ "% word %"` finds a whole word.
pub(super) const PROFILE_WORDS: &str = "search_tokens";
/// PocketBase's collection of status records also has the time of the last change, which is that of their creation.
pub(super) const STATUS_UPDATED: &str = "updated";

/// A field's text. Numbers and objects, which another program may have stored, as their JSON.
pub(super) fn text_of(record: &Value, field: &str) -> String {
    match &record[field] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The id of a record in PocketBase.
pub(super) fn id_of(record: &Value) -> Result<RecordId> {
    record["id"]
        .as_str()
        .and_then(RecordId::parse)
        .ok_or_else(|| StoreError::Failed("PocketBase has a record whose id is not of this program's form".to_owned()))
}

/// Says whether a value is unknown.
pub(super) fn is_unknown(value: &Value) -> bool {
    value.is_null() || value == ""
}

/// The fields of a kind that PocketBase has a place for.
pub(super) fn fields_in_pocketbase(kind: RecordKind) -> impl Iterator<Item = &'static Field> {
    kind.fields().iter().filter(|field| !field.in_pocketbase.is_empty())
}

/// Says whether a field holds a document that lists leave out: a page of them could be megabytes.
pub(super) fn is_large_document(field: &Field) -> bool {
    let is_template = field.holds == FieldType::Document && field.class == DataClass::Biometric;
    is_template || field.holds == FieldType::SentDocument
}

// From PocketBase

/// Reads a record of PocketBase. What a profile repeats of its histories is derived from those that came with it.
pub(super) fn from_pocketbase(kind: RecordKind, record: &Value) -> FieldMap {
    let read = |field: &Field| (field.name.to_owned(), from_pocketbase_value(kind, field, record));
    let mut fields: FieldMap = fields_in_pocketbase(kind).map(read).collect();
    if kind == RecordKind::Profiles {
        derive_from_histories(&mut fields, record);
    }
    fields
}

fn from_pocketbase_value(kind: RecordKind, field: &Field, record: &Value) -> Value {
    let stored = &record[field.in_pocketbase];
    match field.holds {
        FieldType::Json => stored.clone(),
        FieldType::Number => Some(stored).filter(|number| number.is_number()).cloned().unwrap_or_default(),
        FieldType::Flag => json!(stored.as_bool().unwrap_or_default()),
        FieldType::Time => match stored.as_str().and_then(Millis::parse) {
            Some(time) => json!(time),
            None if REQUIRED_TIMES.contains(&field.name) => json!(Millis(0)),
            None => Value::Null,
        },
        FieldType::Document => match stored {
            Value::String(text) => serde_json::from_str(text).unwrap_or_default(),
            other => other.clone(),
        },
        _ if DATES.contains(&field.name) => {
            json!(text_of(record, field.in_pocketbase).chars().take("YYYY-MM-DD".len()).collect::<String>())
        }
        _ => match (kind, field.name, text_of(record, field.in_pocketbase)) {
            (RecordKind::Profiles, "verification_status", text) if text.is_empty() => {
                json!(VerificationStatus::Unverified)
            }
            (_, _, text) => json!(text),
        },
    }
}

/// Removes the stored names of files that this program cannot have stored, such as another program's PDF.
pub(super) fn hide_foreign_files(kind: RecordKind, fields: &mut FieldMap) {
    for field in kind.fields().iter().filter(|field| field.holds.is_file()) {
        if let Some(name) = fields.get_mut(field.name).filter(|name| !name.as_str().is_some_and(is_stored_name)) {
            *name = json!("");
        }
    }
}

/// What a profile repeats of its newest history records. A status record that was added by hand counts.
fn derive_from_histories(fields: &mut FieldMap, profile: &Value) {
    let status = newest_record(profile, STATUSES);
    let verification = newest_record(profile, VERIFICATIONS);
    let text = |record: Option<&Value>, name: &str| {
        record.map(|record| text_of(record, name)).filter(|text| !text.is_empty()).map_or(Value::Null, Value::from)
    };
    if status.is_some() {
        fields.insert("recorded_status".to_owned(), json!(status.map(|status| text_of(status, "new_status"))));
    }
    let derived = [
        ("newest_status", text(status, "id")),
        ("status_recorded_at", time_of_creation(status)),
        ("newest_verification", text(verification, "id")),
        ("submitted_at", time_of_creation(verification)),
    ];
    fields.extend(derived.map(|(name, value)| (name.to_owned(), value)));
    derive_closing(fields, profile.get(CLOSED_BY).is_some());
}

/// Whether the link is closed, where PocketBase's own fields do not say so: an instance may lack the field, and a request for
/// another try may have been added by hand. A link without the field is better closed too long than open too long.
fn derive_closing(fields: &mut FieldMap, has_field: bool) {
    let time = |name: &str| fields.get(name).and_then(Value::as_str).and_then(Millis::parse);
    let (asked, submitted, reopened) = (time("status_recorded_at"), time("submitted_at"), time("reopened_at"));
    let word = fields.get("recorded_status").and_then(Value::as_str).map(|word| StatusWord::from(word.to_owned()));
    let is_asked_again = word.is_some_and(|word| asks_for_another_try(&word)) && submitted <= asked;
    if is_asked_again && reopened < asked {
        fields.insert("reopened_at".to_owned(), json!(asked));
        fields.insert(CLOSED_BY.to_owned(), Value::Null);
    } else if !has_field && submitted > reopened {
        let newest = fields.get("newest_verification").cloned().unwrap_or_default();
        fields.insert(CLOSED_BY.to_owned(), newest);
    }
}

fn time_of_creation(record: Option<&Value>) -> Value {
    let created = record.map(|record| record["created"].as_str().and_then(Millis::parse).unwrap_or(Millis(0)));
    created.map_or(Value::Null, |created| json!(created))
}

/// The history records that came with a profile, oldest first.
fn expanded_records<'a>(profile: &'a Value, history: &str) -> &'a [Value] {
    profile["expand"][history].as_array().map_or(&[], Vec::as_slice)
}

/// The newest record of a history that came with a profile. Of those made in the same millisecond the last one: they come
/// in the order in which they were made.
pub(super) fn newest_record<'a>(profile: &'a Value, history: &str) -> Option<&'a Value> {
    expanded_records(profile, history).iter().max_by_key(|record| record["created"].as_str().unwrap_or_default())
}

/// Says whether a profile came with so many history records that newer ones may have been left out.
pub(super) fn has_truncated_histories(profile: &Value) -> bool {
    [STATUSES, VERIFICATIONS].iter().any(|history| expanded_records(profile, history).len() >= MAX_EXPANDED)
}

// To PocketBase

/// The fields of a new record. Unknown ones are left out, and so are its files: they are sent beside it.
pub(super) fn to_new_record(kind: RecordKind, fields: &FieldMap) -> Value {
    let mut record = to_pocketbase(kind, fields);
    record.retain(|_, value| !is_unknown(value));
    if kind == RecordKind::StatusHistory
        && let Some(created) = record.get("created").cloned()
    {
        record.insert(STATUS_UPDATED.to_owned(), created);
    }
    Value::Object(record)
}

/// The words of a profile as PocketBase keeps them.
pub(super) fn to_profile_words(fields: &FieldMap) -> Value {
    let words = record_tokens(RecordKind::Profiles, fields);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    json!(if words.is_empty() { String::new() } else { format!(" {} ", words.join(" ")) })
}

/// The fields that an update sets. A file is removed when its name becomes unknown; new files are sent beside the update.
pub(super) fn to_changed_fields(kind: RecordKind, fields: &FieldMap) -> Value {
    Value::Object(to_pocketbase(kind, fields))
}

fn to_pocketbase(kind: RecordKind, fields: &FieldMap) -> Map<String, Value> {
    let mut record = Map::new();
    for field in fields_in_pocketbase(kind) {
        let Some(value) = fields.get(field.name) else { continue };
        if !field.holds.is_file() || is_unknown(value) {
            record.insert(field.in_pocketbase.to_owned(), to_pocketbase_value(field, value));
        }
    }
    record
}

fn to_pocketbase_value(field: &Field, value: &Value) -> Value {
    match (field.holds, value) {
        // PocketBase reads a text in a JSON field as JSON, so the value is sent as its JSON text: then even a text of
        // digits stays a text.
        (FieldType::Json, value) => json!(value.to_string()),
        (FieldType::Flag, value) => json!(value.as_bool().unwrap_or_default()),
        (FieldType::Number, value) if is_unknown(value) => Value::Null,
        (FieldType::Number, value) => value.clone(),
        (_, Value::Null) => json!(""),
        (FieldType::Document, value) if !is_unknown(value) => json!(value.to_string()),
        (_, Value::String(text)) => json!(text),
        (_, other) => json!(other.to_string()),
    }
}

/// Refuses an update of fields that PocketBase has no place for: it would drop them silently, but what a person has agreed
/// to and what a provider forgets must be stored.
///
/// Updates of a profile's consent, draft or handoff are refused unless both documents have a place: they make one flow.
pub(super) fn check_that_fields_exist(kind: RecordKind, record: &Value, changed: &FieldMap) -> Result<()> {
    let must_exist = |field: &Field| {
        field.holds == FieldType::Document || field.has_flag(FieldFlag::NotCopied) || field.holds.is_file()
    };
    let is_changed = |field: &&Field| must_exist(field) && changed.contains_key(field.name);
    let is_of_flow = |field: &&Field| !field.holds.is_file();
    let mut needed: Vec<&Field> = fields_in_pocketbase(kind).filter(is_changed).collect();
    if kind == RecordKind::Profiles && needed.iter().any(is_of_flow) {
        needed.extend(fields_in_pocketbase(kind).filter(|field| field.holds == FieldType::Document));
    }
    match needed.iter().find(|field| record.get(field.in_pocketbase).is_none()) {
        None => Ok(()),
        Some(field) => Err(StoreError::Unavailable(format!(
            "PocketBase's {} lacks the field {}; run: identivia pocketbase init",
            kind.name(),
            field.in_pocketbase
        ))),
    }
}

/// Logs which fields of a record PocketBase has dropped because it lacks them. The start reports a missing version.
pub(super) fn report_dropped_fields(kind: RecordKind, sent: &Value, stored: &Value) {
    let names = sent.as_object().into_iter().flat_map(Map::keys);
    let is_dropped = |name: &&String| {
        stored.get(name.as_str()).is_none() && ![PROFILE_VERSION, PROFILE_WORDS].contains(&name.as_str())
    };
    let dropped: Vec<&str> = names.filter(is_dropped).map(String::as_str).collect();
    if !dropped.is_empty() {
        let (collection, fields) = (kind.name(), dropped.join(", "));
        tracing::error!(collection, fields, "PocketBase's collection lacks fields; run: identivia pocketbase init");
    }
}

// What is read

/// The fields that a list reads of a kind, as PocketBase's `fields` names them.
pub(super) fn listed_fields(kind: RecordKind) -> Vec<&'static str> {
    let listed = fields_in_pocketbase(kind).filter(|field| !is_large_document(field)).map(|field| field.in_pocketbase);
    let id = fields_in_pocketbase(kind).all(|field| field.in_pocketbase != "id").then_some("id");
    listed.chain(id).collect()
}

/// How much of a profile and of its newest verification record is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ProfileParts {
    /// Also its large documents.
    pub(super) whole: bool,
    /// The verification records that come with it, and not only their ids.
    pub(super) with_verifications: bool,
}

/// The fields that are read of a profile and its histories.
pub(super) fn profile_fields(parts: ProfileParts) -> String {
    let listed = || owned_names([listed_fields(RecordKind::Profiles), vec![PROFILE_VERSION]].concat());
    let mut fields = if parts.whole { vec!["*".to_owned()] } else { listed() };
    let of_history = |history: &str, names: &[&str]| -> Vec<String> {
        names.iter().map(|name| format!("expand.{history}.{name}")).collect()
    };
    fields.extend(of_history(STATUSES, &["id", "new_status", "created"]));
    if parts.with_verifications {
        fields.extend(of_history(VERIFICATIONS, &listed_fields(RecordKind::VerificationHistory)));
    } else {
        fields.extend(of_history(VERIFICATIONS, &["id", "created"]));
    }
    fields.join(",")
}

fn owned_names(names: Vec<&str>) -> Vec<String> {
    names.into_iter().map(str::to_owned).collect()
}

/// Checks that PocketBase answered with the record that was asked for.
pub(super) fn check_identity(record: Value, id: RecordId) -> Result<Value> {
    if record["id"] == id.as_str() { Ok(record) } else { Err(unexpected_answer()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(json: Value) -> FieldMap {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn foreign_files_are_hidden() {
        let record = json!({"id": RecordId::random(), "document_front": "scan_0f72x8h4bh.pdf",
            "document_back": ["a_1.png"], "facial_photo": "photo_0f72x8h4bh.PNG"});
        let mut read = from_pocketbase(RecordKind::Profiles, &record);
        assert_eq!(read["document_front"], "scan_0f72x8h4bh.pdf");
        hide_foreign_files(RecordKind::Profiles, &mut read);
        assert_eq!((&read["document_front"], &read["document_back"]), (&json!(""), &json!("")));
        assert_eq!(read["facial_photo"], "photo_0f72x8h4bh.PNG");
    }

    #[test]
    fn other_programs_values_are_read_leniently() {
        let record = json!({"status": "", "name": 7, "consent": "no JSON", "details_draft": {"name": "n"},
            "created": "", "handoff_ends": "", "liveness_confidence": "x"});
        let read = from_pocketbase(RecordKind::Profiles, &record);
        assert_eq!((&read["verification_status"], &read["name"]), (&json!("unverified"), &json!("7")));
        assert_eq!((&read["consent"], &read["details_draft"]), (&Value::Null, &json!({"name": "n"})));
        assert_eq!((&read["created"], &read["handoff_ends"]), (&json!(Millis(0)), &Value::Null));
        assert_eq!((&read["liveness_confidence"], &read["country"]), (&Value::Null, &json!("")));
        let birth = json!({"date_of_birth": "1990-05-06 00:00:00.000Z"});
        assert_eq!(from_pocketbase(RecordKind::VerificationHistory, &birth)["date_of_birth"], "1990-05-06");
    }

    #[test]
    fn derived_fields_come_from_the_newest_history_records() {
        let statuses = json!([
            {"id": "a", "new_status": "pending", "created": "2026-03-21 00:00:00.000Z"},
            {"id": "b", "new_status": "verified", "created": "2026-03-22 00:00:00.000Z"},
            {"id": "c", "new_status": "rejected", "created": "2026-03-22 00:00:00.000Z"},
        ]);
        let profile = json!({"recorded_status": "pending", "expand": {STATUSES: statuses}});
        let read = from_pocketbase(RecordKind::Profiles, &profile);
        assert_eq!((&read["recorded_status"], &read["newest_status"]), (&json!("rejected"), &json!("c")));
        assert_eq!((&read["submitted_at"], &read["newest_verification"]), (&Value::Null, &Value::Null));
        let listed = from_pocketbase(RecordKind::Profiles, &json!({"recorded_status": "pending"}));
        assert_eq!(listed["recorded_status"], "pending");
    }

    #[test]
    fn documents_and_settings_are_sent_as_text() {
        let consent = fields(json!({"consent": {"version": "1"}, "handoff_code": null, "document_front": "a_1.png",
            "document_back": null, "newest_status": "abc", "recorded_status": "pending"}));
        let sent = to_changed_fields(RecordKind::Profiles, &consent);
        let expected = json!({"consent": "{\"version\":\"1\"}", "handoff_code": "", "document_back": "",
            "recorded_status": "pending"});
        assert_eq!(sent, expected);
        let setting = fields(json!({"key": "k", "value": "12", "public": false, "updated": Millis(0)}));
        assert_eq!(to_new_record(RecordKind::Settings, &setting)["value"], "\"12\"");
    }

    #[test]
    fn a_session_is_stored_under_the_id_of_its_files() {
        let id = RecordId::random();
        let session = fields(json!({"id": "provider's", "files_id": id, "reference_image": null}));
        assert_eq!(
            to_new_record(RecordKind::LivenessSessions, &session),
            json!({"id": id, "session_id": "provider's"})
        );
        let read = from_pocketbase(RecordKind::LivenessSessions, &json!({"id": id, "session_id": "provider's"}));
        assert_eq!((&read["id"], &read["files_id"]), (&json!("provider's"), &json!(id)));
    }

    #[test]
    fn every_record_goes_to_pocketbase_and_back() {
        for kind in RecordKind::COPIED {
            let sample = |field: &Field| match field.holds {
                FieldType::Number => json!(1.5),
                FieldType::Flag => json!(true),
                FieldType::Time => json!(Millis(1_774_051_200_123)),
                FieldType::Document | FieldType::Json => json!({"a": [1, "b"]}),
                _ => json!("2026-03-21"),
            };
            let is_sent = |field: &&Field| !field.holds.is_file() && !field.has_flag(FieldFlag::Derived);
            let record: FieldMap = fields_in_pocketbase(kind)
                .filter(is_sent)
                .map(|field| (field.name.to_owned(), sample(field)))
                .collect();
            let mut sent = to_new_record(kind, &record);
            if kind == RecordKind::Settings {
                // PocketBase reads the text in its JSON field.
                sent["value"] = serde_json::from_str(sent["value"].as_str().unwrap()).unwrap();
            }
            let read = from_pocketbase(kind, &sent);
            for (name, value) in &record {
                assert_eq!(read.get(name), Some(value), "{}.{name}", kind.name());
            }
        }
    }

    #[test]
    fn a_flow_needs_places_for_its_documents() {
        let changed = fields(json!({"handoff_code": "c"}));
        let check = |record: Value| check_that_fields_exist(RecordKind::Profiles, &record, &changed);
        check(json!({"consent": "", "details_draft": "", "handoff_code": ""})).unwrap();
        assert!(matches!(check(json!({"details_draft": "", "handoff_code": ""})), Err(StoreError::Unavailable(_))));
        assert!(matches!(check(json!({"consent": "", "details_draft": ""})), Err(StoreError::Unavailable(_))));
        check_that_fields_exist(RecordKind::Profiles, &json!({}), &fields(json!({"country": "UT"}))).unwrap();
    }
}

//! A profile's histories as PocketBase returns them with it, and what the profile repeats of their newest records.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::field_mapping::{PROFILE_VERSION, listed_fields, read_fields, text_of};
use super::shape::InstanceShape;
use super::shape::values::is_unknown;
use crate::domain::status::asks_for_another_try;
use crate::records::status_word::StatusWord;
use crate::records::time::Millis;
use crate::records::{FieldMap, RecordKind};

/// Where PocketBase puts a profile's histories when it is read with them.
pub(super) const STATUSES: &str = "status_history_via_profile";
pub(super) const VERIFICATIONS: &str = "verification_history_via_profile";
/// PocketBase returns no more of a profile's history records with it, and the oldest ones at that.
pub(super) const MAX_EXPANDED: usize = 1_000;
/// The field of a profile that says with which record its link has closed.
const CLOSED_BY: &str = "closed_by";

/// The records that a commit names, as they were just before it: by kind and key.
pub(super) type RecordsBefore = HashMap<(RecordKind, String), Value>;

/// Reads a record of PocketBase. What a profile repeats of its histories is derived from those that came with it.
pub(super) fn from_pocketbase(shape: &InstanceShape, kind: RecordKind, record: &Value) -> FieldMap {
    let mut fields = read_fields(shape, kind, record);
    if kind == RecordKind::Profiles {
        derive_from_histories(shape, &mut fields, record);
    }
    fields
}

/// What a profile repeats of its newest history records. A status record that was added by hand counts.
fn derive_from_histories(shape: &InstanceShape, fields: &mut FieldMap, profile: &Value) {
    let newest = |history: &str, kind: RecordKind| {
        newest_record(profile, history).map(|record| read_fields(shape, kind, record)).unwrap_or_default()
    };
    let status = newest(STATUSES, RecordKind::StatusHistory);
    let verification = newest(VERIFICATIONS, RecordKind::VerificationHistory);
    let value = |record: &FieldMap, name: &str| record.get(name).filter(|value| !is_unknown(value)).cloned();
    if let Some(word) = status.get("new_status") {
        fields.insert("recorded_status".to_owned(), word.clone());
    }
    let derived = [
        ("newest_status", value(&status, "id")),
        ("status_recorded_at", value(&status, "created")),
        ("newest_verification", value(&verification, "id")),
        ("submitted_at", value(&verification, "created")),
    ];
    fields.extend(derived.map(|(name, value)| (name.to_owned(), value.unwrap_or_default())));
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

/// The history records that came with a profile, oldest first.
fn expanded_records<'a>(profile: &'a Value, history: &str) -> &'a [Value] {
    profile["expand"][history].as_array().map_or(&[], Vec::as_slice)
}

/// The newest record of a history that came with a profile, by the time at which PocketBase got it. Of those of the same
/// millisecond the last one: they come in the order in which they were made.
pub(super) fn newest_record<'a>(profile: &'a Value, history: &str) -> Option<&'a Value> {
    expanded_records(profile, history).iter().max_by_key(|record| time_of_order(record))
}

/// Says whether a profile came with so many history records that newer ones may have been left out.
pub(super) fn has_truncated_histories(profile: &Value) -> bool {
    [STATUSES, VERIFICATIONS].iter().any(|history| expanded_records(profile, history).len() >= MAX_EXPANDED)
}

/// The time by which history records are in order: their own, or the one that PocketBase noted when one was added by hand.
fn time_of_order(record: &Value) -> Option<Millis> {
    ["created", "added"].iter().find_map(|name| Millis::parse(&text_of(record, name)))
}

// What is read of a profile

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
    fields.extend(of_history(STATUSES, &["id", "new_status", "api_created", "created", "added"]));
    if parts.with_verifications {
        fields.extend(of_history(VERIFICATIONS, &listed_fields(RecordKind::VerificationHistory)));
    } else {
        fields.extend(of_history(VERIFICATIONS, &["id", "api_created", "created", "added"]));
    }
    fields.join(",")
}

fn owned_names(names: Vec<&str>) -> Vec<String> {
    names.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::id::RecordId;
    use crate::records::{Field, FieldFlag, FieldType};
    use crate::store::StoreError;
    use crate::store::pocketbase::field_mapping::{
        check_that_fields_exist, fields_in_pocketbase, hide_foreign_files, to_changed_fields, to_new_record,
    };

    fn shape() -> InstanceShape {
        InstanceShape::default()
    }

    fn fields(json: Value) -> FieldMap {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn foreign_files_are_hidden() {
        let record = json!({"id": RecordId::random(), "document_front": "scan_0f72x8h4bh.pdf",
            "document_back": {"a": 1}, "facial_photo": "photo_0f72x8h4bh.PNG"});
        let mut read = from_pocketbase(&shape(), RecordKind::Profiles, &record);
        assert_eq!(read["document_front"], "scan_0f72x8h4bh.pdf");
        hide_foreign_files(RecordKind::Profiles, &mut read);
        assert_eq!((&read["document_front"], &read["document_back"]), (&json!(""), &json!("")));
        assert_eq!(read["facial_photo"], "photo_0f72x8h4bh.PNG");
    }

    #[test]
    fn other_programs_values_are_read_leniently() {
        let record = json!({"status": "", "name": 7, "consent": "no JSON", "details_draft": {"name": "n"},
            "created": "", "handoff_ends": "", "liveness_confidence": "x"});
        let read = from_pocketbase(&shape(), RecordKind::Profiles, &record);
        assert_eq!((&read["verification_status"], &read["name"]), (&json!("unverified"), &json!("7")));
        assert_eq!((&read["consent"], &read["details_draft"]), (&Value::Null, &json!({"name": "n"})));
        assert_eq!((&read["created"], &read["handoff_ends"]), (&json!(Millis(0)), &Value::Null));
        assert_eq!((&read["liveness_confidence"], &read["country"]), (&Value::Null, &json!("")));
        let birth = json!({"date_of_birth": "1990-05-06 00:00:00.000Z"});
        assert_eq!(from_pocketbase(&shape(), RecordKind::VerificationHistory, &birth)["date_of_birth"], "1990-05-06");
    }

    #[test]
    fn derived_fields_come_from_the_newest_history_records() {
        let statuses = json!([
            {"id": "a", "new_status": "pending", "created": "2026-03-21 00:00:00.000Z"},
            {"id": "b", "new_status": "verified", "created": "2026-03-22 00:00:00.000Z"},
            {"id": "c", "new_status": "rejected", "created": "2026-03-22 00:00:00.000Z"},
        ]);
        let profile = json!({"recorded_status": "pending", "expand": {STATUSES: statuses}});
        let read = from_pocketbase(&shape(), RecordKind::Profiles, &profile);
        assert_eq!((&read["recorded_status"], &read["newest_status"]), (&json!("rejected"), &json!("c")));
        assert_eq!((&read["submitted_at"], &read["newest_verification"]), (&Value::Null, &Value::Null));
        let listed = from_pocketbase(&shape(), RecordKind::Profiles, &json!({"recorded_status": "pending"}));
        assert_eq!(listed["recorded_status"], "pending");
    }

    #[test]
    fn documents_and_settings_are_sent_as_text() {
        let consent = fields(json!({"consent": {"version": "1"}, "handoff_code": null, "document_front": "a_1.png",
            "document_back": null, "newest_status": "abc", "recorded_status": "pending"}));
        let sent = to_changed_fields(&shape(), RecordKind::Profiles, &consent).unwrap();
        let expected = json!({"consent": "{\"version\":\"1\"}", "handoff_code": "", "document_back": "",
            "recorded_status": "pending"});
        assert_eq!(sent, expected);
        let setting = fields(json!({"key": "k", "value": "12", "public": false, "updated": Millis(0)}));
        assert_eq!(to_new_record(&shape(), RecordKind::Settings, &setting).unwrap()["value"], "\"12\"");
    }

    #[test]
    fn a_session_is_stored_under_the_id_of_its_files() {
        let id = RecordId::random();
        let session = fields(json!({"id": "provider's", "files_id": id, "reference_image": null}));
        assert_eq!(
            to_new_record(&shape(), RecordKind::LivenessSessions, &session).unwrap(),
            json!({"id": id, "session_id": "provider's"})
        );
        let read =
            from_pocketbase(&shape(), RecordKind::LivenessSessions, &json!({"id": id, "session_id": "provider's"}));
        assert_eq!((&read["id"], &read["files_id"]), (&json!("provider's"), &json!(id)));
    }

    #[test]
    fn every_record_goes_to_pocketbase_and_back() {
        for kind in RecordKind::COPIED {
            let sample = |field: &Field| match field.holds {
                FieldType::Number => json!(1.5),
                FieldType::Count => json!(7),
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
            let mut sent = to_new_record(&shape(), kind, &record).unwrap();
            if kind == RecordKind::Settings {
                // PocketBase reads the text in its JSON field.
                sent["value"] = serde_json::from_str(sent["value"].as_str().unwrap()).unwrap();
            }
            let read = from_pocketbase(&shape(), kind, &sent);
            for (name, value) in record.iter() {
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

//! PocketBase's records as records of this program, and the other way round, by the descriptions in `records`.
//!
//! A field that PocketBase does not have reads as unknown: an instance may be older than this program. What other programs
//! have stored is read leniently: a number in a text field as its JSON text, a malformed document as unknown.

use serde_json::{Map, Value, json};

use super::answers::unexpected_answer;
use super::shape::values::{is_unknown, value_text};
use super::shape::{CollectionShape, FieldForm, InstanceShape, companion_of, possible_holders};
use crate::domain::branding::{BRANDING_KEY, FINGERPRINT_PUBLIC_KEY};
use crate::domain::media::is_stored_name;
use crate::domain::setting::split_key;
use crate::records::id::RecordId;
use crate::records::status_word::VerificationStatus;
use crate::records::time::Millis;
use crate::records::{DataClass, Field, FieldFlag, FieldMap, FieldType, RecordKind};
use crate::store::search::record_tokens;
use crate::store::{Result, StoreError};

/// Times that every record of this program has. Where another program's record lacks one, it reads as 1970.
const REQUIRED_TIMES: [&str; 4] = ["created", "updated", "at", "expires"];
/// What reads as an empty text while it is unknown.
const TEXT_TYPES: [FieldType; 7] = [
    FieldType::Line,
    FieldType::Paragraph,
    FieldType::SentDocument,
    FieldType::ProfileLink,
    FieldType::Picture,
    FieldType::Video,
    FieldType::Evidence,
];
/// How often a profile has been written, in PocketBase only: what serialises writes whose conditions depend on each other.
pub(super) const PROFILE_VERSION: &str = "version";
/// The words by which a profile is found, with a blank around each: `~ "% word %"` finds a whole word.
pub(super) const PROFILE_WORDS: &str = "search_tokens";
/// PocketBase's collection of status records also has the time of the last change, which is that of their creation.
pub(super) const STATUS_UPDATED: &str = "updated";

/// A field's text. Numbers and objects, which another program may have stored, as their JSON.
pub(super) fn text_of(record: &Value, field: &str) -> String {
    value_text(&record[field])
}

/// The id of a record in PocketBase.
pub(super) fn id_of(record: &Value) -> Result<RecordId> {
    record["id"]
        .as_str()
        .and_then(RecordId::parse)
        .ok_or_else(|| StoreError::Failed("PocketBase has a record whose id is not of this program's form".to_owned()))
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

/// Reads the fields of a record of PocketBase, each by its shape.
pub(super) fn read_fields(shape: &InstanceShape, kind: RecordKind, record: &Value) -> FieldMap {
    let shape = shape.of_kind(kind);
    let read = |field: &Field| (field.name.to_owned(), read_field(shape, kind, field, record));
    fields_in_pocketbase(kind).map(read).collect()
}

fn read_field(shape: &CollectionShape, kind: RecordKind, field: &Field, record: &Value) -> Value {
    let holders = possible_holders(kind, field).into_iter();
    let mut values = holders.map(|name| shape.field(name).read_stored_value(field, &record[name]));
    match values.find(|value| !is_unknown(value)) {
        Some(Value::Bool(false)) if is_unmarked_page_setting(kind, record) => json!(true),
        Some(value) => value,
        None if REQUIRED_TIMES.contains(&field.name) => json!(Millis(0)),
        None if kind == RecordKind::Profiles && field.name == "verification_status" => {
            json!(VerificationStatus::Unverified)
        }
        None if field.holds == FieldType::Json => record[field.in_pocketbase].clone(),
        None if TEXT_TYPES.contains(&field.holds) => json!(""),
        None => Value::Null,
    }
}

/// Says whether a setting is one of those that every visitor of the person's page gets, in a collection where none can be
/// marked as public.
fn is_unmarked_page_setting(kind: RecordKind, record: &Value) -> bool {
    let is_of_page = |key: &str| [BRANDING_KEY, FINGERPRINT_PUBLIC_KEY].contains(&split_key(key).1);
    kind == RecordKind::Settings && record.get("public").is_none() && is_of_page(&text_of(record, "key"))
}

/// Removes the stored names of files that this program cannot have stored, such as another program's PDF.
pub(super) fn hide_foreign_files(kind: RecordKind, fields: &mut FieldMap) {
    for field in kind.fields().iter().filter(|field| field.holds.is_file()) {
        if let Some(name) = fields.get_mut(field.name).filter(|name| !name.as_str().is_some_and(is_stored_name)) {
            *name = json!("");
        }
    }
}

// To PocketBase

/// The fields of a new record. Unknown ones are left out, and so are its files: they are sent beside it.
pub(super) fn to_new_record(shape: &InstanceShape, kind: RecordKind, fields: &FieldMap) -> Result<Value> {
    let mut record = to_pocketbase(shape, kind, fields)?;
    record.retain(|_, value| !is_unknown(value));
    if kind == RecordKind::StatusHistory
        && shape.of_kind(kind).field(STATUS_UPDATED).form != FieldForm::Autodate
        && let Some(created) = fields.get("created")
    {
        record.insert(STATUS_UPDATED.to_owned(), created.clone());
    }
    Ok(Value::Object(record))
}

/// The words of a profile as PocketBase keeps them.
pub(super) fn to_profile_words(fields: &FieldMap) -> Value {
    let words = record_tokens(RecordKind::Profiles, fields);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    json!(if words.is_empty() { String::new() } else { format!(" {} ", words.join(" ")) })
}

/// The fields that an update sets. A file is removed when its name becomes unknown; new files are sent beside the update.
pub(super) fn to_changed_fields(shape: &InstanceShape, kind: RecordKind, fields: &FieldMap) -> Result<Value> {
    to_pocketbase(shape, kind, fields).map(Value::Object)
}

fn to_pocketbase(shape: &InstanceShape, kind: RecordKind, fields: &FieldMap) -> Result<Map<String, Value>> {
    let mut record = Map::new();
    for field in fields_in_pocketbase(kind) {
        let Some(value) = fields.get(field.name) else { continue };
        if field.holds.is_file() && !is_unknown(value) {
            continue;
        }
        let split = split_value(shape, kind, field, value);
        let own = shape.of_kind(kind).field(field.in_pocketbase).to_stored_value(field, &split.own);
        let own = own.map_err(|_| unfit_value(shape, kind, field))?;
        record.extend(own.map(|own| (field.in_pocketbase.to_owned(), own)));
        record.extend(split.companion.map(|(name, value)| (name.to_owned(), value)));
    }
    Ok(record)
}

/// A value between a field and its companion.
struct SplitValue {
    own: Value,
    companion: Option<(&'static str, Value)>,
}

/// Gives a relation the record that it can hold, and the companion what the field itself cannot hold.
fn split_value(shape: &InstanceShape, kind: RecordKind, field: &Field, value: &Value) -> SplitValue {
    let whole = || SplitValue { own: value.clone(), companion: None };
    let Some(companion) = companion_of(kind, field.name) else { return whole() };
    let collection = shape.of_kind(kind);
    let form = collection.field(field.in_pocketbase).form;
    let has_companion = collection.has_field(companion);
    match (field.name, form) {
        ("updated_by", FieldForm::Relation) => {
            SplitValue { own: json!(shape.user), companion: has_companion.then(|| (companion, value.clone())) }
        }
        // Another word than a record's id cannot be in a relation. Without a companion PocketBase's refusal says so.
        ("team", FieldForm::Relation)
            if has_companion && value.as_str().is_some_and(|team| RecordId::parse(team).is_none()) =>
        {
            SplitValue { own: Value::Null, companion: Some((companion, value.clone())) }
        }
        (_, FieldForm::Autodate | FieldForm::Unlearned) if has_companion && field.holds == FieldType::Time => {
            SplitValue { own: value.clone(), companion: Some((companion, value.clone())) }
        }
        _ => whole(),
    }
}

/// The error for a value that a field's type cannot hold. It does not quote the value.
fn unfit_value(shape: &InstanceShape, kind: RecordKind, field: &Field) -> StoreError {
    let name = field.in_pocketbase;
    let form = shape.of_kind(kind).field(name).form.name();
    let wanted = FieldForm::of_new_field(field.holds).name();
    StoreError::Refused(format!(
        "PocketBase's field {}.{name} is of type {form} and cannot hold this value; make it a field of type {wanted}",
        kind.name()
    ))
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
    let listed = fields_in_pocketbase(kind).filter(|field| !is_large_document(field));
    let listed = listed.flat_map(|field| possible_holders(kind, field));
    let id = fields_in_pocketbase(kind).all(|field| field.in_pocketbase != "id").then_some("id");
    listed.chain(id).collect()
}

/// Checks that PocketBase answered with the record that was asked for.
pub(super) fn check_identity(record: Value, id: RecordId) -> Result<Value> {
    if record["id"] == id.as_str() { Ok(record) } else { Err(unexpected_answer()) }
}

//! The PocketBase collections that this program needs: their fields, sizes and indexes, and what an existing collection
//! lacks of them. The fields follow from the descriptions in `records`.

use serde_json::{Value, json};

use super::field_mapping::{PROFILE_VERSION, PROFILE_WORDS, STATUS_UPDATED, fields_in_pocketbase};
use crate::domain::media::{MAX_IMAGE_BYTES, MAX_VIDEO_BYTES};
use crate::domain::{LINE, PARAGRAPH};
use crate::records::{FieldType, RecordKind};

/// The most characters of a document, such as visitor data or a liveness result, with room for escapes.
const DOCUMENT_CHARACTERS: usize = 100_000;
const IMAGE_TYPES: [&str; 3] = ["image/jpeg", "image/png", "image/webp"];
/// What PocketBase detects in the videos that this program takes.
const VIDEO_TYPES: [&str; 5] =
    ["video/webm", "video/mp4", "video/quicktime", "video/x-m4v", "application/octet-stream"];

/// PocketBase's own form of ids, and the only one that this program takes.
const ID_LENGTH: u64 = 15;
const ID_PATTERN: &str = "^[a-z0-9]+$";

/// The kinds of record that have a collection, profiles first: the histories refer to them.
pub(super) const KINDS: [RecordKind; 7] = [
    RecordKind::Profiles,
    RecordKind::VerificationHistory,
    RecordKind::StatusHistory,
    RecordKind::Settings,
    RecordKind::LivenessSessions,
    RecordKind::LivenessFrames,
    RecordKind::AuditEvents,
];

/// An index of a collection.
struct CollectionIndex {
    name: &'static str,
    unique: bool,
    columns: &'static [&'static str],
    /// It covers the records of which this condition holds.
    condition: Option<IndexCondition>,
}

/// Which records an index covers.
#[derive(Clone, Copy)]
enum IndexCondition {
    /// Those that have a value in that field.
    Known(&'static str),
    /// Those with that value in that field.
    Equal(&'static str, &'static str),
}

impl CollectionIndex {
    const fn of_columns(name: &'static str, columns: &'static [&'static str]) -> Self {
        Self { name, unique: false, columns, condition: None }
    }

    const fn unique(self) -> Self {
        Self { unique: true, ..self }
    }

    const fn covering(self, condition: IndexCondition) -> Self {
        Self { condition: Some(condition), ..self }
    }

    /// What follows the name of the collection in its SQL text.
    fn definition(&self) -> String {
        let columns: Vec<String> = self.columns.iter().map(|column| format!("`{column}`")).collect();
        let columns = columns.join(", ");
        match self.condition {
            None => format!("({columns})"),
            Some(IndexCondition::Known(field)) => format!("({columns}) WHERE `{field}` != ''"),
            Some(IndexCondition::Equal(field, word)) => format!("({columns}) WHERE `{field}` = '{word}'"),
        }
    }

    fn to_sql(&self, collection: &str) -> String {
        let unique = if self.unique { "UNIQUE " } else { "" };
        format!("CREATE {unique}INDEX `{}` ON `{collection}` {}", self.name, self.definition())
    }
}

const PROFILE_INDEXES: &[CollectionIndex] = &[
    CollectionIndex::of_columns("identivia_profiles_team_user", &["team", "userID"]).unique(),
    CollectionIndex::of_columns("identivia_profiles_created", &["created", "id"]),
    CollectionIndex::of_columns("identivia_profiles_handoff", &["handoff_code"])
        .unique()
        .covering(IndexCondition::Known("handoff_code")),
];
const VERIFICATION_INDEXES: &[CollectionIndex] = &[
    CollectionIndex::of_columns("identivia_verifications_profile", &["profile", "created"]),
    CollectionIndex::of_columns("identivia_verifications_checks", &["checks_due"])
        .covering(IndexCondition::Equal("checks_status", "pending")),
    // A liveness session serves one record: the second to claim it is refused.
    CollectionIndex::of_columns("identivia_verifications_claim", &["session_claim"])
        .unique()
        .covering(IndexCondition::Known("session_claim")),
];
const STATUS_INDEXES: &[CollectionIndex] = &[
    CollectionIndex::of_columns("identivia_statuses_profile", &["profile", "created"]),
    // Of two steps that start from the same record one is stored.
    CollectionIndex::of_columns("identivia_statuses_follows", &["profile", "follows"])
        .unique()
        .covering(IndexCondition::Known("follows")),
];
const SETTING_INDEXES: &[CollectionIndex] = &[CollectionIndex::of_columns("identivia_settings_key", &["key"]).unique()];
const SESSION_INDEXES: &[CollectionIndex] = &[
    CollectionIndex::of_columns("identivia_sessions_profile", &["profile", "expires"]),
    CollectionIndex::of_columns("identivia_sessions_polls", &["poll_due"]).covering(IndexCondition::Known("poll_due")),
];
const FRAME_INDEXES: &[CollectionIndex] = &[
    CollectionIndex::of_columns("identivia_frames_key", &["imprint_key"]),
    CollectionIndex::of_columns("identivia_frames_session", &["session"]),
];
const EVENT_INDEXES: &[CollectionIndex] =
    &[CollectionIndex::of_columns("identivia_events_profile", &["profile", "at"])];

const fn indexes(kind: RecordKind) -> &'static [CollectionIndex] {
    match kind {
        RecordKind::Profiles => PROFILE_INDEXES,
        RecordKind::VerificationHistory => VERIFICATION_INDEXES,
        RecordKind::StatusHistory => STATUS_INDEXES,
        RecordKind::Settings => SETTING_INDEXES,
        RecordKind::LivenessSessions => SESSION_INDEXES,
        RecordKind::LivenessFrames => FRAME_INDEXES,
        RecordKind::AuditEvents => EVENT_INDEXES,
        RecordKind::FileIntents => &[],
    }
}

/// Says whether a unique index covers the known values of that field alone.
pub(super) fn is_unique_when_known(kind: RecordKind, field: &str) -> bool {
    let covers = |index: &CollectionIndex| {
        index.columns == [field] && matches!(index.condition, Some(IndexCondition::Known(known)) if known == field)
    };
    indexes(kind).iter().any(covers)
}

/// The fields of a collection without its id: PocketBase's names, and what each holds.
fn collection_fields(kind: RecordKind) -> Vec<(&'static str, FieldType)> {
    let fields = fields_in_pocketbase(kind).filter(|field| field.in_pocketbase != "id");
    let updated = (kind == RecordKind::StatusHistory).then_some((STATUS_UPDATED, FieldType::Time));
    let version = (kind == RecordKind::Profiles).then_some((PROFILE_VERSION, FieldType::Number));
    let words = (kind == RecordKind::Profiles).then_some((PROFILE_WORDS, FieldType::Document));
    fields.map(|field| (field.in_pocketbase, field.holds)).chain(updated).chain(version).chain(words).collect()
}

/// PocketBase's types for a field, this program's choice first: another that holds the same works as well.
const fn pocketbase_types(holds: FieldType) -> &'static [&'static str] {
    match holds {
        FieldType::Line | FieldType::Paragraph | FieldType::Document | FieldType::SentDocument => {
            &["text", "email", "select", "url", "editor", "json", "date", "relation"]
        }
        // PocketBase's own numbers cannot be unknown.
        FieldType::Json | FieldType::Number => &["json", "number"],
        FieldType::Flag => &["bool"],
        FieldType::Time => &["date", "autodate"],
        // Histories are read with their profile, which only a relation makes possible.
        FieldType::ProfileLink => &["relation"],
        FieldType::Picture | FieldType::Video | FieldType::Evidence => &["file"],
    }
}

/// A field as PocketBase's API describes it. `profiles` is the id of that collection.
fn field_description(name: &str, holds: FieldType, profiles: &str) -> Value {
    let mut field = json!({"name": name, "type": pocketbase_types(holds)[0]});
    let text = |most: usize| json!({"max": most});
    let file =
        |types: &[&str], size: u64| json!({"maxSelect": 1, "maxSize": size, "mimeTypes": types, "protected": true});
    let options = match holds {
        FieldType::Line => text(LINE),
        FieldType::Paragraph => text(PARAGRAPH),
        FieldType::Document | FieldType::SentDocument => text(DOCUMENT_CHARACTERS),
        FieldType::Json | FieldType::Number => json!({"maxSize": DOCUMENT_CHARACTERS}),
        FieldType::Flag | FieldType::Time => json!({}),
        FieldType::ProfileLink => {
            json!({"required": true, "collectionId": profiles, "maxSelect": 1, "cascadeDelete": false})
        }
        FieldType::Picture => file(&IMAGE_TYPES, MAX_IMAGE_BYTES),
        FieldType::Video => file(&VIDEO_TYPES, MAX_VIDEO_BYTES),
        FieldType::Evidence => file(&[], MAX_IMAGE_BYTES),
    };
    if let (Some(field), Value::Object(options)) = (field.as_object_mut(), options) {
        field.extend(options);
    }
    field
}

/// A whole collection as PocketBase's API describes it. `rule` says who may use its records; without one only superusers.
pub(super) fn collection_description(kind: RecordKind, profiles: &str, rule: Option<&str>) -> Value {
    let fields = collection_fields(kind).into_iter().map(|(name, holds)| field_description(name, holds, profiles));
    let indexes = indexes(kind).iter().map(|index| index.to_sql(kind.name()));
    json!({
        "name": kind.name(), "type": "base",
        "fields": fields.collect::<Vec<_>>(), "indexes": indexes.collect::<Vec<_>>(),
        "listRule": rule, "viewRule": rule, "createRule": rule, "updateRule": rule, "deleteRule": rule,
    })
}

/// What a collection lacks, and what hinders its use.
#[derive(Default)]
pub(super) struct CollectionGaps {
    /// Descriptions of the fields that are missing.
    pub(super) fields: Vec<Value>,
    /// The SQL texts of the indexes that are missing.
    pub(super) indexes: Vec<String>,
    pub(super) notes: Vec<String>,
}

impl CollectionGaps {
    /// The missing fields and indexes, in words.
    pub(super) fn describe(&self, kind: RecordKind) -> Vec<String> {
        let fields = self.fields.iter().filter_map(|field| field["name"].as_str());
        let fields = fields.map(|name| format!("the field {}.{name}", kind.name()));
        fields.chain(self.indexes.iter().map(|index| format!("an index ({index})"))).collect()
    }
}

/// Compares an existing collection with what this program needs.
pub(super) fn find_collection_gaps(kind: RecordKind, existing: &Value, profiles: &str) -> CollectionGaps {
    let mut gaps = CollectionGaps::default();
    let fields = existing["fields"].as_array().map_or(&[][..], Vec::as_slice);
    gaps.notes.extend(id_note(kind, fields));
    for (name, holds) in collection_fields(kind) {
        match fields.iter().find(|field| field["name"] == name) {
            Some(field) => gaps.notes.extend(field_notes(&format!("{}.{name}", kind.name()), holds, field)),
            None => gaps.fields.push(field_description(name, holds, profiles)),
        }
    }
    gaps.indexes = missing_indexes(kind, existing);
    for rule in ["listRule", "viewRule", "createRule", "updateRule", "deleteRule"] {
        if existing[rule] == "" {
            gaps.notes.push(format!("{}'s {rule} is empty: everybody may do that; lock it", kind.name()));
        }
    }
    gaps
}

fn id_note(kind: RecordKind, fields: &[Value]) -> Option<String> {
    let id = fields.iter().find(|field| field["name"] == "id")?;
    let is_foreign = id["min"] != ID_LENGTH || id["max"] != ID_LENGTH || id["pattern"] != ID_PATTERN;
    is_foreign.then(|| {
        format!("{}'s ids are not PocketBase's own 15 of a-z and 0-9: no record can be kept there", kind.name())
    })
}

fn field_notes(name: &str, holds: FieldType, field: &Value) -> Vec<String> {
    let mut notes = Vec::new();
    let of_type = field["type"].as_str().unwrap_or_default();
    if !pocketbase_types(holds).contains(&of_type) {
        notes.push(format!("{name} is of type {of_type}, which cannot hold this field's values"));
    }
    if field["maxSelect"].as_u64().is_some_and(|most| most > 1) {
        notes.push(format!("{name} takes several values; set it to one, or none is read"));
    }
    if of_type == "file" && field["protected"] != true {
        notes.push(format!(
            "{name} is not protected: anyone with a file's address can open it; set Protected in its options"
        ));
    }
    notes
}

fn missing_indexes(kind: RecordKind, existing: &Value) -> Vec<String> {
    let existing: Vec<String> =
        existing["indexes"].as_array().into_iter().flatten().filter_map(Value::as_str).map(normalize_sql).collect();
    let is_missing = |index: &&CollectionIndex| {
        let definition = normalize_sql(&index.definition());
        let is_same = |other: &String| other.ends_with(&definition) && (!index.unique || other.contains("unique"));
        !existing.iter().any(is_same)
    };
    indexes(kind).iter().filter(is_missing).map(|index| index.to_sql(kind.name())).collect()
}

/// An index's text without quotes, blanks and case: people write the same in many ways.
fn normalize_sql(index: &str) -> String {
    let letters = index.chars().filter(|letter| !letter.is_whitespace() && !"`\"[]".contains(*letter));
    letters.collect::<String>().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notes(kind: RecordKind, field: &Value) -> String {
        let mut existing = collection_description(kind, "p", None);
        let fields = existing["fields"].as_array_mut().unwrap();
        fields.retain(|other| other["name"] != field["name"]);
        fields.push(field.clone());
        find_collection_gaps(kind, &existing, "p").notes.join("\n")
    }

    #[test]
    fn unfit_fields_are_noted() {
        let id =
            |length: u64| json!({"name": "id", "type": "text", "min": length, "max": length, "pattern": ID_PATTERN});
        assert_eq!(notes(RecordKind::Profiles, &id(15)), "");
        assert!(notes(RecordKind::Profiles, &id(20)).contains("profiles's ids"));
        let several = json!({"name": "document_front", "type": "file", "maxSelect": 5, "protected": true});
        assert!(notes(RecordKind::Profiles, &several).contains("document_front takes several values"));
        let text = json!({"name": "profile", "type": "text"});
        assert!(notes(RecordKind::StatusHistory, &text).contains("is of type text"));
    }

    #[test]
    fn index_of_some_records_does_not_replace_one_of_all() {
        let mut existing = collection_description(RecordKind::Profiles, "p", None);
        let missing = |existing: &Value| find_collection_gaps(RecordKind::Profiles, existing, "p").indexes.len();
        existing["indexes"] = json!(["CREATE UNIQUE INDEX a ON profiles (team, userID) WHERE active = 1"]);
        assert_eq!(missing(&existing), 3);
        existing["indexes"] = json!(["create unique index a on `profiles` (\"team\", [userID])"]);
        assert_eq!(missing(&existing), 2);
    }

    #[test]
    fn every_copied_kind_has_a_collection_without_gaps() {
        for kind in RecordKind::COPIED {
            assert!(KINDS.contains(&kind));
            let gaps = find_collection_gaps(kind, &collection_description(kind, "p", None), "p");
            assert_eq!(gaps.describe(kind), [""; 0]);
        }
    }

    #[test]
    fn indexed_fields_exist() {
        for kind in KINDS {
            let fields = collection_fields(kind);
            for column in indexes(kind).iter().flat_map(|index| index.columns) {
                assert!(*column == "id" || fields.iter().any(|(name, _)| name == column), "{column}");
            }
        }
    }
}

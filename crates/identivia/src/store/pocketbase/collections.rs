//! The PocketBase collections that this program needs: their fields, sizes and indexes. The fields follow from the
//! descriptions in `records`.

use serde_json::{Value, json};

use super::field_mapping::{PROFILE_VERSION, PROFILE_WORDS, STATUS_UPDATED, fields_in_pocketbase};
use super::shape::fit::DOCUMENT_CHARACTERS;
use super::shape::{CollectionShape, FieldForm, companion_of, needs_companion, substitute_of};
use crate::domain::media::{MAX_IMAGE_BYTES, MAX_VIDEO_BYTES};
use crate::domain::{LINE, PARAGRAPH};
use crate::records::{FieldType, RecordKind};

const IMAGE_TYPES: [&str; 3] = ["image/jpeg", "image/png", "image/webp"];
/// What PocketBase detects in the videos that this program takes.
const VIDEO_TYPES: [&str; 5] =
    ["video/webm", "video/mp4", "video/quicktime", "video/x-m4v", "application/octet-stream"];

/// The longest encrypted answer: 256 KiB and its head, in base64.
const ANSWER_CHARACTERS: usize = 400_000;

/// PocketBase's own form of ids, and the only one that this program takes.
pub(super) const ID_LENGTH: u64 = 15;
pub(super) const ID_PATTERN: &str = "^[a-z0-9]+$";

/// The kinds of record that have a collection, profiles first: the histories refer to them.
pub(super) const KINDS: [RecordKind; 15] = [
    RecordKind::Profiles,
    RecordKind::VerificationHistory,
    RecordKind::StatusHistory,
    RecordKind::Settings,
    RecordKind::LivenessSessions,
    RecordKind::LivenessFrames,
    RecordKind::AuditEvents,
    RecordKind::OutboxEvents,
    RecordKind::IdempotencyKeys,
    RecordKind::Clients,
    RecordKind::RevokedTokens,
    RecordKind::WebhookEndpoints,
    RecordKind::Reviews,
    RecordKind::ReviewNotes,
    RecordKind::ReviewVersions,
];

/// An index of a collection.
#[derive(Clone, Copy)]
pub(super) struct CollectionIndex {
    name: &'static str,
    pub(super) unique: bool,
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
    pub(super) fn definition(&self) -> String {
        let columns: Vec<String> = self.columns.iter().map(|column| format!("`{column}`")).collect();
        let columns = columns.join(", ");
        match self.condition {
            None => format!("({columns})"),
            Some(IndexCondition::Known(field)) => format!("({columns}) WHERE `{field}` != ''"),
            Some(IndexCondition::Equal(field, word)) => format!("({columns}) WHERE `{field}` = '{word}'"),
        }
    }

    pub(super) fn to_sql(self, collection: &str) -> String {
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
const EVENT_INDEXES: &[CollectionIndex] = &[
    CollectionIndex::of_columns("identivia_events_profile", &["profile", "at"]),
    CollectionIndex::of_columns("identivia_events_at", &["at"]),
    CollectionIndex::of_columns("identivia_events_kind", &["kind", "at"]),
    CollectionIndex::of_columns("identivia_events_actor", &["actor", "at"]),
    CollectionIndex::of_columns("identivia_events_object", &["object_id", "at"]),
    CollectionIndex::of_columns("identivia_events_address", &["address", "at"]),
];
const KEY_INDEXES: &[CollectionIndex] = &[
    CollectionIndex::of_columns("identivia_keys_holder", &["holder", "expires"]),
    CollectionIndex::of_columns("identivia_keys_expires", &["expires"]),
];

const OUTBOX_INDEXES: &[CollectionIndex] = &[CollectionIndex::of_columns("identivia_outbox_created", &["created"])];
const REVOKED_TOKEN_INDEXES: &[CollectionIndex] = &[
    CollectionIndex::of_columns("identivia_revoked_tokens_client", &["client", "expires"]),
    CollectionIndex::of_columns("identivia_revoked_tokens_expires", &["expires"]),
];
const REVIEW_INDEXES: &[CollectionIndex] = &[
    CollectionIndex::of_columns("identivia_reviews_verification", &["verification"]).unique(),
    CollectionIndex::of_columns("identivia_reviews_profile", &["profile"]),
    CollectionIndex::of_columns("identivia_reviews_due", &["state", "due_at"]),
    CollectionIndex::of_columns("identivia_reviews_assignee", &["assignee", "state"]),
    CollectionIndex::of_columns("identivia_reviews_created", &["created"]),
    CollectionIndex::of_columns("identivia_reviews_updated", &["updated"]),
    CollectionIndex::of_columns("identivia_reviews_decisions", &["decide_due"])
        .covering(IndexCondition::Known("decide_due")),
];
const REVIEW_NOTE_INDEXES: &[CollectionIndex] =
    &[CollectionIndex::of_columns("identivia_review_notes_review", &["review", "at"])];

const fn indexes(kind: RecordKind) -> &'static [CollectionIndex] {
    match kind {
        RecordKind::Profiles => PROFILE_INDEXES,
        RecordKind::VerificationHistory => VERIFICATION_INDEXES,
        RecordKind::StatusHistory => STATUS_INDEXES,
        RecordKind::Settings => SETTING_INDEXES,
        RecordKind::LivenessSessions => SESSION_INDEXES,
        RecordKind::LivenessFrames => FRAME_INDEXES,
        RecordKind::AuditEvents => EVENT_INDEXES,
        RecordKind::OutboxEvents => OUTBOX_INDEXES,
        RecordKind::IdempotencyKeys => KEY_INDEXES,
        RecordKind::RevokedTokens => REVOKED_TOKEN_INDEXES,
        RecordKind::Reviews => REVIEW_INDEXES,
        RecordKind::ReviewNotes => REVIEW_NOTE_INDEXES,
        // Lists read all of the few clients and endpoints there may be. No list reads versions of reviews.
        RecordKind::Clients
        | RecordKind::WebhookEndpoints
        | RecordKind::FileIntents
        | RecordKind::WebhookDeliveries
        | RecordKind::WebhookAttempts
        | RecordKind::DeliveryProgress
        | RecordKind::AnalyticsProfiles
        | RecordKind::AnalyticsDays
        | RecordKind::AnalyticsProgress
        | RecordKind::ConsoleUsers
        | RecordKind::ConsoleSessions
        | RecordKind::ConsoleLinks
        | RecordKind::ConsoleChallenges
        | RecordKind::ConsoleCredentials
        | RecordKind::ConsoleIdentities
        | RecordKind::ConsoleSignIns
        | RecordKind::ReviewVersions
        | RecordKind::DocumentReadings => &[],
    }
}

/// The team and userID of profiles, where the team is a relation: names of teams are in its companion.
const TEAM_OF_RELATION: CollectionIndex =
    CollectionIndex::of_columns("identivia_profiles_client_team_user", &["client_team", "team", "userID"]).unique();

/// The indexes of a collection that is built like that.
pub(super) fn needed_indexes(kind: RecordKind, shape: &CollectionShape) -> Vec<CollectionIndex> {
    let is_relation = kind == RecordKind::Profiles && shape.field("team").form == FieldForm::Relation;
    let fitting = |index: &CollectionIndex| match index.columns {
        ["team", "userID"] if is_relation => TEAM_OF_RELATION,
        _ => *index,
    };
    indexes(kind).iter().map(fitting).collect()
}

/// Says whether a unique index covers the known values of that field alone.
pub(super) fn is_unique_when_known(kind: RecordKind, field: &str) -> bool {
    let covers = |index: &CollectionIndex| {
        index.columns == [field] && matches!(index.condition, Some(IndexCondition::Known(known)) if known == field)
    };
    indexes(kind).iter().any(covers)
}

/// The fields of a collection without its id: PocketBase's names, and what each holds. Those beside other fields follow
/// from how the collection is built.
pub(super) fn collection_fields(kind: RecordKind, shape: &CollectionShape) -> Vec<(&'static str, FieldType)> {
    let mut fields = Vec::new();
    for field in fields_in_pocketbase(kind).filter(|field| field.in_pocketbase != "id") {
        fields.push((field.in_pocketbase, field.holds));
        let form = match shape.field(field.in_pocketbase).form {
            FieldForm::Unlearned if is_set_by_pocketbase(kind, field.in_pocketbase) => FieldForm::Autodate,
            form => form,
        };
        let companion = companion_of(kind, field.name).filter(|_| needs_companion(field.holds, form));
        let substitute = substitute_of(kind, field.name).filter(|_| form != FieldForm::Autodate);
        fields.extend([companion, substitute].into_iter().flatten().map(|name| (name, field.holds)));
    }
    let updated = (kind == RecordKind::StatusHistory).then_some((STATUS_UPDATED, FieldType::Time));
    let version = (kind == RecordKind::Profiles).then_some((PROFILE_VERSION, FieldType::Number));
    let words = (kind == RecordKind::Profiles).then_some((PROFILE_WORDS, FieldType::Document));
    fields.into_iter().chain(updated).chain(version).chain(words).collect()
}

/// Says whether a new field is an autodate field: a record that is added in the admin page then has a time.
fn is_set_by_pocketbase(kind: RecordKind, name: &str) -> bool {
    let is_own = companion_of(kind, name).is_some() || (kind == RecordKind::StatusHistory && name == STATUS_UPDATED);
    (is_own && ["created", "updated"].contains(&name)) || substitute_of(kind, "created") == Some(name)
}

/// A field as PocketBase's API describes it. `profiles` is the id of that collection.
pub(super) fn field_description(kind: RecordKind, name: &str, holds: FieldType, profiles: &str) -> Value {
    if is_set_by_pocketbase(kind, name) {
        return json!({"name": name, "type": "autodate", "onCreate": true, "onUpdate": name == "updated"});
    }
    let mut field = json!({"name": name, "type": FieldForm::of_new_field(holds).name()});
    let text = |most: usize| json!({"max": most});
    let file =
        |types: &[&str], size: u64| json!({"maxSelect": 1, "maxSize": size, "mimeTypes": types, "protected": true});
    let options = match holds {
        // A key is kept with its team before it.
        FieldType::Line if kind == RecordKind::Settings && name == "key" => text(2 * LINE),
        FieldType::Line => text(LINE),
        FieldType::SentDocument if kind == RecordKind::IdempotencyKeys => text(ANSWER_CHARACTERS),
        FieldType::Paragraph => text(PARAGRAPH),
        FieldType::Document | FieldType::SentDocument => text(DOCUMENT_CHARACTERS),
        FieldType::Json | FieldType::Number | FieldType::Count => json!({"maxSize": DOCUMENT_CHARACTERS}),
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
    let fields = collection_fields(kind, &CollectionShape::default()).into_iter();
    let fields = fields.map(|(name, holds)| field_description(kind, name, holds, profiles));
    let indexes = indexes(kind).iter().map(|index| index.to_sql(kind.name()));
    json!({
        "name": kind.name(), "type": "base",
        "fields": fields.collect::<Vec<_>>(), "indexes": indexes.collect::<Vec<_>>(),
        "listRule": rule, "viewRule": rule, "createRule": rule, "updateRule": rule, "deleteRule": rule,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexed_fields_exist() {
        for kind in KINDS {
            let fields = collection_fields(kind, &CollectionShape::default());
            for column in indexes(kind).iter().flat_map(|index| index.columns) {
                assert!(*column == "id" || fields.iter().any(|(name, _)| name == column), "{column}");
            }
        }
    }
}

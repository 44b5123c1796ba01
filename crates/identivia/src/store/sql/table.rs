//! SQL tables: the columns of each record kind, and the parts of statements made of them. Both follow from the record's
//! description.

use std::sync::LazyLock;

use crate::records::{DataClass, Field, FieldFlag, FieldType, RecordKind};

/// The table of a record kind.
pub(super) struct Table {
    pub(super) kind: RecordKind,
    /// The fields with a column of their own, the key first.
    pub(super) columns: Vec<Column>,
    /// The parts that hold all other fields.
    pub(super) parts: Vec<Part>,
    /// `seq` and the key, of the table as `r`.
    pub(super) key_list: String,
    /// `seq`, the columns and the parts, of the table as `r`.
    pub(super) select_list: String,
    /// The same without `seq` and the biometric part, of the table as `v`.
    pub(super) joined_list: String,
    /// `insert into … (…) `: the columns and the parts.
    pub(super) insert_head: String,
    /// Inserts one row, unless a unique index forbids it.
    pub(super) insert_row: String,
}

/// A field with a column of its own.
pub(super) struct Column {
    pub(super) field: &'static Field,
    /// `"name":`.
    pub(super) json_key: String,
}

/// A column that holds several fields as one JSON object.
pub(super) struct Part {
    pub(super) name: &'static str,
    pub(super) fields: Vec<&'static Field>,
    /// The biometric part: null when it holds nothing, so that an erased one cannot be told from one that never was.
    pub(super) is_biometric: bool,
}

impl Column {
    /// Says whether the column holds milliseconds.
    pub(super) fn is_time(&self) -> bool {
        self.field.holds == FieldType::Time
    }

    /// Says whether the column holds a number; all others hold text.
    pub(super) fn is_number(&self) -> bool {
        matches!(self.field.holds, FieldType::Time | FieldType::Count)
    }

    /// Says whether an unknown text is stored as `''`.
    pub(super) fn is_never_null(&self) -> bool {
        self.field.has_flag(FieldFlag::UniqueTogether)
    }
}

impl Table {
    /// The table of a kind.
    pub(super) fn of_kind(kind: RecordKind) -> &'static Self {
        static TABLES: LazyLock<[Table; ALL_KINDS.len()]> = LazyLock::new(|| ALL_KINDS.map(Table::describe));
        &TABLES[kind as usize]
    }

    fn describe(kind: RecordKind) -> Self {
        let columns: Vec<Column> = kind
            .fields()
            .iter()
            .filter(|field| field.is_column())
            .map(|field| Column { field, json_key: format!("\"{}\":", field.name) })
            .collect();
        let others = || kind.fields().iter().filter(|field| !field.is_column());
        let is_biometric = |field: &&Field| field.class == DataClass::Biometric;
        let body = others().filter(|field| !is_biometric(field)).collect();
        let biometric: Vec<&Field> = others().filter(is_biometric).collect();
        let mut parts = vec![Part { name: "body", fields: body, is_biometric: false }];
        if !biometric.is_empty() {
            parts.push(Part { name: "biometric", fields: biometric, is_biometric: true });
        }
        let column_names = columns.iter().map(|column| column.field.name);
        let names: Vec<&str> = column_names.clone().chain(parts.iter().map(|part| part.name)).collect();
        let joined: Vec<String> = column_names.chain(["body"]).map(|name| format!("v.{name}")).collect();
        let insert_head = format!("insert into {} ({}) ", kind.name(), names.join(", "));
        let values: Vec<String> = (0..names.len()).map(|index| inserted_value(&columns, index, 1)).collect();
        let insert_row = format!("{insert_head}values ({}) on conflict do nothing", values.join(", "));
        Self {
            kind,
            key_list: format!("r.seq, r.{}", kind.key_field()),
            select_list: format!("r.seq, r.{}", names.join(", r.")),
            joined_list: joined.join(", "),
            insert_head,
            insert_row,
            columns,
            parts,
        }
    }

    /// The column of a field, if it has one.
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.field.name == name)
    }

    /// The value that an insert gives a column or part, where the placeholder of the first is that number.
    pub(super) fn inserted_value(&self, index: usize, first: usize) -> String {
        inserted_value(&self.columns, index, first)
    }

    /// How many columns an insert fills.
    pub(super) fn insert_width(&self) -> usize {
        self.columns.len() + self.parts.len()
    }
}

/// The placeholder of a column or part. A column that repeats what the profile says is looked up where it is not given.
fn inserted_value(columns: &[Column], index: usize, first: usize) -> String {
    let number = first + index;
    let column = columns.get(index).filter(|column| column.field.has_flag(FieldFlag::OfProfile));
    let profile = columns.iter().position(|column| column.field.name == "profile");
    match (column, profile) {
        (Some(column), Some(profile)) => {
            let (name, profile) = (column.field.name, first + profile);
            // The profile's placeholder has appeared before: SQLite numbers them by first appearance.
            format!("coalesce(${number}, (select nullif(p.{name}, '') from profiles p where p.id = ${profile}))")
        }
        _ => format!("${number}"),
    }
}

/// Every kind that has a table, in the order of [`RecordKind`].
pub(super) const ALL_KINDS: [RecordKind; 29] = [
    RecordKind::Profiles,
    RecordKind::LivenessSessions,
    RecordKind::VerificationHistory,
    RecordKind::StatusHistory,
    RecordKind::Settings,
    RecordKind::AuditEvents,
    RecordKind::LivenessFrames,
    RecordKind::OutboxEvents,
    RecordKind::Clients,
    RecordKind::RevokedTokens,
    RecordKind::WebhookEndpoints,
    RecordKind::FileIntents,
    RecordKind::IdempotencyKeys,
    RecordKind::WebhookDeliveries,
    RecordKind::WebhookAttempts,
    RecordKind::DeliveryProgress,
    RecordKind::AnalyticsProfiles,
    RecordKind::AnalyticsDays,
    RecordKind::AnalyticsProgress,
    RecordKind::ConsoleUsers,
    RecordKind::ConsoleSessions,
    RecordKind::ConsoleLinks,
    RecordKind::ConsoleChallenges,
    RecordKind::ConsoleCredentials,
    RecordKind::ConsoleIdentities,
    RecordKind::ConsoleSignIns,
    RecordKind::Reviews,
    RecordKind::ReviewNotes,
    RecordKind::DocumentReadings,
];

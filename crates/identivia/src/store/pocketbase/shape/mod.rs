//! How the fields of PocketBase's collections are built: the type and the options of each, as the instance itself has them.
//! `values` converts by it, `learn` reads it from the instance, `fit` compares it with what this program needs.

pub(super) mod fit;
mod learn;
pub(super) mod values;

use std::collections::HashMap;

use serde_json::Value;

use crate::records::{Field, FieldType, RecordKind};

/// PocketBase's types of fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum FieldForm {
    Text,
    Editor,
    Email,
    Url,
    Select,
    Relation,
    Json,
    Number,
    Bool,
    Date,
    Autodate,
    File,
    /// Such as a password or a place on earth: it holds nothing of this program.
    Other,
    /// This account may not read the collection's definition, or the field is missing.
    #[default]
    Unlearned,
}

impl FieldForm {
    fn from_name(name: &str) -> Self {
        match name {
            "text" => Self::Text,
            "editor" => Self::Editor,
            "email" => Self::Email,
            "url" => Self::Url,
            "select" => Self::Select,
            "relation" => Self::Relation,
            "json" => Self::Json,
            "number" => Self::Number,
            "bool" => Self::Bool,
            "date" => Self::Date,
            "autodate" => Self::Autodate,
            "file" => Self::File,
            _ => Self::Other,
        }
    }

    /// The type that `init` gives a field. One that is not known is taken for it.
    pub(super) const fn of_new_field(holds: FieldType) -> Self {
        match holds {
            FieldType::Line | FieldType::Paragraph | FieldType::Document | FieldType::SentDocument => Self::Text,
            // PocketBase's own numbers cannot be unknown.
            FieldType::Json | FieldType::Number | FieldType::Count => Self::Json,
            FieldType::Flag => Self::Bool,
            FieldType::Time => Self::Date,
            // Histories are read with their profile, which only a relation makes possible.
            FieldType::ProfileLink => Self::Relation,
            FieldType::Picture | FieldType::Video | FieldType::Evidence => Self::File,
        }
    }

    /// Its name in PocketBase.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Editor => "editor",
            Self::Email => "email",
            Self::Url => "url",
            Self::Select => "select",
            Self::Relation => "relation",
            Self::Json => "json",
            Self::Number => "number",
            Self::Bool => "bool",
            Self::Date => "date",
            Self::Autodate => "autodate",
            Self::File => "file",
            Self::Other | Self::Unlearned => "another type",
        }
    }
}

/// How one field is built.
#[derive(Clone, Debug, Default)]
pub(super) struct FieldShape {
    pub(super) form: FieldForm,
    /// Whether it takes several values: then PocketBase sends and takes a list.
    pub(super) is_multiple: bool,
    pub(super) is_required: bool,
    /// The id of the collection that a relation leads to.
    pub(super) target: String,
    /// The options of a select.
    pub(super) words: Vec<String>,
}

impl FieldShape {
    /// A field of that type with one value and no options.
    pub(super) fn of_form(form: FieldForm) -> Self {
        Self { form, ..Self::default() }
    }

    /// Reads a field's description in a collection.
    pub(super) fn from_description(field: &Value) -> Self {
        let words = field["values"].as_array().into_iter().flatten().filter_map(Value::as_str);
        Self {
            form: FieldForm::from_name(field["type"].as_str().unwrap_or_default()),
            is_multiple: field["maxSelect"].as_u64().is_some_and(|most| most > 1),
            is_required: field["required"].as_bool().unwrap_or_default(),
            target: field["collectionId"].as_str().unwrap_or_default().to_owned(),
            words: words.map(str::to_owned).collect(),
        }
    }
}

/// How the fields of one collection are built.
#[derive(Clone, Debug, Default)]
pub(super) struct CollectionShape {
    fields: HashMap<String, FieldShape>,
}

impl CollectionShape {
    /// Reads a collection's description.
    pub(super) fn from_description(collection: &Value) -> Self {
        let fields = collection["fields"].as_array().into_iter().flatten();
        let named = |field: &Value| Some((field["name"].as_str()?.to_owned(), FieldShape::from_description(field)));
        Self { fields: fields.filter_map(named).collect() }
    }

    /// The shape of a field, by PocketBase's name; `Unlearned` where it is not known.
    pub(super) fn field(&self, name: &str) -> &FieldShape {
        static UNLEARNED: FieldShape = FieldShape {
            form: FieldForm::Unlearned,
            is_multiple: false,
            is_required: false,
            target: String::new(),
            words: Vec::new(),
        };
        self.fields.get(name).unwrap_or(&UNLEARNED)
    }

    /// Says whether the collection is known to have the field.
    pub(super) fn has_field(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// The names of the fields that hold a value, the one that counts first: its companion, itself, its substitute. Only
    /// those that the collection is known to have, and the field itself.
    pub(super) fn holder_names(&self, kind: RecordKind, field: &Field) -> Vec<&'static str> {
        let mut names = possible_holders(kind, field);
        names.retain(|name| *name == field.in_pocketbase || self.has_field(name));
        names
    }
}

/// How an instance's collections are built, and the record of `users` that this server signs in as.
#[derive(Clone, Debug, Default)]
pub(super) struct InstanceShape {
    kinds: HashMap<RecordKind, CollectionShape>,
    /// The id of the signed-in record of `users`; `None` for a superuser, who is no record there.
    pub(super) user: Option<String>,
}

impl InstanceShape {
    /// The shape of the collection of a kind.
    pub(super) fn of_kind(&self, kind: RecordKind) -> &CollectionShape {
        static UNLEARNED: std::sync::LazyLock<CollectionShape> = std::sync::LazyLock::new(CollectionShape::default);
        self.kinds.get(&kind).unwrap_or(&UNLEARNED)
    }
}

/// The field that `init` adds beside one that cannot hold this program's own value: a time that PocketBase sets itself, or
/// a relation, which holds no names. Its value counts before the other's.
pub(super) fn companion_of(kind: RecordKind, field: &str) -> Option<&'static str> {
    use RecordKind::{OutboxEvents, Profiles, Settings, StatusHistory, VerificationHistory};
    match (kind, field) {
        (Profiles | VerificationHistory | StatusHistory | OutboxEvents, "created") => Some("api_created"),
        (Profiles | VerificationHistory | Settings, "updated") => Some("api_updated"),
        (StatusHistory, "updated_by") => Some("updated_by_client"),
        (Profiles, "team") => Some("client_team"),
        _ => None,
    }
}

/// Says whether a field of that form needs its companion.
pub(super) const fn needs_companion(holds: FieldType, form: FieldForm) -> bool {
    match form {
        FieldForm::Autodate => matches!(holds, FieldType::Time),
        FieldForm::Relation => matches!(holds, FieldType::Line),
        _ => false,
    }
}

/// The field in which PocketBase notes the time of a record that was added by hand, where `created` is no autodate field.
/// Its value counts only where `created` is empty.
pub(super) fn substitute_of(kind: RecordKind, field: &str) -> Option<&'static str> {
    let is_added_by_hand =
        matches!(kind, RecordKind::Profiles | RecordKind::VerificationHistory | RecordKind::StatusHistory);
    (is_added_by_hand && field == "created").then_some("added")
}

/// The names of all fields that may hold a value, the one that counts first.
pub(super) fn possible_holders(kind: RecordKind, field: &Field) -> Vec<&'static str> {
    let holders = [companion_of(kind, field.name), Some(field.in_pocketbase), substitute_of(kind, field.name)];
    holders.into_iter().flatten().collect()
}

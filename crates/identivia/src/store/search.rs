//! The search words of records: those of the fields flagged `Searched`.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::domain::search::search_tokens;
use crate::records::{Field, FieldFlag, FieldMap, RecordKind};

/// The fields of a kind that are searched.
pub(super) fn searched_fields(kind: RecordKind) -> impl Iterator<Item = &'static Field> {
    kind.fields().iter().filter(|field| field.has_flag(FieldFlag::Searched))
}

/// The words by which a record is found.
pub(super) fn record_tokens(kind: RecordKind, fields: &FieldMap) -> BTreeSet<String> {
    search_tokens(searched_fields(kind).filter_map(|field| fields.get(field.name).and_then(Value::as_str)))
}

/// Says whether a change may change the words of its record.
pub(super) fn changes_tokens(kind: RecordKind, changed: &FieldMap) -> bool {
    searched_fields(kind).any(|field| changed.contains_key(field.name))
}

//! Records as `copy` moves them: every field by name, read from one store and added to another.

use serde_json::Value;

use crate::domain::liveness::session_key;
use crate::records::id::RecordId;
use crate::records::{Collection, Field, FieldFlag, FieldMap, FieldType, RecordKind};
use crate::store::{
    Change, Commit, CommitOutcome, Comparison, IfExists, Order, Query, Refusal, Result, Store, StoreError,
    UploadedFiles, newest_record_fields,
};

/// Keys read at once.
const KEYS_AT_ONCE: usize = 5_000;
/// Records read at once: few of those that hold documents, because PocketBase's answers are limited.
const RECORDS_AT_ONCE: usize = 40;
const RECORDS_WITH_DOCUMENTS_AT_ONCE: usize = 8;

/// A record with all fields that are copied.
#[derive(Clone, Debug)]
pub(in crate::cli) struct CopiedRecord {
    pub(in crate::cli) kind: RecordKind,
    pub(in crate::cli) fields: FieldMap,
}

impl CopiedRecord {
    /// Its key.
    pub(in crate::cli) fn key(&self) -> &str {
        self.text(self.kind.key_field())
    }

    /// The text of a field; empty where there is none.
    pub(super) fn text(&self, field: &str) -> &str {
        self.fields.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// The id under which its files are kept: its own, or one derived from a provider's id.
    pub(in crate::cli) fn files_id(&self) -> Option<RecordId> {
        match self.kind {
            RecordKind::LivenessSessions => Some(session_key(self.key())),
            _ => RecordId::parse(self.key()),
        }
    }

    /// The collection of its files, if its kind owns files.
    pub(super) fn collection(&self) -> Option<Collection> {
        Collection::ALL.into_iter().find(|collection| collection.kind() == self.kind)
    }

    /// The files that it names: field and stored name.
    pub(in crate::cli) fn files(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let files = self.kind.fields().iter().filter(|field| field.holds.is_file());
        files.map(|field| (field.name, self.text(field.name))).filter(|(_, name)| !name.is_empty())
    }

    /// The names of the fields in which two records differ. Files count by whether there is one where the two stores give
    /// them names of their own.
    pub(super) fn differences(&self, other: &Self, same_file_names: bool) -> Vec<&'static str> {
        let copied = self.kind.fields().iter().filter(|field| !field.has_flag(FieldFlag::NotCopied));
        let differing = copied.filter(|field| {
            let values = [self, other].map(|record| record.fields.get(field.name).unwrap_or(&Value::Null));
            !is_same(field, values, same_file_names)
        });
        differing.map(|field| field.name).collect()
    }
}

fn is_same(field: &Field, [one, other]: [&Value; 2], same_file_names: bool) -> bool {
    match (field.holds, is_unknown(one), is_unknown(other)) {
        (_, true, true) => true,
        (_, true, false) | (_, false, true) => false,
        (FieldType::SentDocument, ..) => parse_document(one) == parse_document(other),
        (FieldType::Number, ..) => one.as_f64().zip(other.as_f64()).is_some_and(|(one, other)| is_near(one, other)),
        (holds, ..) if holds.is_file() && !same_file_names => true,
        _ => one == other,
    }
}

fn is_unknown(value: &Value) -> bool {
    value.is_null() || value == ""
}

/// A document that was sent as text, however it is spaced: a JSON field of PocketBase's keeps no spaces.
fn parse_document(value: &Value) -> Value {
    value.as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_else(|| value.clone())
}

/// A number that has been written in decimal and read again may be off by its last bit.
fn is_near(one: f64, other: f64) -> bool {
    (one - other).abs() <= one.abs().max(other.abs()) * 2.0 * f64::EPSILON
}

/// Lists the keys of all records of a kind, in the order in which they were made.
pub(super) async fn list_keys(store: &dyn Store, kind: RecordKind) -> Result<Vec<String>> {
    let mut keys = Vec::new();
    let mut after = None;
    loop {
        let query =
            Query { after, keys_only: true, ..Query::of_kind(kind).ordered(Order::Oldest).limited(KEYS_AT_ONCE) };
        let page = store.read(query).await?;
        for stored in &page {
            let key = read_fields(&stored.json)?.remove(kind.key_field());
            keys.extend(key.and_then(|key| key.as_str().map(str::to_owned)));
        }
        match page.last() {
            Some(last) if page.len() == KEYS_AT_ONCE => after = Some(last.cursor.clone()),
            _ => return Ok(keys),
        }
    }
}

/// Reads those of these records that exist, in any order.
pub(super) async fn read_records(store: &dyn Store, kind: RecordKind, keys: &[String]) -> Result<Vec<CopiedRecord>> {
    let has_documents = kind
        .fields()
        .iter()
        .any(|field| matches!(field.holds, FieldType::Document | FieldType::SentDocument | FieldType::Json));
    let at_once = if has_documents { RECORDS_WITH_DOCUMENTS_AT_ONCE } else { RECORDS_AT_ONCE };
    let mut records = Vec::new();
    for keys in keys.chunks(at_once) {
        let keys = keys.iter().map(|key| key.as_str().into()).collect();
        let query = Query::of_kind(kind).filter(kind.key_field(), Comparison::In(keys));
        for stored in store.read(query).await? {
            records.push(CopiedRecord { kind, fields: read_fields(&stored.json)? });
        }
    }
    Ok(records)
}

fn read_fields(json: &str) -> Result<FieldMap> {
    serde_json::from_str(json).map_err(|_| StoreError::Failed("a stored record is no JSON object".to_owned()))
}

/// Adds records of one kind in that order, all or none; says whether they were added. None is where an id or another
/// unique value exists. Files come with a single record.
pub(super) async fn add_records(store: &dyn Store, records: &[CopiedRecord], files: UploadedFiles) -> Result<bool> {
    let mut commit = Commit { files, ..Commit::default() };
    for record in records {
        let mut fields = record.fields.clone();
        let left_out = |field: &Field| field.has_flag(FieldFlag::NotCopied) || field.has_flag(FieldFlag::Derived);
        for field in record.kind.fields().iter().filter(|field| left_out(field)) {
            fields.remove(field.name);
        }
        let if_exists = IfExists::Refuse(Refusal::AlreadyExists);
        commit.changes.push(Change::Insert { kind: record.kind, fields, if_exists });
        if let Some(newest) = newest_record_fields(record.kind, &record.fields) {
            commit.update(RecordKind::Profiles, record.text("profile"), Vec::new(), newest);
        }
    }
    Ok(matches!(store.commit(commit).await?, CommitOutcome::Done(_)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(confidence: Option<f64>, fingerprint: &str, front: &str) -> CopiedRecord {
        let fields = FieldMap::from([
            ("id", json!("a")),
            ("liveness_confidence", json!(confidence)),
            ("fingerprint", json!(fingerprint)),
            ("document_front", json!(front)),
        ]);
        CopiedRecord { kind: RecordKind::VerificationHistory, fields }
    }

    #[test]
    fn records_differ_by_what_they_mean() {
        let one = record(Some(0.1 + 0.2), "{\"a\": 1}", "a_1.png");
        assert_eq!(one.differences(&record(Some(0.3), "{\"a\":1}", "b_2.png"), false), [""; 0]);
        assert_eq!(one.differences(&record(Some(0.3), "{\"a\":1}", "b_2.png"), true), ["document_front"]);
        assert_eq!(one.differences(&record(Some(0.3), "", ""), false), ["document_front", "fingerprint"]);
        for other in [None, Some(0.30001), Some(0.0)] {
            assert_eq!(one.differences(&record(other, "{\"a\":1}", "a_1.png"), true), ["liveness_confidence"]);
        }
    }
}

//! What an existing PocketBase collection lacks of what this program needs, and what hinders its use.

use serde_json::Value;

use super::collections::{
    CollectionIndex, ID_LENGTH, ID_PATTERN, collection_fields, field_description, needed_indexes,
};
use super::shape::fit::{Misfit, Severity, Signer, find_misfits};
use super::shape::{CollectionShape, FieldForm};
use crate::records::RecordKind;

/// What a collection lacks, and what hinders its use.
#[derive(Default)]
pub(super) struct CollectionGaps {
    /// Descriptions of the fields that are missing.
    pub(super) fields: Vec<Value>,
    /// The SQL texts of the indexes that are missing.
    pub(super) indexes: Vec<String>,
    pub(super) findings: Vec<Misfit>,
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
pub(super) fn find_collection_gaps(
    kind: RecordKind,
    existing: &Value,
    profiles: &str,
    signer: Signer<'_>,
) -> CollectionGaps {
    let mut gaps = CollectionGaps::default();
    let fields = existing["fields"].as_array().map_or(&[][..], Vec::as_slice);
    let shape = CollectionShape::from_description(existing);
    gaps.findings.extend(find_foreign_ids(kind, fields));
    gaps.findings.extend(find_misfits(kind, existing, signer));
    for (name, holds) in collection_fields(kind, &shape) {
        match fields.iter().find(|field| field["name"] == name) {
            Some(field) => gaps.findings.extend(find_open_files(kind, name, field)),
            None => gaps.fields.push(field_description(kind, name, holds, profiles)),
        }
    }
    gaps.indexes = missing_indexes(kind, existing, &shape);
    gaps.findings.extend(find_narrow_index(kind, existing, &shape));
    for rule in ["listRule", "viewRule", "createRule", "updateRule", "deleteRule"] {
        if existing[rule] == "" {
            let text = format!("{}'s {rule} is empty: everybody may do that; lock it", kind.name());
            gaps.findings.push(Misfit::new(Severity::Limit, text));
        }
    }
    gaps
}

fn find_foreign_ids(kind: RecordKind, fields: &[Value]) -> Option<Misfit> {
    let id = fields.iter().find(|field| field["name"] == "id")?;
    let is_foreign = id["min"] != ID_LENGTH || id["max"] != ID_LENGTH || id["pattern"] != ID_PATTERN;
    is_foreign.then(|| {
        let text = format!(
            "{}.id (text) is not PocketBase's own 15 of a-z and 0-9, so no record can be kept there; set Min and Max to 15 \
             and the pattern to {ID_PATTERN}",
            kind.name()
        );
        Misfit::new(Severity::Stop, text)
    })
}

fn find_open_files(kind: RecordKind, name: &str, field: &Value) -> Option<Misfit> {
    let is_open = field["type"] == "file" && field["protected"] != true;
    is_open.then(|| {
        let text = format!(
            "{}.{name} is not protected: anyone with a file's address can open it; set Protected in its options",
            kind.name()
        );
        Misfit::new(Severity::Limit, text)
    })
}

/// An index that an earlier `init` made. Where the team is a relation, it takes teams that are kept in the companion for one.
fn find_narrow_index(kind: RecordKind, existing: &Value, shape: &CollectionShape) -> Option<Misfit> {
    let is_relation = kind == RecordKind::Profiles && shape.field("team").form == FieldForm::Relation;
    let is_narrow = |index: &Value| {
        let index = normalize_sql(index.as_str().unwrap_or_default());
        index.contains("unique") && index.ends_with("(team,userid)")
    };
    let has_narrow = existing["indexes"].as_array().into_iter().flatten().any(is_narrow);
    let text = "profiles.team (relation) has a unique index with userID, so teams that are no records cannot share a userID; \
                remove the index on (team, userID)";
    (is_relation && has_narrow).then(|| Misfit::new(Severity::Limit, text))
}

fn missing_indexes(kind: RecordKind, existing: &Value, shape: &CollectionShape) -> Vec<String> {
    let existing: Vec<String> =
        existing["indexes"].as_array().into_iter().flatten().filter_map(Value::as_str).map(normalize_sql).collect();
    let is_missing = |index: &CollectionIndex| {
        let definition = normalize_sql(&index.definition());
        let is_same = |other: &String| other.ends_with(&definition) && (!index.unique || other.contains("unique"));
        !existing.iter().any(is_same)
    };
    needed_indexes(kind, shape).into_iter().filter(is_missing).map(|index| index.to_sql(kind.name())).collect()
}

/// An index's text without quotes, blanks and case: people write the same in many ways.
fn normalize_sql(index: &str) -> String {
    let letters = index.chars().filter(|letter| !letter.is_whitespace() && !"`\"[]".contains(*letter));
    letters.collect::<String>().to_lowercase()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::collections::{KINDS, collection_description};
    use super::*;
    use crate::domain::media::MAX_IMAGE_BYTES;

    fn notes(kind: RecordKind, field: &Value) -> String {
        let mut existing = collection_description(kind, "p", None);
        let fields = existing["fields"].as_array_mut().unwrap();
        fields.retain(|other| other["name"] != field["name"]);
        fields.push(field.clone());
        let findings = find_collection_gaps(kind, &existing, "p", Signer::Superuser).findings;
        findings.into_iter().map(|finding| finding.text).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn unfit_fields_are_noted() {
        let id =
            |length: u64| json!({"name": "id", "type": "text", "min": length, "max": length, "pattern": ID_PATTERN});
        assert_eq!(notes(RecordKind::Profiles, &id(15)), "");
        assert!(notes(RecordKind::Profiles, &id(20)).contains("profiles.id"));
        let several = json!({"name": "document_front", "type": "file", "maxSelect": 5, "protected": true,
            "maxSize": MAX_IMAGE_BYTES});
        assert_eq!(notes(RecordKind::Profiles, &several), "", "the last of them is read");
        let number = json!({"name": "profile", "type": "number"});
        assert!(notes(RecordKind::StatusHistory, &number).contains("status_history.profile (number) holds no ids"));
    }

    #[test]
    fn index_of_some_records_does_not_replace_one_of_all() {
        let mut existing = collection_description(RecordKind::Profiles, "p", None);
        let missing = |existing: &Value| {
            find_collection_gaps(RecordKind::Profiles, existing, "p", Signer::Superuser).indexes.len()
        };
        existing["indexes"] = json!(["CREATE UNIQUE INDEX a ON profiles (team, userID) WHERE active = 1"]);
        assert_eq!(missing(&existing), 3);
        existing["indexes"] = json!(["create unique index a on `profiles` (\"team\", [userID])"]);
        assert_eq!(missing(&existing), 2);
    }

    #[test]
    fn every_copied_kind_has_a_collection_without_gaps() {
        for kind in RecordKind::COPIED {
            assert!(KINDS.contains(&kind));
            let gaps = find_collection_gaps(kind, &collection_description(kind, "p", None), "p", Signer::Superuser);
            assert_eq!(gaps.describe(kind), [""; 0]);
        }
    }
}

//! Records as rows: a row becomes the record's JSON without parsing its parts, and a record's fields become column values.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;
use serde_json::value::RawValue;

use super::sql_value::is_unknown;
use super::table::{Column, Part, Table};
use super::{SqlRow, SqlValue, unreadable_row};
use crate::records::time::Millis;
use crate::records::{Field, FieldMap, FieldType};
use crate::store::{Result, StoreError};

/// Where a record's columns start in its select list: behind `seq`.
pub(super) const AFTER_SEQ: usize = 1;

/// The fields of a stored record as JSON texts: exact, and cheap to put into another object.
pub(super) type RawFields<'a> = BTreeMap<&'a str, &'a RawValue>;

impl Table {
    /// The JSON of the record whose columns start at that index, read in the order in which [`Table`] lists them.
    pub(super) fn read_json(&self, row: &dyn SqlRow, start: usize, with_biometric: bool) -> Result<String> {
        let parts = self.parts.iter().filter(|part| with_biometric || !part.is_biometric);
        let mut json = String::with_capacity(1_024);
        json.push('{');
        let mut index = start;
        for column in &self.columns {
            column.push_json(row, index, &mut json)?;
            index += 1;
        }
        for part in parts {
            push_part(row.text_at(index)?, &mut json).ok_or_else(|| unreadable_row(part.name))?;
            index += 1;
        }
        close_object(&mut json);
        Ok(json)
    }

    /// The column values and parts of a new record, in the order of the insert.
    pub(super) fn to_sql_values(&self, fields: &FieldMap) -> Result<Vec<SqlValue<'static>>> {
        let mut values = Vec::with_capacity(self.insert_width());
        let names = self.columns.iter().map(|column| column.field.name);
        for (column, value) in self.columns.iter().zip(fields.values_of(names)) {
            values.push(match value {
                Some(value) => column.to_sql_value(value)?,
                None => column.unknown_value(),
            });
        }
        for part in &self.parts {
            let mut stored = fields.values_of(part.fields.iter().map(|field| field.name));
            values.push(part.to_sql_value(|field| {
                stored.next().flatten().filter(|value| is_stored(field, value)).map(FieldJson::Value)
            }));
        }
        Ok(values)
    }

    /// Refuses a field that the record kind does not have.
    pub(super) fn check_field(&self, name: &str) -> Result<()> {
        match self.kind.field(name) {
            Some(_) => Ok(()),
            None => Err(StoreError::Failed(format!("{} has no field {name}", self.kind.name()))),
        }
    }
}

/// The JSON of some columns only, which start at that index of the row.
pub(super) fn read_columns_json<'c>(
    row: &dyn SqlRow,
    start: usize,
    columns: impl IntoIterator<Item = &'c Column>,
) -> Result<String> {
    let mut json = "{".to_owned();
    for (offset, column) in columns.into_iter().enumerate() {
        column.push_json(row, start + offset, &mut json)?;
    }
    close_object(&mut json);
    Ok(json)
}

/// The fields of a record's JSON.
pub(super) fn parse_raw_fields(json: &str) -> Result<RawFields<'_>> {
    serde_json::from_str(json).map_err(|_| unreadable_row("a part is no JSON"))
}

impl Column {
    /// Adds `"name":value,`, or nothing where the value is unknown.
    fn push_json(&self, row: &dyn SqlRow, index: usize, json: &mut String) -> Result<()> {
        if self.is_time() {
            if let Some(millis) = row.number_at(index)? {
                json.push_str(&self.json_key);
                // A String takes everything that is written to it.
                let _ = write!(json, "\"{}\",", Millis(millis));
            }
        } else if self.is_number() {
            if let Some(count) = row.number_at(index)? {
                let _ = write!(json, "{}{count},", self.json_key);
            }
        } else if let Some(text) = row.text_at(index)?.filter(|text| !text.is_empty()) {
            json.push_str(&self.json_key);
            push_json_text(text, json);
            json.push(',');
        }
        Ok(())
    }
}

impl Part {
    /// The JSON object of the fields that `json_of` knows.
    pub(super) fn to_sql_value<'j>(
        &self,
        mut json_of: impl FnMut(&'static Field) -> Option<FieldJson<'j>>,
    ) -> SqlValue<'static> {
        let mut json = "{".to_owned();
        for field in &self.fields {
            if let Some(value) = json_of(field) {
                json.push('"');
                json.push_str(field.name);
                json.push_str("\":");
                value.push_json(&mut json);
                json.push(',');
            }
        }
        close_object(&mut json);
        let is_nothing = self.is_biometric && json == "{}";
        SqlValue::from_known_text(Some(json).filter(|_| !is_nothing))
    }
}

/// A field's JSON: a new value, or the text that is stored.
pub(super) enum FieldJson<'j> {
    Value(&'j Value),
    Stored(&'j RawValue),
}

impl FieldJson<'_> {
    fn push_json(&self, json: &mut String) {
        match self {
            Self::Value(Value::String(text)) => push_json_text(text, json),
            Self::Value(value) => json.push_str(&value.to_string()),
            Self::Stored(stored) => json.push_str(stored.get()),
        }
    }
}

/// Says whether a part holds a field with that value: unknown values are left out. Of a setting every value is known.
pub(super) fn is_stored(field: &Field, value: &Value) -> bool {
    field.holds == FieldType::Json || !is_unknown(value)
}

/// Adds the fields of a part, each followed by a comma; `None` where it is no JSON object.
fn push_part(part: Option<&str>, json: &mut String) -> Option<()> {
    let Some(part) = part else { return Some(()) };
    let fields = part.strip_prefix('{')?.strip_suffix('}')?;
    if !fields.is_empty() {
        json.push_str(fields);
        json.push(',');
    }
    Some(())
}

/// Ends an object whose fields are each followed by a comma.
fn close_object(json: &mut String) {
    if json.ends_with(',') {
        json.pop();
    }
    json.push('}');
}

fn push_json_text(text: &str, json: &mut String) {
    if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        json.push('"');
        json.push_str(text);
        json.push('"');
    } else {
        json.push_str(&Value::from(text).to_string());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_text_is_the_same_after_json(text in any::<String>()) {
            let mut json = String::new();
            push_json_text(&text, &mut json);
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }

        #[test]
        fn columns_and_parts_form_one_object(body in proptest::option::of("[a-z]{1,3}"), other in any::<bool>()) {
            let body = body.map_or_else(|| "{}".to_owned(), |text| format!("{{\"a\":\"{text}\"}}"));
            let mut json = "{".to_owned();
            push_part(Some(&body), &mut json).unwrap();
            push_part(other.then_some("{\"b\":[1]}"), &mut json).unwrap();
            close_object(&mut json);
            prop_assert!(parse_raw_fields(&json).is_ok(), "{}", json);
        }
    }

    #[test]
    fn part_that_is_no_object_is_refused() {
        for part in ["", "[]", "{", "null"] {
            assert!(push_part(Some(part), &mut String::new()).is_none(), "{part}");
        }
    }
}

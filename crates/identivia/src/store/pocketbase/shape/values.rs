//! Values as a field of PocketBase holds them, and the other way round, by the field's shape.

use serde_json::{Value, json};

use super::{FieldForm, FieldShape};
use crate::records::time::{Millis, parse_iso_date};
use crate::records::{Field, FieldType};

/// Fields that hold a calendar date. PocketBase's own date fields show a time behind the date.
const DATES: [&str; 1] = ["date_of_birth"];

/// A value that a field of that shape cannot hold.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct UnfitValue;

/// Says whether a value is unknown.
pub(in super::super) fn is_unknown(value: &Value) -> bool {
    value.is_null() || value == ""
}

/// Says whether a field holds a calendar date.
pub(in super::super) fn is_calendar_date(field: &str) -> bool {
    DATES.contains(&field)
}

/// A stored value as text. Numbers and objects, which another program may have stored, as their JSON.
pub(in super::super) fn value_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl FieldShape {
    /// Reads a stored value. What other programs have stored is read leniently.
    pub(in super::super) fn read_stored_value(&self, field: &Field, stored: &Value) -> Value {
        let stored = self.single_value(field, stored);
        match field.holds {
            FieldType::Json => self.read_json(stored),
            FieldType::Number | FieldType::Count => read_number(stored),
            FieldType::Flag => json!(read_flag(stored)),
            FieldType::Time => Millis::parse(&self.read_text(stored)).map_or(Value::Null, |time| json!(time)),
            FieldType::Document if stored.is_string() => {
                serde_json::from_str(&self.read_text(stored)).unwrap_or_default()
            }
            FieldType::Document => stored.clone(),
            _ if is_calendar_date(field.name) => {
                json!(self.read_text(stored).chars().take("YYYY-MM-DD".len()).collect::<String>())
            }
            _ => json!(self.read_text(stored)),
        }
    }

    /// A value as this field takes it; `None` where PocketBase sets it itself.
    pub(in super::super) fn to_stored_value(&self, field: &Field, value: &Value) -> Result<Option<Value>, UnfitValue> {
        let form = match self.form {
            FieldForm::Unlearned => FieldForm::of_new_field(field.holds),
            form => form,
        };
        let fit = |value: Value| Ok(Some(value));
        match form {
            FieldForm::Autodate => Ok(None),
            FieldForm::Text | FieldForm::Email | FieldForm::Url => fit(json!(sent_text(field, value))),
            FieldForm::Editor => fit(json!(escape_markup(&sent_text(field, value)))),
            FieldForm::Select | FieldForm::Relation => fit(self.to_list(&sent_text(field, value))),
            FieldForm::Json => fit(sent_json(field, value)),
            FieldForm::Number => sent_number(field, value).map(Some),
            FieldForm::Bool => sent_flag(field, value).map(Some),
            FieldForm::Date => sent_time(field, value).map(Some),
            FieldForm::File if field.holds.is_file() => fit(self.to_list(&value_text(value))),
            FieldForm::File | FieldForm::Other | FieldForm::Unlearned if is_unknown(value) => Ok(None),
            FieldForm::File | FieldForm::Other | FieldForm::Unlearned => Err(UnfitValue),
        }
    }

    /// A text as this field's filter compares it.
    pub(in super::super) fn to_compared_text(&self, text: &str) -> String {
        match (self.form, self.is_multiple) {
            (FieldForm::Editor, _) => escape_markup(text),
            // PocketBase compares such a field's JSON.
            (_, true) if text.is_empty() => "[]".to_owned(),
            (_, true) => json!([text]).to_string(),
            _ => text.to_owned(),
        }
    }

    /// Of several values one is read: the file that was added last, else the first.
    fn single_value<'a>(&self, field: &Field, stored: &'a Value) -> &'a Value {
        let may_be_list = self.is_multiple
            || (self.form == FieldForm::Unlearned && !matches!(field.holds, FieldType::Json | FieldType::Document));
        match stored {
            Value::Array(values) if may_be_list => {
                let one = if field.holds.is_file() { values.last() } else { values.first() };
                one.unwrap_or(&Value::Null)
            }
            one => one,
        }
    }

    fn to_list(&self, text: &str) -> Value {
        match (self.is_multiple, text.is_empty()) {
            (true, true) => json!([]),
            (true, false) => json!([text]),
            (false, _) => json!(text),
        }
    }

    fn read_text(&self, stored: &Value) -> String {
        match (self.form, stored) {
            (FieldForm::Editor, stored) => text_of_markup(&value_text(stored)),
            // What is unknown is 0 or false in PocketBase.
            (FieldForm::Number, number) if number.as_f64() == Some(0.0) => String::new(),
            (FieldForm::Bool, Value::Bool(false)) => String::new(),
            (_, stored) => value_text(stored),
        }
    }

    /// In a field for text a setting is JSON, or else the text itself: people write `green`, not `"green"`.
    fn read_json(&self, stored: &Value) -> Value {
        let is_text = !matches!(self.form, FieldForm::Json | FieldForm::Unlearned);
        if !is_text || !stored.is_string() {
            return stored.clone();
        }
        let text = self.read_text(stored);
        serde_json::from_str(&text).unwrap_or(Value::String(text))
    }
}

fn read_number(stored: &Value) -> Value {
    match stored {
        Value::Number(_) => stored.clone(),
        Value::String(text) => {
            let number = serde_json::from_str::<serde_json::Number>(text_of_markup(text).trim());
            number.map_or(Value::Null, Value::Number)
        }
        _ => Value::Null,
    }
}

fn read_flag(stored: &Value) -> bool {
    match stored {
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => matches!(text_of_markup(text).trim().to_lowercase().as_str(), "true" | "yes" | "1"),
        _ => false,
    }
}

/// The text of a value, for fields that hold text.
fn sent_text(field: &Field, value: &Value) -> String {
    match (field.holds, value) {
        (FieldType::Json, Value::String(text)) if serde_json::from_str::<Value>(text).is_err() => text.clone(),
        (FieldType::Json, value) => value.to_string(),
        (FieldType::Document, value) if !is_unknown(value) => value.to_string(),
        (_, value) => value_text(value),
    }
}

/// A value for a JSON field. PocketBase reads a text there as JSON where it can, so text is sent as its JSON: then even a
/// text of digits stays a text.
fn sent_json(field: &Field, value: &Value) -> Value {
    match (field.holds, value) {
        (FieldType::Json, value) => json!(value.to_string()),
        (_, value) if is_unknown(value) => Value::Null,
        (FieldType::Number | FieldType::Count | FieldType::Flag, value) => value.clone(),
        (FieldType::SentDocument, Value::String(text)) if serde_json::from_str::<Value>(text).is_ok() => json!(text),
        (_, value) => json!(value.to_string()),
    }
}

fn sent_number(field: &Field, value: &Value) -> Result<Value, UnfitValue> {
    match value {
        value if is_unknown(value) => Ok(Value::Null),
        Value::Number(_) => Ok(value.clone()),
        Value::Bool(flag) if field.holds == FieldType::Flag => Ok(json!(u8::from(*flag))),
        Value::String(text) => match text.parse::<i64>() {
            // A number has no leading zeros.
            Ok(number) if number != 0 && number.to_string() == *text => Ok(json!(number)),
            _ => Err(UnfitValue),
        },
        _ => Err(UnfitValue),
    }
}

fn sent_flag(field: &Field, value: &Value) -> Result<Value, UnfitValue> {
    match value {
        value if is_unknown(value) => Ok(json!(false)),
        Value::Bool(flag) if matches!(field.holds, FieldType::Flag) => Ok(json!(flag)),
        _ => Err(UnfitValue),
    }
}

fn sent_time(field: &Field, value: &Value) -> Result<Value, UnfitValue> {
    let is_held = |text: &str| match field.holds {
        FieldType::Time => Millis::parse(text).is_some(),
        _ => is_calendar_date(field.name) && parse_iso_date(text).is_some(),
    };
    match value {
        value if is_unknown(value) => Ok(json!("")),
        Value::String(text) if is_held(text) => Ok(json!(text)),
        _ => Err(UnfitValue),
    }
}

/// A text as an editor field holds it, where `<` would begin markup.
fn escape_markup(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The text of an editor field, without the markup that the admin page adds.
fn text_of_markup(markup: &str) -> String {
    if !markup.contains(['<', '&']) {
        return markup.to_owned();
    }
    let (mut text, mut rest, mut has_tags) = (String::new(), markup, false);
    while let Some((before, behind)) = rest.split_once('<') {
        let Some((tag, after)) = behind.split_once('>') else { break };
        text.push_str(before);
        if matches!(tag.trim_end_matches(['/', ' ']), "/p" | "br" | "/div" | "/li") {
            text.push('\n');
        }
        (rest, has_tags) = (after, true);
    }
    text.push_str(rest);
    let text = if has_tags { text.trim().to_owned() } else { text };
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&nbsp;", " ")];
    let decoded = entities.iter().fold(text, |text, (entity, letter)| text.replace(entity, letter));
    decoded.replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::records::RecordKind;

    fn field(kind: RecordKind, name: &str) -> &'static Field {
        kind.field(name).unwrap()
    }

    /// A value as it is stored in a field of that form, read back.
    fn stored_and_read(form: FieldForm, field: &Field, value: &Value) -> Value {
        let shape = FieldShape::of_form(form);
        let mut stored = shape.to_stored_value(field, value).unwrap().unwrap();
        if form == FieldForm::Json
            && let Value::String(text) = &stored
        {
            // PocketBase reads a text in its JSON field as JSON where it can.
            stored = serde_json::from_str(text).unwrap_or(stored);
        }
        shape.read_stored_value(field, &stored)
    }

    proptest! {
        #[test]
        fn text_reads_back_from_every_field_for_text(text in "[ -~\né&<>;]{1,40}") {
            let (name, value) = (field(RecordKind::Profiles, "name"), json!(text));
            for form in [FieldForm::Text, FieldForm::Editor, FieldForm::Json, FieldForm::Unlearned] {
                prop_assert_eq!(stored_and_read(form, name, &value), value.clone(), "{:?}", form);
            }
        }

        #[test]
        fn text_setting_reads_back_as_text(text in "[ -~]{1,12}|[0-9]{1,4}|true|null|\\[1\\]|\"x\"") {
            let (setting, value) = (field(RecordKind::Settings, "value"), json!(text));
            for form in [FieldForm::Text, FieldForm::Editor, FieldForm::Json] {
                prop_assert_eq!(stored_and_read(form, setting, &value), value.clone(), "{:?}", form);
            }
        }
    }

    #[test]
    fn numbers_flags_and_documents_read_back_from_fields_for_text() {
        let cases = [
            (field(RecordKind::Profiles, "liveness_confidence"), json!(95.5)),
            (field(RecordKind::Settings, "public"), json!(true)),
            (field(RecordKind::Settings, "value"), json!({"a": ["<b>", 1]})),
            (field(RecordKind::Profiles, "consent"), json!({"version": "<1>"})),
            (field(RecordKind::Profiles, "created"), json!(Millis(1_774_051_200_123))),
        ];
        for (field, value) in cases {
            for form in [FieldForm::Text, FieldForm::Editor, FieldForm::Json] {
                assert_eq!(stored_and_read(form, field, &value), value, "{form:?} {}", field.name);
            }
        }
    }

    #[test]
    fn values_typed_in_the_admin_page_are_read() {
        let word = field(RecordKind::StatusHistory, "new_status");
        let read = |form, stored: Value| FieldShape::of_form(form).read_stored_value(word, &stored);
        assert_eq!(read(FieldForm::Editor, json!("<p>verified</p>")), "verified");
        assert_eq!(read(FieldForm::Editor, json!("<p>a&nbsp;&amp; b<br>c</p>")), "a & b\nc");
        assert_eq!(read(FieldForm::Unlearned, json!(["verified", "x"])), "verified");
        let file = field(RecordKind::Profiles, "document_front");
        assert_eq!(FieldShape::default().read_stored_value(file, &json!(["a.png", "b.png"])), "b.png");
        let public = field(RecordKind::Settings, "public");
        for (stored, is_public) in [(json!("yes"), true), (json!(1), true), (json!("no"), false), (json!(null), false)]
        {
            assert_eq!(FieldShape::default().read_stored_value(public, &stored), is_public, "{stored}");
        }
    }

    #[test]
    fn value_that_a_field_would_change_is_unfit() {
        let number = field(RecordKind::Profiles, "document_number");
        let birth = field(RecordKind::VerificationHistory, "date_of_birth");
        let store = |form, field, value: Value| FieldShape::of_form(form).to_stored_value(field, &value);
        assert_eq!(store(FieldForm::Number, number, json!("12")), Ok(Some(json!(12))));
        for text in ["A12", "007", "0", "1e3"] {
            assert_eq!(store(FieldForm::Number, number, json!(text)), Err(UnfitValue), "{text}");
        }
        assert_eq!(store(FieldForm::Date, birth, json!("1990-01-15")), Ok(Some(json!("1990-01-15"))));
        assert_eq!(store(FieldForm::Date, number, json!("1990-01-15")), Err(UnfitValue));
        assert_eq!(store(FieldForm::Bool, number, json!("true")), Err(UnfitValue));
        assert_eq!(store(FieldForm::Other, number, json!("x")), Err(UnfitValue));
        assert_eq!(store(FieldForm::Other, number, json!(null)), Ok(None));
    }
}

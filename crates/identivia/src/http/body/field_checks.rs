//! Checks of the fields that a caller sent: one answer names every missing or invalid field.

use std::collections::BTreeMap;
use std::net::IpAddr;

use email_address::EmailAddress;
use serde_json::Value;

use super::json::is_deeper_than;
use super::liveness_result::SentResult;
use crate::domain::profile::Word;
use crate::domain::{JSON_BYTES, JSON_DEPTH, LINE};
use crate::http::error::ApiError;
use crate::records::id::RecordId;
use crate::records::time::parse_iso_date;

/// A field as it was sent: any JSON, or nothing. `null` counts as nothing.
pub(crate) type RawField = Option<Value>;

/// A text, if it is not empty: empty counts as unknown.
pub(crate) fn none_if_empty(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// Removes the line break that some programs put behind a one-line text.
fn trim_line_break(text: String) -> String {
    let trimmed = text.trim_end_matches(['\r', '\n']);
    if trimmed.len() == text.len() { text } else { trimmed.to_owned() }
}

/// Collects missing and invalid fields.
#[derive(Default)]
pub(crate) struct FieldChecks {
    missing: Vec<&'static str>,
    wrong: BTreeMap<&'static str, String>,
}

impl FieldChecks {
    /// Notes a required field that is missing.
    pub(crate) fn add_missing(&mut self, name: &'static str) {
        self.missing.push(name);
    }

    /// Notes what is wrong with a field.
    pub(crate) fn add_problem(&mut self, name: &'static str, problem: impl Into<String>) {
        self.wrong.entry(name).or_insert_with(|| problem.into());
    }

    /// Says whether something has been found wrong with a field.
    pub(crate) fn has_problem(&self, name: &str) -> bool {
        self.wrong.contains_key(name)
    }

    /// Text of at most `max` characters. Empty text is a value: it means unknown.
    pub(crate) fn optional_text(&mut self, name: &'static str, raw: RawField, max: usize) -> Option<String> {
        let checked = match raw.filter(|value| !value.is_null())? {
            Value::String(text) if text.contains('\0') => Err("must not contain NUL characters".to_owned()),
            Value::String(text) => Ok(if max == LINE { trim_line_break(text) } else { text }),
            _ => Err("must be text".to_owned()),
        };
        let checked = checked.and_then(|text| match text.chars().count() > max {
            true => Err(format!("must have at most {max} characters")),
            false => Ok(text),
        });
        self.note_problem(name, checked)
    }

    /// Optional text of at most 255 characters; empty counts as unknown.
    pub(crate) fn known_line(&mut self, name: &'static str, raw: RawField) -> Option<String> {
        self.known_text(name, raw, LINE)
    }

    /// Optional text of at most `max` characters; empty counts as unknown.
    pub(crate) fn known_text(&mut self, name: &'static str, raw: RawField, max: usize) -> Option<String> {
        self.optional_text(name, raw, max).and_then(none_if_empty)
    }

    /// Ordinary text, at most 255 characters; empty when not given.
    pub(crate) fn line_or_empty(&mut self, name: &'static str, raw: RawField) -> String {
        self.optional_text(name, raw, LINE).unwrap_or_default()
    }

    /// Required text with more than spaces.
    pub(crate) fn required_text(&mut self, name: &'static str, raw: RawField, max: usize) -> String {
        let given = raw.is_some();
        match self.optional_text(name, raw, max) {
            Some(text) if !text.trim().is_empty() => text,
            None if given && self.wrong.contains_key(name) => String::new(),
            _ => {
                self.add_missing(name);
                String::new()
            }
        }
    }

    /// One of a closed list of words; empty counts as not given.
    pub(crate) fn closed_word<W: Word>(&mut self, name: &'static str, raw: RawField) -> Option<W> {
        let checked = match raw.filter(|value| !value.is_null())? {
            Value::String(text) if text.is_empty() => return None,
            Value::String(text) => W::of(&text).ok_or(()),
            _ => Err(()),
        };
        let words: Vec<_> = W::WORDS.iter().map(|(word, _)| *word).collect();
        self.note_problem(name, checked.map_err(|()| format!("must be one of: {}", words.join(", "))))
    }

    /// True or false.
    pub(crate) fn optional_flag(&mut self, name: &'static str, raw: RawField) -> Option<bool> {
        let checked = raw.filter(|value| !value.is_null())?.as_bool();
        self.note_problem(name, checked.ok_or_else(|| "must be true or false".to_owned()))
    }

    /// A record's id.
    pub(crate) fn record_id(&mut self, name: &'static str, raw: RawField) -> Option<RecordId> {
        let checked = match raw.filter(|value| !value.is_null())? {
            Value::String(text) if text.is_empty() => return None,
            Value::String(text) => RecordId::parse(&text),
            _ => None,
        };
        self.note_problem(name, checked.ok_or_else(|| "must be a record's id".to_owned()))
    }

    /// A confidence from 0 to 100.
    pub(crate) fn optional_confidence(&mut self, name: &'static str, raw: RawField) -> Option<f64> {
        let number = raw.filter(|value| !value.is_null())?;
        let checked = number.as_f64().filter(|number| (0.0..=100.0).contains(number));
        self.note_problem(name, checked.ok_or_else(|| "must be a number from 0 to 100".to_owned()))
    }

    /// A required confidence.
    pub(crate) fn required_confidence(&mut self, name: &'static str, raw: RawField) -> Option<f64> {
        let given = raw.as_ref().is_some_and(|value| !value.is_null());
        if !given {
            self.add_missing(name);
        }
        self.optional_confidence(name, raw)
    }

    /// An e-mail address (RFC 5321); empty when not given.
    pub(crate) fn email_or_empty(&mut self, name: &'static str, raw: RawField) -> String {
        let text = self.line_or_empty(name, raw);
        if !text.is_empty() && !EmailAddress::is_valid(&text) {
            self.add_problem(name, "must be an e-mail address");
        }
        text
    }

    /// An IPv4 or IPv6 address; empty when not given.
    pub(crate) fn ip_or_empty(&mut self, name: &'static str, raw: RawField) -> String {
        let text = self.line_or_empty(name, raw);
        if !text.is_empty() && text.parse::<IpAddr>().is_err() {
            self.add_problem(name, "must be an IPv4 or IPv6 address");
        }
        text
    }

    /// A calendar date (ISO 8601), with or without a time, as `YYYY-MM-DD`; empty when not given.
    pub(crate) fn date_or_empty(&mut self, name: &'static str, raw: RawField) -> String {
        let text = self.line_or_empty(name, raw);
        match parse_iso_date(&text) {
            _ if text.is_empty() => text,
            Some(date) => date.to_string(),
            None => {
                self.add_problem(name, "must be a date that exists, such as 1990-01-15 or 1990-01-15T00:00:00Z");
                String::new()
            }
        }
    }

    /// Notes that a file was sent as JSON: only a form can have files.
    pub(crate) fn refuse_file_in_json(&mut self, name: &'static str, raw: &RawField) {
        if raw.is_some() {
            self.add_problem(name, "must be sent as a file, in multipart/form-data");
        }
    }

    /// A JSON document, or text, of at most 64 KiB and 16 levels, as text; empty when not given.
    pub(crate) fn json_or_empty(&mut self, name: &'static str, raw: RawField) -> String {
        let Some(value) = raw.filter(|value| !value.is_null()) else { return String::new() };
        let checked = match value {
            Value::String(text) if text.contains('\0') => Err("must not contain NUL characters".to_owned()),
            Value::String(text)
                if text.trim_start().starts_with('{') && serde_json::from_str::<Value>(&text).is_err() =>
            {
                Err("must be well-formed JSON".to_owned())
            }
            // The document can limit characters, not bytes; an object's text is limited by its bytes below.
            Value::String(text) if !text.trim_start().starts_with('{') && text.chars().count() > JSON_BYTES / 4 => {
                Err(format!("must be a JSON object, or text of at most {} characters", JSON_BYTES / 4))
            }
            Value::String(text) => Ok(text),
            Value::Object(object) => Ok(Value::Object(object).to_string()),
            _ => Err("must be a JSON object or text".to_owned()),
        };
        let checked = checked.and_then(|text| {
            if text.len() > JSON_BYTES {
                Err(format!("must have at most {} KiB", JSON_BYTES / 1024))
            } else if is_deeper_than(text.as_bytes(), JSON_DEPTH) {
                Err(format!("must be nested at most {JSON_DEPTH} levels deep"))
            } else {
                Ok(text)
            }
        });
        self.note_problem(name, checked).unwrap_or_default()
    }

    /// A liveness result without its images, as text of at most 64 KiB; empty when not given.
    pub(crate) fn liveness_result_or_empty(&mut self, name: &'static str, sent: Option<SentResult>) -> String {
        let problem = match sent {
            None => return String::new(),
            Some(SentResult::Kept(value)) => return self.json_or_empty(name, Some(value)),
            Some(SentResult::Malformed) => "must be well-formed JSON".to_owned(),
            Some(SentResult::TooLarge) => format!(
                "must have at most {} KiB without the bytes of its images; leave out what the reference does not name",
                JSON_BYTES / 1024
            ),
        };
        self.add_problem(name, problem);
        String::new()
    }

    /// Ends the checks. One error names every missing field, or else every invalid one.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        if !self.missing.is_empty() {
            Err(ApiError::missing_fields(self.missing))
        } else if !self.wrong.is_empty() {
            Err(ApiError::invalid_fields(self.wrong))
        } else {
            Ok(())
        }
    }

    fn note_problem<T>(&mut self, name: &'static str, checked: Result<T, String>) -> Option<T> {
        match checked {
            Ok(value) => Some(value),
            Err(problem) => {
                self.add_problem(name, problem);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn required_field_is_missing_when_absent_null_or_blank_and_wrong_when_of_another_type() {
        for (raw, missing) in
            [(None, true), (Some(json!(null)), true), (Some(json!("  ")), true), (Some(json!(7)), false)]
        {
            let mut checks = FieldChecks::default();
            checks.required_text("userID", raw.clone(), LINE);
            assert_eq!(checks.missing.is_empty(), !missing, "{raw:?}");
            assert_eq!(checks.wrong.is_empty(), missing, "{raw:?}");
        }
    }

    #[test]
    fn one_line_text_loses_the_line_break_at_its_end() {
        for (sent, kept) in [("DE\r\n", "DE"), ("DE\n", "DE"), ("DE", "DE"), ("D\nE\n", "D\nE"), ("\r\n", "")] {
            assert_eq!(FieldChecks::default().line_or_empty("country", Some(json!(sent))), kept, "{sent:?}");
        }
        let mut checks = FieldChecks::default();
        assert_eq!(checks.optional_text("notes", Some(json!("a\n")), 2_000), Some("a\n".to_owned()));
    }

    #[test]
    fn dates_are_read_with_and_without_a_time() {
        for sent in
            ["1990-01-15", "19900115", "1990-01-15T00:00:00Z", "1990-01-15 00:00:00.000Z", "1990-01-15T23:30:00-05:00"]
        {
            let mut checks = FieldChecks::default();
            assert_eq!(checks.date_or_empty("date", Some(json!(sent))), "1990-01-15", "{sent}");
            assert!(checks.finish().is_ok());
        }
        for sent in
            ["1990-02-30", "1990-1-5", "15.01.1990", "1990-01-15T25:00:00Z", "1990-01-15T", "1990-01-15x", "1990"]
        {
            let mut checks = FieldChecks::default();
            checks.date_or_empty("date", Some(json!(sent)));
            assert!(checks.finish().is_err(), "{sent}");
        }
    }

    #[test]
    fn confidences_end_at_a_hundred() {
        for (number, good) in
            [(json!(0), true), (json!(100), true), (json!(100.1), false), (json!(-1), false), (json!("5"), false)]
        {
            let mut checks = FieldChecks::default();
            checks.optional_confidence("c", Some(number.clone()));
            assert_eq!(checks.finish().is_ok(), good, "{number}");
        }
    }
}

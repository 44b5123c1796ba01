//! What a caller sent, read with limits and checked all at once: one answer names everything that is missing or wrong.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use bytes::Bytes;
use email_address::EmailAddress;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::domain::profile::Word;
use crate::domain::{JSON_BYTES, JSON_DEPTH, LINE};
use crate::http::error::ApiError;
use crate::records::time::parse_date;

/// A field as it came: any JSON, or nothing. `null` counts as nothing.
pub(crate) type Raw = Option<Value>;

/// The largest JSON or form body, in bytes.
pub(crate) const BODY_BYTES: usize = 1024 * 1024;
/// The deepest JSON accepted.
const BODY_DEPTH: usize = 64;
/// How long a caller may take to send such a body.
const BODY_PATIENCE: Duration = Duration::from_secs(30);

/// Reads a JSON object.
pub(crate) async fn json<T: DeserializeOwned>(request: Request<Body>) -> Result<T, ApiError> {
    if media_type(request.headers()) != "application/json" {
        return Err(ApiError::unsupported_type("Send the body as Content-Type: application/json"));
    }
    parse_json(&body(request, BODY_BYTES).await?)
}

/// The request's media type in lower case, without parameters; empty when there is none.
pub(crate) fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Refuses a body that announces more than the limit, before a byte of it is read.
pub(crate) fn refuse_announced(headers: &HeaderMap, limit: usize) -> Result<(), ApiError> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) { Err(over(limit)) } else { Ok(()) }
}

fn over(limit: usize) -> ApiError {
    ApiError::too_large(format!("At most {} KiB are taken here", limit / 1024))
}

/// Reads a small body whole.
pub(crate) async fn body(request: Request<Body>, limit: usize) -> Result<Bytes, ApiError> {
    refuse_announced(request.headers(), limit)?;
    let reading = Limited::new(request.into_body(), limit).collect();
    match tokio::time::timeout(BODY_PATIENCE, reading).await {
        Err(_) => Err(too_slow()),
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.downcast_ref::<LengthLimitError>().is_some() => Err(over(limit)),
        Ok(Err(_)) => Err(ApiError::bad_request("Request body could not be read", "Send the whole body, well framed")),
    }
}

/// The refusal of a body that comes too slowly.
pub(crate) fn too_slow() -> ApiError {
    ApiError::new(StatusCode::REQUEST_TIMEOUT, "Request body came too slowly")
        .advice("Send the body without pauses of 30 seconds or more")
}

/// Parses a JSON object; the parser's own words stay inside.
pub(crate) fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let malformed = || ApiError::bad_request("Malformed JSON", "Send one well-formed JSON object in UTF-8");
    if deeper_than(bytes, BODY_DEPTH) {
        return Err(ApiError::bad_request("JSON is nested too deeply", "At most 64 levels are taken"));
    }
    // A struct could be read from an array too; only an object names its fields.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(malformed());
    }
    let text = std::str::from_utf8(bytes).map_err(|_| malformed())?;
    // Fields that nobody reads must be JSON too: numbers and escapes in them are checked only when they are read.
    if may_hide_faults(text) {
        serde_json::from_str::<Value>(text).map_err(|_| malformed())?;
    }
    serde_json::from_str(text).map_err(|error| {
        if error.is_data() {
            ApiError::bad_request("Invalid JSON", "Name every field once, with a value of the documented type")
        } else {
            malformed()
        }
    })
}

/// Says whether a field that is passed over could hold what is no JSON value: half a surrogate pair, or a number beyond
/// all bounds. Most bodies plainly cannot, and need not be parsed twice.
fn may_hide_faults(text: &str) -> bool {
    const LONGEST_PLAIN: usize = 300;
    let exponent = |pair: &[u8]| pair[0].is_ascii_digit() && matches!(pair[1], b'e' | b'E');
    text.len() > LONGEST_PLAIN || text.contains("\\u") || text.as_bytes().windows(2).any(exponent)
}

/// Says whether JSON text nests deeper than that, without parsing it.
fn deeper_than(bytes: &[u8], limit: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// Collects what is missing and what is wrong, field by field.
#[derive(Default)]
pub(crate) struct Checks {
    missing: Vec<&'static str>,
    wrong: BTreeMap<&'static str, String>,
}

impl Checks {
    /// Notes a field that must be there and is not.
    pub(crate) fn missing(&mut self, name: &'static str) {
        self.missing.push(name);
    }

    /// Notes what is wrong with a field.
    pub(crate) fn wrong(&mut self, name: &'static str, problem: impl Into<String>) {
        self.wrong.entry(name).or_insert_with(|| problem.into());
    }

    /// Says whether something has been found wrong with a field.
    pub(crate) fn is_wrong(&self, name: &str) -> bool {
        self.wrong.contains_key(name)
    }

    /// Text of at most `max` characters. Empty text is a value: it means unknown.
    pub(crate) fn text(&mut self, name: &'static str, raw: Raw, max: usize) -> Option<String> {
        let checked = match raw.filter(|value| !value.is_null())? {
            Value::String(text) if text.contains('\0') => Err("must not contain NUL characters".to_owned()),
            Value::String(text) if text.chars().count() > max => Err(format!("must have at most {max} characters")),
            Value::String(text) => Ok(text),
            _ => Err("must be text".to_owned()),
        };
        self.kept(name, checked)
    }

    /// Ordinary text, at most 255 characters; empty when not given.
    pub(crate) fn line(&mut self, name: &'static str, raw: Raw) -> String {
        self.text(name, raw, LINE).unwrap_or_default()
    }

    /// Text that must be there and hold more than spaces.
    pub(crate) fn required_text(&mut self, name: &'static str, raw: Raw, max: usize) -> String {
        let given = raw.is_some();
        match self.text(name, raw, max) {
            Some(text) if !text.trim().is_empty() => text,
            None if given && self.wrong.contains_key(name) => String::new(),
            _ => {
                self.missing(name);
                String::new()
            }
        }
    }

    /// One of a closed list of words.
    pub(crate) fn word<W: Word>(&mut self, name: &'static str, raw: Raw) -> Option<W> {
        let checked = match raw.filter(|value| !value.is_null())? {
            Value::String(text) => W::of(&text).ok_or(()),
            _ => Err(()),
        };
        let words: Vec<_> = W::WORDS.iter().map(|(word, _)| *word).collect();
        self.kept(name, checked.map_err(|()| format!("must be one of: {}", words.join(", "))))
    }

    /// A confidence from 0 to 100.
    pub(crate) fn confidence(&mut self, name: &'static str, raw: Raw) -> Option<f64> {
        let number = raw.filter(|value| !value.is_null())?;
        let checked = number.as_f64().filter(|number| (0.0..=100.0).contains(number));
        self.kept(name, checked.ok_or_else(|| "must be a number from 0 to 100".to_owned()))
    }

    /// A confidence that must be there.
    pub(crate) fn required_confidence(&mut self, name: &'static str, raw: Raw) -> Option<f64> {
        let given = raw.as_ref().is_some_and(|value| !value.is_null());
        if !given {
            self.missing(name);
        }
        self.confidence(name, raw)
    }

    /// An e-mail address (RFC 5321); empty when not given.
    pub(crate) fn email(&mut self, name: &'static str, raw: Raw) -> String {
        let text = self.line(name, raw);
        if !text.is_empty() && !EmailAddress::is_valid(&text) {
            self.wrong(name, "must be an e-mail address");
        }
        text
    }

    /// An IPv4 or IPv6 address; empty when not given.
    pub(crate) fn ip(&mut self, name: &'static str, raw: Raw) -> String {
        let text = self.line(name, raw);
        if !text.is_empty() && text.parse::<IpAddr>().is_err() {
            self.wrong(name, "must be an IPv4 or IPv6 address");
        }
        text
    }

    /// A calendar date, `YYYY-MM-DD`; empty when not given.
    pub(crate) fn date(&mut self, name: &'static str, raw: Raw) -> String {
        let text = self.line(name, raw);
        if !text.is_empty() && parse_date(&text).is_none() {
            self.wrong(name, "must be a date that exists, written YYYY-MM-DD");
        }
        text
    }

    /// A JSON document, or text, of at most 64 KiB and 16 levels, as text; empty when not given.
    pub(crate) fn document(&mut self, name: &'static str, raw: Raw) -> String {
        let Some(value) = raw.filter(|value| !value.is_null()) else { return String::new() };
        let checked = match value {
            Value::String(text) if text.contains('\0') => Err("must not contain NUL characters".to_owned()),
            Value::String(text)
                if text.trim_start().starts_with('{') && serde_json::from_str::<Value>(&text).is_err() =>
            {
                Err("must be well-formed JSON".to_owned())
            }
            Value::String(text) => Ok(text),
            Value::Object(object) => Ok(Value::Object(object).to_string()),
            _ => Err("must be a JSON object or text".to_owned()),
        };
        let checked = checked.and_then(|text| {
            if text.len() > JSON_BYTES {
                Err(format!("must have at most {} KiB", JSON_BYTES / 1024))
            } else if deeper_than(text.as_bytes(), JSON_DEPTH) {
                Err(format!("must be nested at most {JSON_DEPTH} levels deep"))
            } else {
                Ok(text)
            }
        });
        self.kept(name, checked).unwrap_or_default()
    }

    /// Ends the checks: everything missing in one answer, else everything wrong in one answer, else nothing.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        if !self.missing.is_empty() {
            Err(ApiError::missing(self.missing))
        } else if !self.wrong.is_empty() {
            Err(ApiError::invalid(self.wrong))
        } else {
            Ok(())
        }
    }

    fn kept<T>(&mut self, name: &'static str, checked: Result<T, String>) -> Option<T> {
        match checked {
            Ok(value) => Some(value),
            Err(problem) => {
                self.wrong(name, problem);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn depth_is_counted_outside_strings() {
        assert!(!deeper_than(br#"{"a":"[[[[\"[[[["}"#, 1));
        assert!(deeper_than(br#"{"a":[1]}"#, 1));
    }

    #[test]
    fn a_required_field_is_missing_when_absent_null_or_blank_and_wrong_when_of_another_type() {
        for (raw, missing) in
            [(None, true), (Some(json!(null)), true), (Some(json!("  ")), true), (Some(json!(7)), false)]
        {
            let mut checks = Checks::default();
            checks.required_text("userID", raw.clone(), LINE);
            assert_eq!(checks.missing.is_empty(), !missing, "{raw:?}");
            assert_eq!(checks.wrong.is_empty(), missing, "{raw:?}");
        }
    }

    #[test]
    fn confidences_end_at_a_hundred() {
        for (number, good) in
            [(json!(0), true), (json!(100), true), (json!(100.1), false), (json!(-1), false), (json!("5"), false)]
        {
            let mut checks = Checks::default();
            checks.confidence("c", Some(number.clone()));
            assert_eq!(checks.finish().is_ok(), good, "{number}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_json::<Value>(&bytes);
            let _ = deeper_than(&bytes, 3);
        }
    }
}

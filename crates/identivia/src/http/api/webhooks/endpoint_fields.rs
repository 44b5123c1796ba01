//! Checks of the fields of a webhook endpoint that callers send.

use std::collections::BTreeMap;

use axum::http::{HeaderName, HeaderValue};
use serde_json::Value;

use crate::domain::PARAGRAPH;
use crate::domain::outbox::EventType;
use crate::domain::webhook::receiver_url::ReceiverRule;
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::jobs::webhooks::SealedHeaders;
use crate::records::webhook_endpoint::SignatureScheme;

/// The longest URL, in characters.
pub(super) const MAX_URL: usize = 2_048;
/// The most patterns of types, and headers, of an endpoint.
pub(super) const MAX_PATTERNS: usize = 20;
pub(super) const MAX_HEADERS: usize = 10;
/// The longest name and value of a header, in bytes.
const MAX_HEADER_NAME: usize = 64;
const MAX_HEADER_VALUE: usize = 1_024;
/// Headers that the server or its HTTP library sets.
const RESERVED_HEADERS: [&str; 12] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// The URL, in the form that is stored. `None` when it was not sent, or is wrong.
pub(super) fn read_url(checks: &mut FieldChecks, raw: RawField, rule: &ReceiverRule) -> Option<String> {
    let text = checks.optional_text("url", raw, MAX_URL)?;
    match rule.check_url(&text) {
        Ok(url) => Some(url.into()),
        Err(problem) => {
            checks.add_problem("url", problem);
            None
        }
    }
}

/// Types of event and groups, each once. `None` when they were not sent, or are wrong.
pub(super) fn read_event_patterns(checks: &mut FieldChecks, raw: RawField) -> Option<Vec<String>> {
    let raw = raw.filter(|value| !value.is_null())?;
    let texts: Option<Vec<&str>> = raw.as_array().and_then(|list| list.iter().map(Value::as_str).collect());
    let is_known = |pattern: &&str| EventType::parse_pattern(pattern).is_some();
    let Some(texts) = texts.filter(|texts| (1..=MAX_PATTERNS).contains(&texts.len()) && texts.iter().all(is_known))
    else {
        let known: Vec<&str> = EventType::ALL.into_iter().map(EventType::word).collect();
        let problem = format!(
            "must be a list of 1 to {MAX_PATTERNS} known types, groups such as profile.*, or *: {}",
            known.join(", ")
        );
        checks.add_problem("events", problem);
        return None;
    };
    let mut patterns: Vec<String> = Vec::new();
    for text in texts {
        if !patterns.iter().any(|known| known == text) {
            patterns.push(text.to_owned());
        }
    }
    Some(patterns)
}

/// How deliveries are signed. `None` when it was not sent, or is wrong.
pub(super) fn read_signature(checks: &mut FieldChecks, raw: RawField) -> Option<SignatureScheme> {
    let raw = raw.filter(|value| !value.is_null())?;
    let scheme = serde_json::from_value(raw).ok();
    if scheme.is_none() {
        checks.add_problem("signature", "must be v1 (a shared secret), v1a (a public key) or both");
    }
    scheme
}

/// A flag. `None` when it was not sent, or is wrong.
pub(super) fn read_flag(checks: &mut FieldChecks, name: &'static str, raw: RawField) -> Option<bool> {
    let raw = raw.filter(|value| !value.is_null())?;
    if raw.as_bool().is_none() {
        checks.add_problem(name, "must be true or false");
    }
    raw.as_bool()
}

/// A description. An empty text: none. `None` when it was not sent, or is wrong.
pub(super) fn read_description(checks: &mut FieldChecks, raw: RawField) -> Option<Option<String>> {
    let text = checks.optional_text("description", raw, PARAGRAPH)?;
    Some(Some(text).filter(|text| !text.is_empty()))
}

/// Headers with their values, names in lower case. `None` when they were not sent, or are wrong.
pub(super) fn read_headers(checks: &mut FieldChecks, raw: RawField) -> Option<SealedHeaders> {
    let raw = raw.filter(|value| !value.is_null())?;
    let headers = parse_headers(&raw);
    match headers {
        Ok(headers) => Some(headers),
        Err(problem) => {
            checks.add_problem("headers", problem);
            None
        }
    }
}

fn parse_headers(raw: &Value) -> Result<SealedHeaders, String> {
    let object = raw.as_object().ok_or("must be an object of names and values")?;
    if object.len() > MAX_HEADERS {
        return Err(format!("must have at most {MAX_HEADERS} entries"));
    }
    let mut headers = BTreeMap::new();
    for (number, (name, value)) in object.iter().enumerate() {
        let entry = number + 1;
        let parsed = HeaderName::try_from(name.as_str()).ok().filter(|name| name.as_str().len() <= MAX_HEADER_NAME);
        let name = parsed.ok_or_else(|| format!("entry {entry} has a name that is no header's"))?;
        if RESERVED_HEADERS.contains(&name.as_str()) || name.as_str().starts_with("webhook-") {
            return Err(format!("must not set {name}: the server sets it"));
        }
        let text = value.as_str().filter(|text| text.len() <= MAX_HEADER_VALUE);
        let is_value = |text: &&str| text.is_ascii() && HeaderValue::try_from(*text).is_ok();
        // The error does not show the value: it may be a password.
        let text = text.filter(is_value).ok_or_else(|| {
            format!("the value of {name} must be printable ASCII text of at most {MAX_HEADER_VALUE} characters")
        })?;
        headers.insert(name.as_str().to_owned(), text.to_owned());
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn headers_that_are_ours_or_no_headers_are_refused() {
        for (wrong, named) in [
            (json!([]), "object"),
            (json!({"Host": "x"}), "host"),
            (json!({"Webhook-Id": "x"}), "webhook-id"),
            (json!({"content-length": "1"}), "content-length"),
            (json!({"a b": "x"}), "entry 1"),
            (json!({"": "x"}), "entry 1"),
            (json!({"x-key": "a\r\nhost: b"}), "x-key"),
            (json!({"x-key": 5}), "x-key"),
            (json!({"x-key": "é"}), "x-key"),
            (json!({"x-key": "a".repeat(1_025)}), "x-key"),
        ] {
            let problem = parse_headers(&wrong).unwrap_err();
            assert!(problem.contains(named), "{problem}");
        }
        let many: serde_json::Map<_, _> = (0..11).map(|number| (format!("x-{number}"), json!("v"))).collect();
        assert!(parse_headers(&Value::Object(many)).is_err());
        let good = parse_headers(&json!({"Authorization": "Bearer secret"})).unwrap();
        assert_eq!(good.get("authorization").map(String::as_str), Some("Bearer secret"));
    }
}

//! The `Idempotency-Key` header (draft-ietf-httpapi-idempotency-key-header-07): which requests take it, and its value.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::http::error::ApiError;

/// The request header.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The header of a repeated answer.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// The longest key, in characters.
const MAX_KEY: usize = 255;

/// Says whether the request is to be done once. `PUT` and `DELETE` may be repeated without a key (RFC 9110 §9.2.2).
pub(crate) fn has_idempotency_key(request: &Request) -> bool {
    request.headers().contains_key(&IDEMPOTENCY_KEY) && [Method::POST, Method::PATCH].contains(request.method())
}

/// Reads the one key of a request.
pub(crate) fn read_idempotency_key(headers: &HeaderMap) -> Result<String, ApiError> {
    let mut values = headers.get_all(&IDEMPOTENCY_KEY).iter();
    let key = values.next().filter(|_| values.next().is_none()).and_then(parse_key);
    key.ok_or_else(|| {
        ApiError::bad_request(
            "Invalid Idempotency-Key",
            "Send the header once, with a key of 1 to 255 printable ASCII characters, such as a UUID",
        )
    })
}

/// The key of a header's value. It may be a structured field's string (RFC 9651 §3.3.3), or the same without its quotes.
fn parse_key(value: &HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?.trim_matches(' ');
    let key = match text.strip_prefix('"') {
        Some(quoted) => unquote_key(quoted)?,
        None => text.to_owned(),
    };
    let is_printable = key.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    ((1..=MAX_KEY).contains(&key.len()) && is_printable).then_some(key)
}

/// The text before the closing quote, which must be the end.
fn unquote_key(quoted: &str) -> Option<String> {
    let mut key = String::new();
    let mut letters = quoted.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => return letters.next().is_none().then_some(key),
            '\\' => key.push(letters.next().filter(|letter| matches!(letter, '"' | '\\'))?),
            letter => key.push(letter),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Option<String> {
        parse_key(&HeaderValue::from_bytes(text.as_bytes()).unwrap())
    }

    #[test]
    fn quotes_are_optional_and_the_key_is_printable() {
        assert_eq!(parse("a-1").unwrap(), "a-1");
        assert_eq!(parse("\"a-1\"").unwrap(), "a-1");
        assert_eq!(parse("\"a\\\"b\\\\\"").unwrap(), "a\"b\\");
        assert_eq!(parse(&"k".repeat(255)).unwrap().len(), 255);
        for refused in ["", "\"\"", "\"a", "\"a\"b", "\"a\\n\"", "\"a\";x=1", "ä", "a\tb"] {
            assert_eq!(parse(refused), None, "{refused}");
        }
        assert_eq!(parse(&"k".repeat(256)), None);
    }

    proptest! {
        #[test]
        fn every_printable_key_survives_quoting(key in "[ -~]{1,255}") {
            let quoted = format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""));
            prop_assert_eq!(parse(&quoted), Some(key));
        }
    }
}

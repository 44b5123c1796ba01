//! JSON bodies: read with limits on size, time and depth, and parsed strictly.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use bytes::Bytes;
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::http::error::ApiError;
use crate::http::guard::body_limits::{BodyPermit, BodyPlace};

/// The largest JSON or form body, in bytes.
pub(crate) const BODY_BYTES: usize = 1024 * 1024;
/// The deepest JSON accepted.
const BODY_DEPTH: usize = 64;
/// How long a caller may take to send such a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Reads a JSON object.
pub(crate) async fn read_json<T: DeserializeOwned>(request: Request<Body>) -> Result<T, ApiError> {
    if media_type(request.headers()) != "application/json" {
        return Err(ApiError::unsupported_type("Send the body as Content-Type: application/json"));
    }
    parse_json(&read_body(request, BODY_BYTES).await?)
}

/// The request's media type in lower case, without parameters; empty when there is none.
pub(crate) fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Refuses a body whose `Content-Length` exceeds the limit, before a byte of it is read.
pub(crate) fn refuse_large_body(headers: &HeaderMap, limit: usize) -> Result<(), ApiError> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) { Err(body_too_large(limit)) } else { Ok(()) }
}

fn body_too_large(limit: usize) -> ApiError {
    ApiError::too_large(format!("The limit is {} KiB", limit / 1024))
}

/// Reads a small body whole.
pub(crate) async fn read_body(request: Request<Body>, limit: usize) -> Result<Bytes, ApiError> {
    refuse_large_body(request.headers(), limit)?;
    match tokio::time::timeout(BODY_TIMEOUT, collect_body(request, limit)).await {
        Ok(collected) => collected,
        Err(_) => Err(body_too_slow()),
    }
}

/// Collects a body. Its bytes are copied: a piece keeps the connection's whole buffer, which is counted nowhere.
async fn collect_body(request: Request<Body>, limit: usize) -> Result<Bytes, ApiError> {
    let permit = BodyPermit::of_request(request.extensions());
    let mut pieces = request.into_body().into_data_stream();
    let mut collected = Vec::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece
            .map_err(|_| ApiError::bad_request("Request body could not be read", "Send the whole body, well framed"))?;
        if collected.len() + piece.len() > limit {
            return Err(body_too_large(limit));
        }
        if let Some(permit) = &permit {
            permit.hold_bytes(BodyPlace::Memory, piece.len())?;
        }
        collected.extend_from_slice(&piece);
    }
    Ok(collected.into())
}

/// The refusal of a body that arrives too slowly.
pub(crate) fn body_too_slow() -> ApiError {
    ApiError::new(StatusCode::REQUEST_TIMEOUT, "Request body came too slowly")
        .with_message("Send the body without pauses of 30 seconds or more")
}

/// Parses a JSON object. The answer to a fault does not contain the parser's message.
pub(crate) fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let malformed = || ApiError::bad_request("Malformed JSON", "Send one well-formed JSON object in UTF-8");
    if is_deeper_than(bytes, BODY_DEPTH) {
        return Err(ApiError::bad_request("JSON is nested too deeply", "The limit is 64 levels"));
    }
    // A struct could be read from an array too; only an object names its fields.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(malformed());
    }
    let text = std::str::from_utf8(bytes).map_err(|_| malformed())?;
    // The parser skips unknown fields without checking their numbers and escapes, so these are parsed once more.
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

/// Says whether a skipped field could hold an invalid value: half a surrogate pair, or a number out of range. Most bodies
/// cannot, and need not be parsed twice.
fn may_hide_faults(text: &str) -> bool {
    const LONGEST_PLAIN: usize = 300;
    let exponent = |pair: &[u8]| pair[0].is_ascii_digit() && matches!(pair[1], b'e' | b'E');
    text.len() > LONGEST_PLAIN || text.contains("\\u") || text.as_bytes().windows(2).any(exponent)
}

/// Says whether JSON text nests deeper than that, without parsing it.
pub(super) fn is_deeper_than(bytes: &[u8], limit: usize) -> bool {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn depth_is_counted_outside_strings() {
        assert!(!is_deeper_than(br#"{"a":"[[[[\"[[[["}"#, 1));
        assert!(is_deeper_than(br#"{"a":[1]}"#, 1));
    }

    proptest! {
        #[test]
        fn parsing_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_json::<Value>(&bytes);
            let _ = is_deeper_than(&bytes, 3);
        }
    }
}

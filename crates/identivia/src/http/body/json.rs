//! JSON bodies: read with limits on size, time and depth, and parsed strictly.

use std::fmt;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};

use super::liveness_result::{LIVENESS_RESULT_BYTES, size_without_result};
use crate::http::error::ApiError;
use crate::http::guard::body_limits::{BodyPermit, BodyPlace};
use crate::http::idempotency::body_fingerprint::BodyFingerprint;

/// The largest JSON body with a token, in bytes.
const BODY_BYTES: usize = 256 * 1024;
/// The largest JSON or form body without a token, in bytes.
const PUBLIC_BODY_BYTES: usize = 16 * 1024;
/// The deepest JSON accepted.
const BODY_DEPTH: usize = 64;
/// How long a caller may take to send such a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Reads a JSON object from a caller with a token.
pub(crate) async fn read_json<T: DeserializeOwned>(request: Request<Body>) -> Result<T, ApiError> {
    refuse_other_types(&request)?;
    let body = read_body(request, BODY_BYTES).await?;
    parse_json(&body)
}

/// Reads a JSON object from a caller without a token.
pub(crate) async fn read_public_json<T: DeserializeOwned>(request: Request<Body>) -> Result<T, ApiError> {
    refuse_other_types(&request)?;
    parse_json(&read_public_body(request).await?)
}

/// Reads a JSON object whose liveness result may be large. The rest has the usual limit.
pub(crate) async fn read_json_with_result<T: DeserializeOwned>(request: Request<Body>) -> Result<T, ApiError> {
    refuse_other_types(&request)?;
    let body = read_body(request, BODY_BYTES + LIVENESS_RESULT_BYTES).await?;
    if body.len() > BODY_BYTES {
        refuse_deep_json(&body)?;
        let size = std::str::from_utf8(&body).ok().and_then(size_without_result).ok_or_else(malformed_json)?;
        if size > BODY_BYTES {
            return Err(body_too_large(BODY_BYTES));
        }
    }
    parse_json(&body)
}

fn refuse_other_types(request: &Request<Body>) -> Result<(), ApiError> {
    match media_type(request.headers()).as_str() {
        "application/json" => Ok(()),
        _ => Err(ApiError::unsupported_type("Send the body as Content-Type: application/json")),
    }
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

/// Reads a whole body of a caller without a token.
pub(crate) async fn read_public_body(request: Request<Body>) -> Result<Vec<u8>, ApiError> {
    read_body(request, PUBLIC_BODY_BYTES).await
}

/// Reads a body of a caller with a token for its fingerprint alone.
pub(crate) async fn skip_body(request: Request<Body>) -> Result<(), ApiError> {
    read_body(request, BODY_BYTES + LIVENESS_RESULT_BYTES).await.map(drop)
}

/// Reads a whole body. It grows with the bytes that arrive, not with its `Content-Length`.
async fn read_body(request: Request<Body>, limit: usize) -> Result<Vec<u8>, ApiError> {
    refuse_large_body(request.headers(), limit)?;
    tokio::time::timeout(BODY_TIMEOUT, collect_body(request, limit)).await.map_err(|_| body_too_slow())?
}

/// Collects a body. Its bytes are copied: a piece keeps the connection's whole buffer, which is counted nowhere.
async fn collect_body(request: Request<Body>, limit: usize) -> Result<Vec<u8>, ApiError> {
    let permit = BodyPermit::of_request(request.extensions());
    let fingerprint = BodyFingerprint::of_request(request.extensions());
    let mut body = request.into_body();
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| unreadable_body())?;
        let Some(piece) = frame.data_ref() else { continue };
        if bytes.len() + piece.len() > limit {
            return Err(body_too_large(limit));
        }
        if let Some(permit) = &permit {
            permit.hold_bytes(BodyPlace::Memory, piece.len())?;
        }
        bytes.extend_from_slice(piece);
    }
    if let Some(fingerprint) = fingerprint {
        fingerprint.add_whole_body(&bytes);
    }
    Ok(bytes)
}

fn unreadable_body() -> ApiError {
    ApiError::bad_request("Request body could not be read", "Send the whole body, well framed")
}

/// The refusal of a body that arrives too slowly.
pub(crate) fn body_too_slow() -> ApiError {
    ApiError::new(StatusCode::REQUEST_TIMEOUT, "Request body came too slowly")
        .with_message("Send the body without pauses of 30 seconds or more")
}

/// Parses a JSON object. The answer to a fault does not contain the parser's message.
pub(crate) fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    refuse_deep_json(bytes)?;
    // A struct could be read from an array too; only an object names its fields.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(malformed_json());
    }
    let text = std::str::from_utf8(bytes).map_err(|_| malformed_json())?;
    // The parser skips unknown fields without checking their numbers and escapes, so these are parsed once more.
    if may_hide_faults(text) {
        serde_json::from_str::<WellFormed>(text).map_err(|_| malformed_json())?;
    }
    serde_json::from_str(text).map_err(|error| {
        if error.is_data() {
            ApiError::bad_request("Invalid JSON", "Name every field once, with a value of the documented type")
        } else {
            malformed_json()
        }
    })
}

fn malformed_json() -> ApiError {
    ApiError::bad_request("Malformed JSON", "Send one well-formed JSON object in UTF-8")
}

fn refuse_deep_json(bytes: &[u8]) -> Result<(), ApiError> {
    match is_deeper_than(bytes, BODY_DEPTH) {
        true => Err(ApiError::bad_request("JSON is nested too deeply", "The limit is 64 levels")),
        false => Ok(()),
    }
}

/// JSON of which every number and escape has been checked. Nothing is kept: a list of small numbers would take sixteen
/// times its size.
struct WellFormed;

impl<'de> Deserialize<'de> for WellFormed {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        json.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for WellFormed {
    type Value = Self;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E: de::Error>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E: de::Error>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E: de::Error>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self, A::Error> {
        while entries.next_entry::<Self, Self>()?.is_some() {}
        Ok(self)
    }
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
    use serde_json::Value;

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

        #[test]
        fn json_is_well_formed_when_it_can_be_parsed(text in r#"(\{|\}|\[|\]|,|:|"|\\u|\\|d800|1e999|-0|1\.5|null|true|a| ){0,12}"#) {
            let is_well_formed = serde_json::from_str::<WellFormed>(&text).is_ok();
            prop_assert_eq!(is_well_formed, serde_json::from_str::<Value>(&text).is_ok(), "{}", text);
        }
    }
}

//! An answer as it is stored with an idempotency key: status, headers and body, encrypted (AES-256-GCM).

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::error::Unspecified;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body::Body as _;
use serde::{Deserialize, Serialize};

use crate::records::id::RecordId;

/// The largest body of a stored answer, in bytes.
const MAX_ANSWER_BYTES: u64 = 256 * 1024;
/// The length of a nonce, in bytes.
const NONCE_BYTES: usize = 12;

/// The key of one answer.
pub(crate) struct AnswerKey(Vec<u8>);

/// An answer whose body is in memory.
pub(super) struct ReadAnswer {
    pub(super) response: Response,
    /// The answer as it is stored, before it is encrypted.
    pub(super) plain: Vec<u8>,
}

/// The part of an answer before its body.
#[derive(Serialize, Deserialize)]
struct AnswerHead {
    status: u16,
    headers: Vec<(String, String)>,
}

/// Reads an answer into memory. An error gives back one that is too large to be stored, or no text.
pub(super) async fn read_answer(response: Response) -> Result<ReadAnswer, Response> {
    if response.body().size_hint().upper().is_none_or(|bytes| bytes > MAX_ANSWER_BYTES) {
        return Err(response);
    }
    let (parts, body) = response.into_parts();
    // A body that is in memory already cannot fail.
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let belongs = |name: &HeaderName| ![header::CONTENT_LENGTH, header::CONNECTION, header::DATE].contains(name);
    let headers = parts.headers.iter().filter(|(name, _)| belongs(name));
    let headers = headers.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
    let head = AnswerHead { status: parts.status.as_u16(), headers: headers.collect() };
    let mut plain = serde_json::to_vec(&head).unwrap_or_default();
    plain.push(b'\n');
    plain.extend_from_slice(&body);
    Ok(ReadAnswer { response: Response::from_parts(parts, Body::from(body)), plain })
}

/// Makes an answer of one that was stored. `None` when it is of no form of this program.
pub(super) fn parse_answer(plain: &[u8]) -> Option<Response> {
    let end = memchr::memchr(b'\n', plain)?;
    let head: AnswerHead = serde_json::from_slice(&plain[..end]).ok()?;
    let mut response = Response::new(Body::from(plain[end + 1..].to_vec()));
    *response.status_mut() = StatusCode::from_u16(head.status).ok()?;
    for (name, value) in head.headers {
        let (name, value) = (name.parse::<HeaderName>().ok()?, HeaderValue::from_str(&value).ok()?);
        response.headers_mut().append(name, value);
    }
    Some(response)
}

impl AnswerKey {
    /// A key of 32 bytes.
    pub(super) fn new(key: &[u8]) -> Self {
        Self(key.to_vec())
    }

    /// Encrypts an answer for the record with that id.
    pub(super) fn encrypt(&self, id: RecordId, plain: &[u8]) -> Result<String, Unspecified> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, &self.0)?;
        let mut sealed = plain.to_vec();
        let nonce = key.seal_in_place_append_tag(Aad::from(id.as_str()), &mut sealed)?;
        Ok(STANDARD.encode([nonce.as_ref().as_slice(), &sealed].concat()))
    }

    /// Decrypts the answer of the record with that id. `None` when it was encrypted with another key or for another record.
    pub(super) fn decrypt(&self, id: RecordId, sealed: &str) -> Option<Vec<u8>> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, &self.0).ok()?;
        let sealed = STANDARD.decode(sealed).ok()?;
        let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut plain = sealed.to_vec();
        Some(key.open_in_place(nonce, Aad::from(id.as_str()), &mut plain).ok()?.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;

    use super::*;

    #[tokio::test]
    async fn answer_is_the_same_after_encryption_and_unreadable_with_another_key_or_id() {
        let headers = [(header::LOCATION, "/a"), (header::RETRY_AFTER, "7")];
        let response = (StatusCode::CREATED, headers, "{\"secret\":\"CANARY\"}").into_response();
        let read = read_answer(response).await.unwrap_or_else(|_| panic!("the answer is small"));
        let (key, id) = (AnswerKey::new(&[7; 32]), RecordId::random());
        let sealed = key.encrypt(id, &read.plain).unwrap();
        assert!(!String::from_utf8_lossy(&STANDARD.decode(&sealed).unwrap()).contains("CANARY"));
        assert_ne!(sealed, key.encrypt(id, &read.plain).unwrap(), "each has its own nonce");
        let response = parse_answer(&key.decrypt(id, &sealed).unwrap()).unwrap();
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(response.headers()[header::LOCATION], "/a");
        assert_eq!(axum::body::to_bytes(response.into_body(), 1_000).await.unwrap(), "{\"secret\":\"CANARY\"}");
        assert!(AnswerKey::new(&[8; 32]).decrypt(id, &sealed).is_none());
        assert!(key.decrypt(RecordId::random(), &sealed).is_none());
    }

    #[tokio::test]
    async fn large_answer_is_given_back() {
        let response = "x".repeat(256 * 1024 + 1).into_response();
        assert!(read_answer(response).await.is_err());
    }
}

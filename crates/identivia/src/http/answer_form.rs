//! The form of an answer, as its request asks for it: a validator for what is polled (RFC 9110, 8.8.3), problem details
//! (RFC 9457), gzip.

use std::hash::Hasher as _;
use std::io::Write as _;

use aws_lc_rs::hmac;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use http_body::Body as _;
use http_body_util::BodyExt as _;
use serde_json::{Map, Value, json};
use siphasher::sip128::{Hasher128 as _, SipHasher13};

use super::error::to_code;

const JSON: &str = "application/json";
const PROBLEM_JSON: &str = "application/problem+json";
/// Where each code is explained.
const CODES_URL: &str = "https://github.com/identivia/identivia/blob/main/docs/errors.md";
/// A shorter body is not worth the time, in bytes.
const LEAST_COMPRESSED: usize = 1_024;
/// A longer body is passed on as it is, in bytes: it would have to be held in memory.
const LONGEST_FORMED: u64 = 1024 * 1024;

/// Makes the validators of answers.
// Keyed, because a person chooses parts of what a company's server polls: they cannot make two answers with one validator.
pub(super) struct Validators([u8; 16]);

impl Validators {
    /// Servers that share the secret make the same validators.
    pub(super) fn new(secret: &[u8]) -> Self {
        let root = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), b"identivia validators of answers");
        let mut key = [0; 16];
        key.copy_from_slice(&root.as_ref()[..16]);
        Self(key)
    }

    /// A weak validator: the same JSON may be sent compressed or not.
    fn to_validator(&self, body: &[u8]) -> Option<HeaderValue> {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        hasher.write(body);
        HeaderValue::from_str(&format!("W/\"{:032x}\"", hasher.finish128().as_u128())).ok()
    }
}

/// What a request asks for.
pub(super) struct WantedForm {
    takes_gzip: bool,
    takes_problem: bool,
    /// Whether it reads something that a caller may poll.
    is_poll: bool,
    /// The validators of what the caller has.
    known: Option<HeaderValue>,
}

impl WantedForm {
    pub(super) fn of_request(request: &Request<Body>) -> Self {
        let headers = request.headers();
        Self {
            takes_gzip: accepts(headers, header::ACCEPT_ENCODING, "gzip"),
            takes_problem: accepts(headers, header::ACCEPT, PROBLEM_JSON),
            is_poll: request.method() == Method::GET && request.uri().path().starts_with("/api/"),
            known: headers.get(header::IF_NONE_MATCH).cloned(),
        }
    }

    /// Gives a JSON answer that form. Every other answer stays as it is.
    pub(super) async fn apply(self, response: Response, request_id: &str, validators: &Validators) -> Response {
        let status = response.status();
        let is_problem = self.takes_problem && (status.is_client_error() || status.is_server_error());
        let is_validated = self.is_poll && status == StatusCode::OK;
        let size = response.body().size_hint().exact().unwrap_or(u64::MAX);
        let is_compressed = self.takes_gzip && size >= LEAST_COMPRESSED as u64;
        let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == JSON);
        if !is_json || size > LONGEST_FORMED || !(is_problem || is_validated || is_compressed) {
            return response;
        }
        let (mut parts, body) = response.into_parts();
        let Ok(body) = body.collect().await else { return Response::from_parts(parts, Body::empty()) };
        let mut body = body.to_bytes();
        if is_problem {
            body = to_problem(status, &body, request_id);
            parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        }
        if is_validated && let Some(validator) = validators.to_validator(&body) {
            let is_known = self.known.is_some_and(|known| names_validator(&known, &validator));
            parts.headers.insert(header::ETAG, validator);
            if is_known {
                parts.status = StatusCode::NOT_MODIFIED;
                parts.headers.remove(header::CONTENT_TYPE);
                parts.headers.remove(header::CONTENT_LENGTH);
                return Response::from_parts(parts, Body::empty());
            }
        }
        if is_compressed && let Some(smaller) = compress(&body).filter(|smaller| smaller.len() < body.len()) {
            body = smaller;
            parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        parts.headers.append(header::VARY, HeaderValue::from_static("Origin, Accept, Accept-Encoding"));
        parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        Response::from_parts(parts, Body::from(body))
    }
}

/// Says whether a header lists that word with a weight above 0.
fn accepts(headers: &HeaderMap, name: header::HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let is_word = parts.next().is_some_and(|listed| listed.eq_ignore_ascii_case(word));
        let weight = parts.find_map(|part| part.strip_prefix("q=")).and_then(|weight| weight.parse::<f32>().ok());
        is_word && weight.unwrap_or(1.0) > 0.0
    })
}

/// Says whether a list of validators names that one, or is `*`.
fn names_validator(known: &HeaderValue, validator: &HeaderValue) -> bool {
    let (Ok(known), Ok(validator)) = (known.to_str(), validator.to_str()) else { return false };
    let opaque = |validator: &str| validator.trim().trim_start_matches("W/").to_owned();
    known.trim() == "*" || known.split(',').any(|entry| opaque(entry) == opaque(validator))
}

/// The reference's error body as problem details, with a code for programs.
fn to_problem(status: StatusCode, body: &[u8], request_id: &str) -> Bytes {
    let mut error: Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
    let title = error.remove("error").and_then(|title| title.as_str().map(str::to_owned)).unwrap_or_default();
    let code = to_code(&title);
    let mut problem = Map::new();
    problem.insert("type".to_owned(), json!(format!("{CODES_URL}#{code}")));
    problem.insert("title".to_owned(), json!(title));
    problem.insert("status".to_owned(), json!(status.as_u16()));
    if let Some(detail) = error.remove("message") {
        problem.insert("detail".to_owned(), detail);
    }
    problem.insert("code".to_owned(), json!(code));
    problem.insert("request_id".to_owned(), json!(request_id));
    problem.extend(error);
    Value::Object(problem).to_string().into()
}

fn compress(body: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 2), Compression::fast());
    encoder.write_all(body).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn weights_and_lists_are_read() {
        let takes_gzip = |value: &'static str| {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))]);
            accepts(&headers, header::ACCEPT_ENCODING, "gzip")
        };
        assert!(takes_gzip("gzip") && takes_gzip("br, GZIP;q=0.5") && takes_gzip("deflate,gzip ; q=1.0"));
        assert!(!takes_gzip("") && !takes_gzip("gzip;q=0") && !takes_gzip("gzipped") && !takes_gzip("br"));
    }

    #[test]
    fn validators_are_compared_weakly() {
        let validators = Validators::new(b"a secret");
        let validator = validators.to_validator(b"a").unwrap();
        let bare = HeaderValue::from_str(validator.to_str().unwrap().trim_start_matches("W/")).unwrap();
        assert!(names_validator(&validator, &validator) && names_validator(&bare, &validator));
        let list = HeaderValue::from_str(&format!("\"x\", {}", validator.to_str().unwrap())).unwrap();
        assert!(names_validator(&list, &validator) && names_validator(&HeaderValue::from_static("*"), &validator));
        assert!(!names_validator(&validators.to_validator(b"b").unwrap(), &validator));
        assert_eq!(Validators::new(b"a secret").to_validator(b"a").unwrap(), validator);
        assert_ne!(Validators::new(b"another").to_validator(b"a").unwrap(), validator);
    }

    /// The sentences that the sources hand to the constructors of errors.
    fn find_sentences(folder: &Path, found: &mut BTreeSet<String>) {
        const CONSTRUCTORS: [&str; 7] = [
            "bad_request(",
            "not_found(",
            "conflict(",
            "forbidden(",
            "not_configured(",
            "ApiError::new(",
            "Self::new(",
        ];
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                find_sentences(&path, found);
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            let source = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
            for constructor in CONSTRUCTORS {
                for call in source.split(constructor).skip(1) {
                    let arguments = call.trim_start().trim_start_matches(|letter: char| letter != '"' && letter != ')');
                    if let Some(sentence) = arguments.strip_prefix('"').and_then(|text| text.split('"').next()) {
                        found.insert(sentence.to_owned());
                    }
                }
            }
        }
    }

    #[test]
    fn every_code_is_explained() {
        let mut sentences = BTreeSet::new();
        find_sentences(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http"), &mut sentences);
        assert!(sentences.len() > 30, "{sentences:?}");
        let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md")).unwrap();
        let missing: Vec<_> = sentences
            .iter()
            .filter(|sentence| !sentence.contains("{provider}"))
            .filter(|sentence| !page.contains(&format!("<a id=\"{}\"></a>", to_code(sentence))))
            .collect();
        assert!(missing.is_empty(), "docs/errors.md does not explain {missing:?}");
    }
}

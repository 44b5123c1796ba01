//! Headers of answers in the OpenAPI document: described once, and named at each answer that may have them.

use serde_json::Value;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Ref, RefOr, Response};

/// The headers, what they say, and an example.
const HEADERS: [(&str, &str, &str); 8] = [
    (
        "X-Request-Id",
        "The id of this request: the caller's own, or one that was drawn. The log names it.",
        "k3m9x2q7w1z8v5n4b6c0",
    ),
    ("Retry-After", "After how many seconds to try again.", "5"),
    ("WWW-Authenticate", "How to authenticate (RFC 6750, RFC 7617).", "Bearer"),
    ("RateLimit", "The limit that was reached, and the seconds until it is free again.", "\"credentials\";r=0;t=120"),
    ("RateLimit-Policy", "How many requests that limit allows in how many seconds.", "\"credentials\";q=5;w=180"),
    ("Idempotency-Replayed", "`true` where this is the stored answer of an earlier request with that key.", "true"),
    (
        "ETag",
        "The validator of this answer: with it in `If-None-Match`, an unchanged answer is 304 without a body.",
        "W/\"a1b2c3\"",
    ),
    ("Content-Disposition", "The stored name of the file.", "attachment; filename=\"passport_a1b2c3.jpg\""),
];

/// Every header as a component of the document.
pub(super) fn describe_headers() -> impl Iterator<Item = (&'static str, Header)> {
    HEADERS.into_iter().map(|(name, description, example)| {
        let kind = if name == "Retry-After" { Type::Integer } else { Type::String };
        let example: Value = if kind == Type::Integer { example.parse().unwrap_or_default() } else { example.into() };
        let schema = ObjectBuilder::new().schema_type(kind).examples([example]);
        (name, HeaderBuilder::new().description(Some(description)).schema(Some(schema)).build())
    })
}

/// Names the headers that the operation's answers may have.
pub(super) fn add_response_headers(operation: &mut Operation, is_polled: bool) {
    let takes_key = operation.parameters.iter().flatten().any(|parameter| matches!(parameter, RefOr::Ref(_)));
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        let is_file = response.content.keys().any(|kind| kind.starts_with("image/"));
        if status == "200" && is_polled && response.content.contains_key("application/json") {
            add_header(response, "ETag");
        }
        for name in headers_of_status(status, takes_key, is_file) {
            add_header(response, name);
        }
    }
}

fn add_header(response: &mut Response, name: &str) {
    response.headers.insert(name.to_owned(), RefOr::Ref(Ref::new(format!("#/components/headers/{name}"))));
}

fn headers_of_status(status: &str, takes_key: bool, is_file: bool) -> impl Iterator<Item = &'static str> {
    let is_good = status.starts_with('2');
    let by_status: &[&str] = match status {
        "401" => &["WWW-Authenticate"],
        "409" if takes_key => &["Retry-After"],
        "429" => &["Retry-After", "RateLimit", "RateLimit-Policy"],
        "503" => &["Retry-After"],
        _ => &[],
    };
    let by_kind = [("Idempotency-Replayed", is_good && takes_key), ("Content-Disposition", is_good && is_file)];
    let by_kind = by_kind.into_iter().filter_map(|(name, applies)| applies.then_some(name));
    std::iter::once("X-Request-Id").chain(by_status.iter().copied()).chain(by_kind)
}

//! The forms of an answer that a request can ask for: problem details, a validator, gzip.

use std::io::Read as _;

use flate2::read::GzDecoder;
use reqwest::Method;
use serde_json::json;

use crate::world::{Answer, Caller, World, answer};

async fn get_with(caller: &Caller<'_>, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request = caller.request(Method::GET, path);
    answer(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn error_is_a_problem_only_for_those_who_ask() {
    let world = World::new().await;
    let operator = world.operator();
    let path = format!("/api/profiles/{}", "a".repeat(15));
    let plain = operator.get(&path).await;
    assert_eq!(plain.header("content-type"), "application/json");
    assert_eq!(plain.expect(404), json!({"error": "Identivia record not found", "message": "Invalid or expired ID"}));

    let asked = [("accept", "application/problem+json, application/json"), ("x-request-id", "mine")];
    let problem = get_with(&operator, &path, &asked).await;
    assert_eq!(problem.header("content-type"), "application/problem+json");
    let expected = json!({
        "type": "https://github.com/identivia/identivia/blob/main/docs/errors.md#identivia_record_not_found",
        "title": "Identivia record not found", "status": 404, "detail": "Invalid or expired ID",
        "code": "identivia_record_not_found", "request_id": "mine",
    });
    assert_eq!(problem.expect(404), expected);

    let request = operator.request(Method::POST, "/api/profiles/create").header("accept", "application/problem+json");
    let missing = answer(request.json(&json!({}))).await.expect(400);
    assert_eq!((&missing["code"], &missing["required"]), (&json!("missing_required_fields"), &json!(["userID"])));
    let unwanted = get_with(&operator, &path, &[("accept", "application/problem+json;q=0")]).await;
    assert_eq!(unwanted.header("content-type"), "application/json");
    let good = get_with(&operator, "/api/profiles", &asked).await;
    assert_eq!((good.status, good.header("content-type")), (200, "application/json"));
}

#[tokio::test(flavor = "multi_thread")]
async fn unchanged_resource_is_304_until_it_changes() {
    let world = World::new().await;
    let operator = world.operator();
    let (id, browser) = world.person("u").await;
    let path = format!("/api/profiles/{id}");
    let first = operator.get(&path).await;
    let validator = first.header("etag").to_owned();
    assert!(validator.starts_with("W/\""), "{validator}");
    assert_eq!(first.header("cache-control"), "no-store", "it is the caller who compares, and no cache");
    let same = get_with(&operator, &path, &[("if-none-match", &validator)]).await;
    assert_eq!((same.status, same.bytes.len(), same.header("etag")), (304, 0, validator.as_str()));
    operator.patch(&path, json!({"country": "UT"})).await.expect(200);
    let changed = get_with(&operator, &path, &[("if-none-match", &validator)]).await;
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), validator);
    // A link sees less, so what it has is another thing.
    let seen = browser.get(&path).await;
    assert_eq!(seen.status, 200);
    let refused = get_with(&world.bearing(None), &path, &[("if-none-match", "*")]).await;
    assert_eq!((refused.status, refused.header("etag")), (401, ""), "a validator is no way around the guard");
}

#[tokio::test(flavor = "multi_thread")]
async fn long_json_is_compressed_for_those_who_take_it() {
    let world = World::new().await;
    let operator = world.operator();
    for number in 0..12 {
        world.person(&format!("a user with a long name, number {number}")).await;
    }
    let plain = operator.get("/api/profiles").await;
    assert_eq!(plain.header("content-encoding"), "");
    let packed = get_with(&operator, "/api/profiles", &[("accept-encoding", "br, gzip")]).await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert!(packed.bytes.len() < plain.bytes.len() / 2);
    let mut text = Vec::new();
    GzDecoder::new(packed.bytes.as_slice()).read_to_end(&mut text).unwrap();
    assert_eq!(text, plain.bytes);
    let vary: Vec<_> = packed.headers.get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
    assert!(vary.join(",").contains("Accept-Encoding"), "{vary:?}");
    let packed_validator = packed.header("etag").to_owned();
    assert_eq!(packed_validator, plain.header("etag"), "weak: both say the same");
    let short = get_with(&operator, "/health", &[("accept-encoding", "gzip")]).await;
    assert_eq!((short.status, short.header("content-encoding")), (200, ""));
}

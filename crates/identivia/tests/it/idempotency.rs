//! `Idempotency-Key`: a repeated request gets its first answer, and its work is done once.

mod crashes;
mod slow_work;
mod unreliable_network;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use identivia::records::idempotency_key::IdempotencyKey;
use identivia::records::{FieldMap, RecordKind};
use identivia::store::{Commit, Query};
use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::world::{Answer, Caller, World, answer, file, small_picture, texts};

const DAY_SECONDS: i64 = 24 * 3_600;

/// Sends JSON with a key.
async fn post_keyed(caller: &Caller<'_>, path: &str, key: &str, body: &Value) -> Answer {
    answer(caller.request(Method::POST, path).header("Idempotency-Key", key).json(body)).await
}

/// Sends a form with a key. Each form has a boundary of its own.
async fn send_keyed_form(caller: &Caller<'_>, method: Method, path: &str, key: &str, form: Form) -> Answer {
    answer(caller.request(method, path).header("Idempotency-Key", key).multipart(form)).await
}

fn status_body(notes: &str) -> Value {
    json!({"previous_status": "unverified", "new_status": "pending", "notes": notes})
}

fn evidence_form(shade: u8) -> Form {
    texts(&[
        ("liveness_session_id", "s"),
        ("liveness_confidence", "90"),
        ("liveness_status", "live"),
        ("document_type", "passport"),
    ])
    .part("document_front", file(small_picture(shade), "a.png"))
    .part("facial_photo", file(small_picture(2), "b.png"))
}

fn photo_form(shade: u8, name: &str) -> Form {
    texts(&[("country", "UT")]).part("facial_photo", file(small_picture(shade), name))
}

/// How many entries a list has.
async fn count_entries(caller: &Caller<'_>, path: &str) -> usize {
    caller.get(path).await.expect(200)["data"].as_array().unwrap().len()
}

/// Every stored key and receipt.
async fn read_keys(world: &World) -> Vec<IdempotencyKey> {
    let stored = world.app.store.read(Query::of_kind(RecordKind::IdempotencyKeys)).await.unwrap();
    stored.iter().map(|stored| serde_json::from_str(&stored.json).unwrap()).collect()
}

#[track_caller]
fn assert_replayed(first: &Answer, again: &Answer) {
    assert_eq!((again.status, &again.bytes), (first.status, &first.bytes), "{}", again.body);
    assert_eq!(again.header("content-type"), first.header("content-type"));
    assert_eq!(again.header("retry-after"), first.header("retry-after"));
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), ("", "true"));
    assert_ne!(again.header("x-request-id"), first.header("x-request-id"));
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_json_request_gets_the_first_answer_and_writes_once() {
    let world = World::new().await;
    let operator = world.operator();
    let create = async |key| post_keyed(&operator, "/api/profiles/create", key, &json!({"userID": "u"})).await;
    let first = create("c-1").await;
    assert_eq!(first.status, 201);
    assert_replayed(&first, &create("\"c-1\"").await);
    assert_eq!(create("c-2").await.status, 200, "another key is another request");

    let path = format!("/api/status_history/{}", first.body["id"].as_str().unwrap());
    let record = async || post_keyed(&operator, &path, "s-1", &status_body("n")).await;
    let first = record().await;
    assert_eq!(first.status, 201);
    assert_replayed(&first, &record().await);
    assert_eq!(count_entries(&operator, &path).await, 1);
    assert_eq!(world.events().await.iter().filter(|(kind, ..)| kind == "status.recorded").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_form_with_another_boundary_gets_the_first_answer_and_stores_no_file() {
    let world = World::new().await;
    let operator = world.operator();
    let (id, _) = world.person("u").await;
    let (profile, records) = (format!("/api/profiles/{id}"), format!("/api/verification_history/{id}"));
    let change = async || send_keyed_form(&operator, Method::PATCH, &profile, "p", photo_form(1, "a.png")).await;
    let first = change().await;
    assert_eq!(first.status, 200);
    assert_replayed(&first, &change().await);
    let record = async || send_keyed_form(&operator, Method::POST, &records, "v", evidence_form(1)).await;
    let first = record().await;
    assert_eq!(first.status, 201);
    assert_replayed(&first, &record().await);
    assert_eq!(count_entries(&operator, &records).await, 1);
    world.await_stored_files(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusal_of_the_work_is_repeated_too() {
    let world = World::new().await;
    let operator = world.operator();
    let create = async || post_keyed(&operator, "/api/profiles/create", "k", &json!({"name": "n"})).await;
    let first = create().await;
    assert_eq!(first.status, 400);
    assert_replayed(&first, &create().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn key_of_another_request_is_422_and_names_the_remedy() {
    let world = World::new().await;
    let operator = world.operator();
    let (id, _) = world.person("u").await;
    let (other, _) = world.person("other").await;
    let path = format!("/api/status_history/{id}");
    post_keyed(&operator, &path, "k", &status_body("one")).await.expect(201);
    for (path, body) in [
        (path.clone(), status_body("two")),
        (format!("{path}?a=b"), status_body("one")),
        (format!("/api/status_history/{other}"), status_body("one")),
        ("/api/profiles/create".to_owned(), json!({"userID": "new"})),
    ] {
        let refused = post_keyed(&operator, &path, "k", &body).await.expect(422);
        assert!(refused["message"].as_str().unwrap().contains("new key"), "{refused}");
    }
    let profile = format!("/api/profiles/{id}");
    let change = async |form| send_keyed_form(&operator, Method::PATCH, &profile, "f", form).await;
    change(photo_form(1, "a.png")).await.expect(200);
    change(photo_form(2, "a.png")).await.expect(422);
    change(photo_form(1, "b.png")).await.expect(422);
    change(photo_form(1, "a.png").text("unknown", "x")).await.expect(422);
    assert_eq!(count_entries(&operator, &path).await, 1);
    world.await_stored_files(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn same_key_of_another_caller_is_another_key() {
    let world = World::new().await;
    let token = |client: &str| {
        let scope = "profiles:write";
        Some(world.app.tokens.issue_machine_token(client, scope, None, None, world.clock.now()).unwrap())
    };
    let callers = [world.bearing(token("tester")), world.bearing(token("operator")), world.team("red")];
    for (number, caller) in callers.iter().enumerate() {
        let body = json!({"userID": format!("u{number}")});
        post_keyed(caller, "/api/profiles/create", "k", &body).await.expect(201);
    }
    let (one, browser) = world.person("one").await;
    let (two, other) = world.person("two").await;
    let consent = json!({"version": "1", "language": "en"});
    post_keyed(&browser, &format!("/api/flow/{one}/consent"), "k", &consent).await.expect(200);
    post_keyed(&other, &format!("/api/flow/{two}/consent"), "k", &consent).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_requests_with_one_key_make_one_record() {
    let world = World::new().await;
    let operator = world.operator();
    let (id, _) = world.person("u").await;
    let path = format!("/api/status_history/{id}");
    let body = status_body("n");
    let answers = join_all((0..20).map(|_| post_keyed(&operator, &path, "k", &body))).await;
    let (done, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert!(done.windows(2).all(|pair| pair[0].bytes == pair[1].bytes) && !done.is_empty());
    assert_eq!(done.iter().filter(|answer| answer.header("idempotency-replayed").is_empty()).count(), 1);
    for answer in refused {
        assert_eq!((answer.status, &answer.body["error"]), (409, &json!("Request still running")));
        assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
    }
    assert_eq!(count_entries(&operator, &path).await, 1);
}

/// Sends the head of a request with a key, and waits until the key is claimed.
async fn begin_request(world: &World, path: &str, key: &str, length: usize) -> TcpStream {
    let mut socket = TcpStream::connect(world.url.trim_start_matches("http://")).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nIdempotency-Key: {key}\r\nConnection: close\r\n\r\n",
        world.operator().token.unwrap(),
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    while read_keys(world).await.is_empty() {
        tokio::task::yield_now().await;
    }
    socket
}

#[tokio::test(flavor = "multi_thread")]
async fn running_request_is_409_and_its_answer_is_replayed() {
    let world = World::new().await;
    let operator = world.operator();
    let (id, _) = world.person("u").await;
    let path = format!("/api/status_history/{id}");
    let body = status_body("n").to_string();
    let mut socket = begin_request(&world, &path, "k", body.len()).await;
    post_keyed(&operator, &path, "k", &status_body("n")).await.expect(409);
    socket.write_all(body.as_bytes()).await.unwrap();
    let mut first = Vec::new();
    socket.read_to_end(&mut first).await.unwrap();
    let again = post_keyed(&operator, &path, "k", &status_body("n")).await;
    assert!(first.starts_with(b"HTTP/1.1 201") && first.ends_with(&again.bytes));
    assert_eq!(again.header("idempotency-replayed"), "true");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusal_after_which_nothing_was_done_frees_the_key() {
    let world = World::new().await;
    let operator = world.operator();
    let large = json!({"userID": "u", "unknown": "x".repeat(257 * 1024)});
    post_keyed(&operator, "/api/profiles/create", "k", &large).await.expect(413);
    assert!(read_keys(&world).await.is_empty());
    post_keyed(&operator, "/api/profiles/create", "k", &json!({"userID": "u"})).await.expect(201);
    // The profile is looked for before the body is read.
    let unknown = "/api/profiles/aaaaaaaaaaaaaaa";
    for shade in [1, 2] {
        let refused = send_keyed_form(&operator, Method::PATCH, unknown, "p", photo_form(shade, "a.png")).await;
        assert_eq!((refused.status, refused.header("idempotency-replayed")), (404, ""));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn key_is_free_after_a_day_and_expired_keys_are_removed() {
    let world = World::new().await;
    let (id, _) = world.person("u").await;
    let path = format!("/api/status_history/{id}");
    let first = post_keyed(&world.operator(), &path, "k", &status_body("one")).await;
    world.clock.advance(DAY_SECONDS - 60);
    assert_replayed(&first, &post_keyed(&world.operator(), &path, "k", &status_body("one")).await);
    world.clock.advance(120);
    post_keyed(&world.operator(), &path, "other", &status_body("three")).await.expect(201);
    post_keyed(&world.operator(), &path, "k", &status_body("two")).await.expect(201);
    assert_eq!(count_entries(&world.operator(), &path).await, 3);
    for _ in 0..250 {
        // Both keys and their receipts.
        if read_keys(&world).await.len() == 4 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("expired keys are left: {:?}", read_keys(&world).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn link_has_a_hundred_keys_and_its_repetitions_are_still_answered() {
    let world = World::new().await;
    let (id, browser) = world.person("u").await;
    let path = format!("/api/flow/{id}/handoff");
    let offer = async |number: usize| post_keyed(&browser, &path, &format!("k{number}"), &json!({})).await;
    for number in 0..100 {
        offer(number).await.expect(201);
    }
    let refused = offer(100).await;
    assert!(refused.header("retry-after").parse::<u64>().unwrap() > 0);
    assert!(refused.expect(429)["message"].as_str().unwrap().contains("100 keys"));
    assert_eq!(offer(7).await.header("idempotency-replayed"), "true");
    browser.post(&path, json!({})).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_and_keys_are_unreadable_in_the_store() {
    let world = World::new().await;
    let body = json!({"userID": "u"});
    let key = "CANARY-of-the-key";
    let first = post_keyed(&world.operator(), "/api/profiles/create", key, &body).await.expect(201);
    let token = first["flow_token"].as_str().unwrap();
    let keys = read_keys(&world).await;
    let mut stored = serde_json::to_vec(&keys).unwrap();
    for answer in keys.iter().filter_map(|key| key.answer.as_ref()) {
        stored.extend(STANDARD.decode(answer).unwrap());
    }
    for name in ["identivia.db", "identivia.db-wal"] {
        stored.extend(std::fs::read(world.folder.path().join("data").join(name)).unwrap_or_default());
    }
    assert!(stored.len() > 500);
    for secret in [token, key] {
        assert!(memchr::memmem::find(&stored, secret.as_bytes()).is_none(), "{secret}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_key_is_400_and_other_methods_ignore_it() {
    let world = World::new().await;
    let operator = world.operator();
    let long = "k".repeat(256);
    for key in ["", "\"\"", "\"open", &long] {
        let refused = post_keyed(&operator, "/api/profiles/create", key, &json!({"userID": "u"})).await.expect(400);
        assert_eq!(refused["error"], "Invalid Idempotency-Key");
    }
    let twice = operator.request(Method::POST, "/api/profiles/create").header("Idempotency-Key", "a");
    answer(twice.header("Idempotency-Key", "a").json(&json!({"userID": "u"}))).await.expect(400);
    for value in [1, 2] {
        let put = operator.request(Method::PUT, "/api/settings/key").header("Idempotency-Key", "k");
        answer(put.json(&json!({"value": value}))).await.expect(200);
    }
    let sign_in = json!({"client_id": "tester", "client_secret": "tester-secret"});
    let signed_in = post_keyed(&world.bearing(None), "/api/auth/token", "k", &sign_in).await;
    let again = post_keyed(&world.bearing(None), "/api/auth/token", "k", &sign_in).await;
    assert_ne!(signed_in.expect(200)["access_token"], again.expect(200)["access_token"]);
    assert!(read_keys(&world).await.is_empty());
}

#[test]
fn every_operation_that_takes_a_key_documents_it() {
    let document = serde_json::to_value(identivia::http::router::openapi_document()).unwrap();
    let reference = json!({"$ref": "#/components/parameters/IdempotencyKey"});
    assert_eq!(document["components"]["parameters"]["IdempotencyKey"]["name"], "Idempotency-Key");
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            // Answers of signing in hold a cookie, and are stored nowhere.
            let is_of_console = path.starts_with("/api/console/");
            let is_open = operation["security"] == json!([{}]);
            let takes_key = ["post", "patch"].contains(&method.as_str()) && !is_open && !is_of_console;
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            assert_eq!(parameters.contains(&reference), takes_key, "{method} {path}");
            let answers = ["409", "422", "429"].iter().all(|status| operation["responses"][status].is_object());
            assert!(!takes_key || answers, "{method} {path}");
        }
    }
}

//! Servers that die between a write and its answer: the repetition gets the answer and writes nothing.

use super::*;

use std::sync::Arc;
use std::time::Duration;

use identivia::clock::Clock;

use crate::command::Running;
use crate::ground::Ground;
use crate::world::SECRET;

/// What a server leaves that has died before it stored its answers: keys with a lease, and receipts.
async fn forget_answers(world: &World) {
    for key in read_keys(world).await.into_iter().filter(|key| !key.holder.is_empty()) {
        let lease_ends = world.clock.now().plus_seconds(60);
        let fields = [("answer", json!("")), ("body_hash", json!("")), ("lease_ends", json!(lease_ends))];
        let fields: FieldMap = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let mut commit = Commit::default();
        commit.update(RecordKind::IdempotencyKeys, key.id.as_str(), Vec::new(), fields);
        world.app.store.commit(commit).await.unwrap();
    }
}

/// The same for one that has died before it wrote.
async fn forget_receipts(world: &World) {
    let mut commit = Commit::default();
    for receipt in read_keys(world).await.into_iter().filter(|key| key.holder.is_empty()) {
        commit.delete(RecordKind::IdempotencyKeys, receipt.id.as_str(), Vec::new());
    }
    world.app.store.commit(commit).await.unwrap();
}

/// Repeats a request whose answer was lost: 409 while the lease lasts, then the rebuilt answer, which is replayed from then on.
async fn repeat_after_crash(world: &World, send: impl AsyncFn() -> Answer) -> Answer {
    forget_answers(world).await;
    send().await.expect(409);
    world.clock.advance(61);
    let rebuilt = send().await;
    assert_eq!(rebuilt.header("idempotency-replayed"), "true", "{}", rebuilt.body);
    let again = send().await;
    assert_eq!((again.status, &again.bytes), (rebuilt.status, &rebuilt.bytes));
    rebuilt
}

#[tokio::test(flavor = "multi_thread")]
async fn crash_between_write_and_answer_writes_once_and_gives_the_first_answer() {
    let world = World::new().await;
    let operator = world.operator();
    let create = async || post_keyed(&operator, "/api/profiles/create", "c", &json!({"userID": "u"})).await;
    let first = create().await.expect(201);
    let rebuilt = repeat_after_crash(&world, create).await.expect(201);
    assert_eq!((&rebuilt["id"], &rebuilt["message"]), (&first["id"], &Value::Null));
    let id = first["id"].as_str().unwrap();

    let path = format!("/api/status_history/{id}");
    let record = async || post_keyed(&operator, &path, "s", &status_body("n")).await;
    let first = record().await;
    assert_eq!(repeat_after_crash(&world, record).await.bytes, first.bytes);
    assert_eq!(count_entries(&operator, &path).await, 1);

    let path = format!("/api/profiles/{id}");
    let change = async || send_keyed_form(&operator, Method::PATCH, &path, "p", photo_form(1, "a.png")).await;
    let first = change().await;
    assert_eq!(repeat_after_crash(&world, change).await.bytes, first.bytes);

    let path = format!("/api/verification_history/{id}");
    let record = async || send_keyed_form(&operator, Method::POST, &path, "v", evidence_form(1)).await;
    let first = record().await;
    assert_eq!(repeat_after_crash(&world, record).await.bytes, first.bytes);
    assert_eq!(count_entries(&operator, &path).await, 1);
    world.await_stored_files(3).await;

    let path = format!("/api/profiles/{id}/revoke_links");
    let revoke = async || post_keyed(&operator, &path, "r", &json!({})).await;
    let first = revoke().await;
    assert_eq!(repeat_after_crash(&world, revoke).await.bytes, first.bytes);
    assert_eq!(world.events().await.iter().filter(|(kind, ..)| kind == "links.revoked").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn crash_after_a_links_record_gives_its_answer_although_the_link_is_closed() {
    let world = World::with_liveness().await;
    let (id, browser) = world.person("u").await;
    let consent = format!("/api/flow/{id}/consent");
    let body = json!({"version": "1", "language": "en"});
    let accept = async || post_keyed(&browser, &consent, "c", &body).await;
    let first = accept().await;
    assert_eq!(repeat_after_crash(&world, accept).await.bytes, first.bytes);

    let session = browser.post("/api/face-liveness/session", json!({})).await.expect(200);
    let session = session["sessionId"].as_str().unwrap().to_owned();
    world.provider.finish(&session, identivia::records::liveness_session::SessionStatus::Succeeded, Some(99.0));
    let form = || {
        texts(&[("liveness_confidence", "90"), ("liveness_status", "live"), ("document_type", "passport")])
            .text("liveness_session_id", session.clone())
            .part("document_front", file(small_picture(1), "a.png"))
            .part("facial_photo", file(small_picture(2), "b.png"))
    };
    let path = format!("/api/verification_history/{id}");
    let record = async || send_keyed_form(&browser, Method::POST, &path, "v", form()).await;
    let first = record().await;
    assert_eq!(first.status, 201, "{}", first.body);
    assert_eq!(repeat_after_crash(&world, record).await.bytes, first.bytes);
    browser.form(Method::POST, &path, form()).await.expect(409);
}

#[tokio::test(flavor = "multi_thread")]
async fn crash_before_the_write_lets_the_repetition_write() {
    let world = World::new().await;
    let operator = world.operator();
    let (id, _) = world.person("u").await;
    let path = format!("/api/status_history/{id}");
    post_keyed(&operator, &path, "k", &status_body("n")).await.expect(201);
    forget_answers(&world).await;
    forget_receipts(&world).await;
    post_keyed(&operator, &path, "k", &status_body("n")).await.expect(409);
    world.clock.advance(61);
    let again = post_keyed(&operator, &path, "k", &status_body("n")).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, ""));
    assert_eq!(count_entries(&operator, &path).await, 2, "the test has removed the receipt of the first");
}

#[tokio::test(flavor = "multi_thread")]
async fn rebuilt_answer_is_refused_to_another_body() {
    let world = World::new().await;
    let operator = world.operator();
    let (id, _) = world.person("u").await;
    let path = format!("/api/status_history/{id}");
    post_keyed(&operator, &path, "k", &status_body("one")).await.expect(201);
    forget_answers(&world).await;
    world.clock.advance(61);
    post_keyed(&operator, &path, "k", &status_body("two")).await.expect(422);
    assert_eq!(post_keyed(&operator, &path, "k", &status_body("one")).await.header("idempotency-replayed"), "true");
}

#[tokio::test(flavor = "multi_thread")]
async fn paused_attempt_whose_key_was_taken_over_writes_nothing_and_gets_the_answer() {
    let world = World::new().await;
    let operator = world.operator();
    let (id, _) = world.person("u").await;
    let path = format!("/api/status_history/{id}");
    let body = status_body("n").to_string();
    let mut paused = begin_request(&world, &path, "k", body.len()).await;
    world.clock.advance(61);
    let second = post_keyed(&operator, &path, "k", &status_body("n")).await;
    assert_eq!((second.status, second.header("idempotency-replayed")), (201, ""));
    paused.write_all(body.as_bytes()).await.unwrap();
    let mut first = Vec::new();
    paused.read_to_end(&mut first).await.unwrap();
    assert!(first.starts_with(b"HTTP/1.1 201") && first.ends_with(&second.bytes));
    assert_eq!(count_entries(&operator, &path).await, 1);
    assert_replayed(&second, &post_keyed(&operator, &path, "k", &status_body("n")).await);
}

/// The client of the process that is killed.
const CLIENTS: &str =
    r#"[{"client_id":"tester","client_secret":"tester-secret","scopes":["profiles:write","status_history:write"]}]"#;

#[tokio::test(flavor = "multi_thread")]
async fn answer_of_one_server_is_replayed_by_the_other() {
    let ground = Arc::new(Ground::postgres().await);
    let one = World::on(ground.clone(), &[], Clock::default()).await;
    let other = World::on(ground, &[], Clock::default()).await;
    let (id, _) = one.person("u").await;
    let path = format!("/api/status_history/{id}");
    let callers = [one.operator(), other.operator()];
    let body = status_body("n");
    let first = post_keyed(&callers[0], &path, "k", &body).await;
    assert_replayed(&first, &post_keyed(&callers[1], &path, "k", &body).await);
    let race = join_all((0..20).map(|number| post_keyed(&callers[number % 2], &path, "race", &body))).await;
    assert!(race.iter().all(|answer| [201, 409].contains(&answer.status)), "{race:?}");
    assert_eq!(count_entries(&callers[0], &path).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_a_killed_server_are_done_once_by_another() {
    let ground = Arc::new(Ground::postgres().await);
    let world = World::on(ground.clone(), &[], Clock::default()).await;
    let (id, _) = world.person("u").await;
    let path = format!("/api/status_history/{id}");
    let folder = tempfile::tempdir().unwrap();
    let doomed = Running::start(folder.path(), |command| {
        command.envs(ground.variables()).env("JWT_SECRET", SECRET).env("JWT_CLIENTS_JSON", CLIENTS);
    });
    let (token, http) = (world.operator().token.unwrap(), reqwest::Client::new());
    let write_until_killed = async |client: usize| {
        for number in 0.. {
            let request = http.post(format!("{}{path}", doomed.url)).bearer_auth(&token);
            let request = request.header("Idempotency-Key", format!("{client}-{number}"));
            match request.json(&status_body(&format!("{client}-{number}"))).send().await {
                Ok(response) => assert_eq!(response.status(), 201),
                Err(_) => return number,
            }
        }
        0
    };
    let killing = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        doomed.signal("-KILL");
    };
    let (acknowledged, ()) = tokio::join!(join_all((0..8).map(write_until_killed)), killing);
    world.clock.advance(61);
    let operator = world.operator();
    let mut written = 0;
    for (client, numbers) in acknowledged.into_iter().enumerate() {
        // The last one had no answer.
        for number in 0..=numbers {
            let key = format!("{client}-{number}");
            let answer = post_keyed(&operator, &path, &key, &status_body(&key)).await;
            assert!(answer.status == 201 && (number == numbers || !answer.header("idempotency-replayed").is_empty()));
            written += 1;
        }
    }
    let records = world.app.store.read(Query::of_kind(RecordKind::StatusHistory)).await.unwrap();
    assert_eq!(records.len(), written);
}

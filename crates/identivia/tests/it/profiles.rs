//! Profiles: one for each person, also when requests race; fields checked all at once; a team's own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{World, answer};

#[tokio::test(flavor = "multi_thread")]
async fn s37_of_a_thousand_concurrent_creates_one_makes_the_profile() {
    let world = World::new().await;
    let operator = world.operator();
    let repeats = AtomicUsize::new(0);
    // PocketBase takes so many at once with pauses: a create that is answered with 503 is repeated, as the guide says.
    let create = async || {
        loop {
            let created = operator.post("/api/profiles/create", json!({"userID": "raced"})).await;
            if created.status != 503 || repeats.fetch_add(1, Ordering::Relaxed) > 20_000 {
                return created;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let answers = futures_util::future::join_all((0..1_000).map(|_| create())).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    let found = answers.iter().filter(|answer| answer.status == 200).count();
    // A create that was answered with 503 may have made the profile.
    assert!(made == 1 || (made == 0 && repeats.into_inner() > 0), "{made}");
    assert_eq!(made + found, 1_000);
    let first = &answers[0].body["id"];
    assert!(answers.iter().all(|answer| &answer.body["id"] == first));
}

#[tokio::test(flavor = "multi_thread")]
async fn user_id_is_unique_within_its_team() {
    let world = World::new().await;
    let create = |caller: crate::world::Caller<'_>, body: Value| {
        let request = caller.request(Method::POST, "/api/profiles/create").json(&body);
        answer(request)
    };
    let red = create(world.team("red"), json!({"userID": "u"})).await.expect(201);
    let blue = create(world.team("blue"), json!({"userID": "u"})).await.expect(201);
    assert_ne!(red["id"], blue["id"]);
    let named = create(world.team("red"), json!({"userID": "u", "team": "red"})).await.expect(200);
    assert_eq!(named["id"], red["id"]);
    assert_eq!(
        create(world.team("red"), json!({"userID": "u", "team": "blue"})).await.expect(403)["error"],
        "Not your team"
    );
    let by_operator = create(world.operator(), json!({"userID": "u", "team": "blue"})).await.expect(200);
    assert_eq!(by_operator["id"], blue["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn create_returns_an_existing_profile_unchanged() {
    let world = World::new().await;
    let operator = world.operator();
    let first = operator.post("/api/profiles/create", json!({"userID": "u", "name": "A"})).await.expect(201);
    operator.post("/api/profiles/create", json!({"userID": "u", "name": "B"})).await.expect(200);
    let read = operator.get(&format!("/api/profiles/{}", first["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(read["data"]["name"], "A");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_fields_are_all_named() {
    let world = World::new().await;
    let body = json!({
        "userID": "u", "name": "n".repeat(256), "gender": "other", "email": "not an address", "ipAddress": "300.1.1.1",
        "country": 7, "language": "e\u{0}n",
    });
    let wrong = world.operator().post("/api/profiles/create", body).await.expect(400);
    insta::assert_json_snapshot!(wrong);
    let nulls = json!({"userID": "u", "name": null, "gender": null, "email": "", "unknown": {"a": [1]}});
    world.operator().post("/api/profiles/create", nulls).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn text_is_stored_as_it_was_sent_or_refused() {
    let world = World::new().await;
    let operator = world.operator();
    for text in [
        "nobody' || userID != ''",
        "'; drop table profiles; --",
        "\u{202e}gnirts",
        "a\nb\r\n\u{1b}[31m",
        "%_%",
        "🦀",
        "<script>alert(1)</script>",
        "${jndi:ldap://x}",
        "../../etc/passwd",
    ] {
        let made = operator.post("/api/profiles/create", json!({"userID": text, "name": text})).await.expect(201);
        let read = operator.get(&format!("/api/profiles/{}", made["id"].as_str().unwrap())).await.expect(200);
        assert_eq!(read["data"]["name"], text);
    }
    let list = operator.get("/api/profiles?limit=100").await.expect(200);
    assert_eq!(list["data"].as_array().unwrap().len(), 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_fields_sent_change() {
    let world = World::new().await;
    let (id, _) = world.person("one").await;
    let operator = world.operator();
    let path = format!("/api/profiles/{id}");
    operator.patch(&path, json!({"country": "UT", "document_type": "passport"})).await.expect(200);
    let after = operator.patch(&path, json!({"document_type": "", "verification_status": null})).await.expect(200);
    assert_eq!((&after["data"]["country"], &after["data"]["document_type"]), (&json!("UT"), &json!("")));
    let read = operator.get(&path).await.expect(200);
    assert_eq!((&read["data"]["country"], &read["data"]["document_type"]), (&json!("UT"), &Value::Null));
    operator.patch(&path, json!({"verification_status": "done"})).await.expect(400);
    operator.patch(&path, json!({"face_liveness_confidence": "95"})).await.expect(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_ids_are_404() {
    let world = World::new().await;
    let operator = world.operator();
    let long = "a".repeat(4_096);
    for id in ["..%2f..%2fetc", "abc%00", "%ff%fe", "ABCDEFGHIJKLMNO", long.as_str(), "abc%20def"] {
        let missing = operator.get(&format!("/api/profiles/{id}")).await.expect(404);
        assert_eq!(missing["error"], "Identivia record not found", "{id}");
    }
}

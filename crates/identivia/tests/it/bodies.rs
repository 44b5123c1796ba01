//! The size of bodies: each kind of caller has its limit, one field may be large, and all bodies together share a budget.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::select_all;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::world::{World, texts};
use identivia::records::RecordKind;
use identivia::store::Query;

/// A result as the API reference shows it, with images of that many base64 letters together.
fn liveness_result(letters: usize) -> Value {
    let image = |letters: usize| json!({"bytes": "/9j/".repeat(letters / 4), "boundingBox": {"Width": 0.5, "Height": 0.6, "Left": 0.2, "Top": 0.1}});
    let audit: Vec<Value> = (0..4).map(|_| image(letters / 5)).collect();
    json!({"success": true, "message": "Face Liveness results retrieved successfully", "data": {
        "sessionId": "session-uuid-here", "confidenceScore": 95.5, "isLive": true,
        "referenceImage": image(letters / 5), "auditImages": audit,
    }})
}

fn without_images(mut result: Value) -> Value {
    let data = &mut result["data"];
    data["referenceImage"].as_object_mut().unwrap().remove("bytes");
    for image in data["auditImages"].as_array_mut().unwrap() {
        image.as_object_mut().unwrap().remove("bytes");
    }
    result
}

async fn stored_result(world: &World, id: &str) -> Value {
    // PocketBase leaves large documents out where not all records are asked for.
    let stored = world.app.store.read(Query::of_kind(RecordKind::Profiles)).await.unwrap();
    let profiles = stored.iter().map(|stored| serde_json::from_str::<Value>(&stored.json).unwrap());
    let profile = profiles.into_iter().find(|profile| profile["id"] == id).unwrap();
    serde_json::from_str(profile["claimed_result"].as_str().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_liveness_result_is_accepted_and_its_images_are_dropped() {
    let world = World::new().await;
    let sent = liveness_result(2_000_000);
    let text = sent.to_string();
    assert!((1_900_000..2 * 1024 * 1024).contains(&text.len()));
    let (id, browser) = world.person("one").await;
    let path = format!("/api/profiles/{id}");
    for caller in [&browser, &world.operator()] {
        for form in 0..3 {
            caller.patch(&path, json!({"face_liveness_result": {"other": form}})).await.expect(200);
            let answer = match form {
                0 => caller.patch(&path, json!({"face_liveness_result": sent})).await,
                1 => caller.patch(&path, json!({"face_liveness_result": text})).await,
                _ => caller.form(Method::PATCH, &path, texts(&[("face_liveness_result", &text)])).await,
            };
            answer.expect(200);
            assert_eq!(stored_result(&world, &id).await, without_images(sent.clone()), "{form}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn result_that_is_large_without_its_images_is_400_and_names_the_remedy() {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    let path = format!("/api/profiles/{id}");
    let mut sent = liveness_result(100_000);
    sent["log"] = json!("x".repeat(70 * 1024));
    for answer in [
        browser.patch(&path, json!({"face_liveness_result": sent})).await,
        browser.patch(&path, json!({"face_liveness_result": sent.to_string()})).await,
        browser.form(Method::PATCH, &path, texts(&[("face_liveness_result", &sent.to_string())])).await,
    ] {
        let problem = answer.expect(400)["fields"]["face_liveness_result"].as_str().unwrap().to_owned();
        assert!(problem.contains("64 KiB without the bytes of its images"), "{problem}");
    }
    let beyond = liveness_result(2_200_000).to_string();
    browser.form(Method::PATCH, &path, texts(&[("face_liveness_result", &beyond)])).await.expect(413);
    browser.patch(&path, json!({"face_liveness_result": "x".repeat(2_400_000)})).await.expect(413);
}

#[tokio::test(flavor = "multi_thread")]
async fn s42_every_caller_has_its_limit_and_only_the_liveness_result_may_exceed_it() {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    let path = format!("/api/profiles/{id}");
    let kib = |count: usize| json!("x".repeat(count * 1024));
    let stranger = world.bearing(None);
    for open in ["/api/auth/token", "/api/flow/redeem"] {
        stranger.post(open, json!({"code": kib(17)})).await.expect(413);
        let status = stranger.post(open, json!({"unknown": kib(15)})).await.status;
        assert!(status == 400, "{open}: {status}");
    }
    browser.patch(&path, json!({"unknown": kib(255)})).await.expect(200);
    browser.patch(&path, json!({"unknown": kib(257)})).await.expect(413);
    browser.patch(&path, json!({"unknown": kib(257), "face_liveness_result": {"bytes": kib(1_000)}})).await.expect(413);
    world.operator().post("/api/profiles/create", json!({"userID": "two", "unknown": kib(257)})).await.expect(413);
    browser.form(Method::PATCH, &path, texts(&[("unknown", &"x".repeat(65 * 1024))])).await.expect(413);
}

/// Sends the head of a token request and all of its body but the end.
pub(crate) async fn send_unfinished(url: &str) -> TcpStream {
    let mut socket = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
    let head =
        "POST /api/auth/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 16384\r\n\r\n";
    let body = format!("{{\"client_id\": \"{}", "x".repeat(16_000));
    socket.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    socket
}

/// The first line of an answer.
async fn read_status(mut socket: TcpStream) -> String {
    let mut status = vec![0; 12];
    socket.read_exact(&mut status).await.unwrap();
    String::from_utf8(status).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn s71_unfinished_bodies_of_strangers_use_up_their_own_budget_only() {
    let world = World::new().await;
    let mut sockets = Vec::new();
    for _ in 0..600 {
        sockets.push(send_unfinished(&world.url).await);
    }
    let answers = sockets.into_iter().map(|socket| read_status(socket).boxed());
    let (first, _, others) = select_all(answers).await;
    assert_eq!(first, "HTTP/1.1 503", "no body has ended: this one is beyond the budget");
    world.operator().post("/api/profiles/create", json!({"userID": "one"})).await.expect(201);
    drop(others);
    let caller = world.bearing(None);
    let credentials = json!({"client_id": "tester", "client_secret": "tester-secret", "unknown": "x".repeat(16_000)});
    for _ in 0..250 {
        if caller.post("/api/auth/token", credentials.clone()).await.status == 200 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the budget was not returned");
}

//! What a liar with a link gets: the end user's browser can complete its own profile and never raise its own trust.

use identivia::records::liveness_session::SessionStatus;
use reqwest::Method;
use serde_json::{Value, json};

use crate::ground::Liveness;
use crate::world::{Answer, Caller, World, file, picture, small_picture, texts};

async fn record_verification(browser: &Caller<'_>, id: &str, session: &str) -> Answer {
    let form = texts(&[
        ("liveness_session_id", session),
        ("liveness_confidence", "99.9"),
        ("liveness_status", "live"),
        ("document_type", "passport"),
    ])
    .part("facial_photo", file(picture("portrait.jpg"), "photo.jpg"))
    .part("document_front", file(picture("passport.jpg"), "front.jpg"));
    browser.form(Method::POST, &format!("/api/verification_history/{id}"), form).await
}

async fn create_session(browser: &Caller<'_>) -> String {
    let made = browser.post("/api/face-liveness/session", json!({})).await.expect(200);
    made["sessionId"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn flow_token_may_set_only_pending() {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    let path = format!("/api/profiles/{id}");
    for status in ["verified", "rejected", "unverified"] {
        let body = json!({"verification_status": status, "country": "XX"});
        assert_eq!(browser.patch(&path, body).await.expect(403)["error"], "Not allowed with a flow token");
    }
    let unchanged = browser.get(&path).await.expect(200);
    assert_eq!(
        (&unchanged["data"]["verification_status"], &unchanged["data"]["country"]),
        (&json!("unverified"), &Value::Null)
    );
    let refusals: Vec<_> = world.events().await.into_iter().filter(|(kind, ..)| kind == "trust.refused").collect();
    assert_eq!(refusals.len(), 3);
    assert_eq!((refusals[0].1.as_str(), refusals[0].2.as_str()), (id.as_str(), "verification_status verified"));

    let moved = browser.patch(&path, json!({"verification_status": "pending", "country": "UT"})).await.expect(200);
    assert_eq!((&moved["data"]["status"], &moved["data"]["country"]), (&json!("pending"), &json!("UT")));
    browser.patch(&path, json!({"verification_status": "unverified"})).await.expect(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn status_record_of_a_flow_token_must_continue_the_history_to_pending() {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    let path = format!("/api/status_history/{id}");
    let step = |from: &str, to: &str| json!({"previous_status": from, "new_status": to, "notes": "n"});
    browser.post(&path, step("unverified", "verified")).await.expect(403);
    browser.post(&path, step("pending", "pending")).await.expect(409);
    browser.post(&path, step("Unverified", "pending")).await.expect(400);
    // The profile's own field may have moved first: the story still begins at unverified.
    browser.patch(&format!("/api/profiles/{id}"), json!({"verification_status": "pending"})).await.expect(200);
    let made = browser.post(&path, step("unverified", "pending")).await.expect(201);
    assert_eq!(made["data"]["updated_by"], id);
    browser.post(&path, step("unverified", "pending")).await.expect(409);
    browser.post(&path, step("pending", "pending")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn decided_profile_refuses_writes_of_a_flow_token() {
    for by_record in [false, true] {
        let world = World::with_liveness().await;
        let (id, browser) = world.person("one").await;
        let operator = world.operator();
        if by_record {
            let step = json!({"previous_status": "unverified", "new_status": "rejected", "notes": "n"});
            operator.post(&format!("/api/status_history/{id}"), step).await.expect(201);
        } else {
            operator
                .patch(&format!("/api/profiles/{id}"), json!({"verification_status": "verified"}))
                .await
                .expect(200);
        }
        browser.get(&format!("/api/profiles/{id}")).await.expect(200);
        browser.patch(&format!("/api/profiles/{id}"), json!({"country": "XX"})).await.expect(403);
        let step = json!({"previous_status": "verified", "new_status": "pending", "notes": "n"});
        browser.post(&format!("/api/status_history/{id}"), step).await.expect(403);
        browser.post("/api/face-liveness/session", json!({})).await.expect(403);
        browser.get("/api/aws/credentials").await.expect(403);
        record_verification(&browser, &id, "session-1").await.expect(403);
        let reading = texts(&[]).part("document_front", file(small_picture(1), "a.png"));
        browser.form(Method::POST, "/api/ollama/document-analysis", reading).await.expect(403);
        assert!(world.stored_files().await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn liveness_sent_with_a_flow_token_is_stored_as_a_claim() {
    let world = World::with_liveness().await;
    let (id, browser) = world.person("one").await;
    let session = create_session(&browser).await;
    let claim = json!({
        "face_liveness_session_id": session, "face_liveness_confidence": 99.9, "face_liveness_status": "live",
        "face_liveness_result": {"confidence": 99.9},
    });
    let path = format!("/api/profiles/{id}");
    browser.patch(&path, claim.clone()).await.expect(200);
    assert_eq!(read_liveness(&world).await, (String::new(), None, "live".to_owned(), Some(99.9)));

    world.provider.finish(&session, SessionStatus::Succeeded, Some(12.5));
    browser.patch(&path, claim).await.expect(200);
    assert_eq!(read_liveness(&world).await, ("not_live".to_owned(), Some(12.5), "live".to_owned(), Some(99.9)));

    let made = record_verification(&browser, &id, &session).await.expect(201);
    let data = &made["data"];
    assert_eq!((&data["liveness_confidence"], &data["liveness_status"]), (&json!(12.5), &json!("not_live")));
    assert_eq!(data["liveness_confirmed_by"], "provider");
    assert_eq!(
        (&data["claimed_liveness_confidence"], &data["claimed_liveness_status"]),
        (&json!(99.9), &json!("live"))
    );
    let shown = browser.get(&path).await.expect(200);
    assert_eq!(shown["data"]["verification_history"]["liveness_confidence"], json!(12.5));
}

/// What counts (status, confidence) and what was claimed (status, confidence) of the only profile.
async fn read_liveness(world: &World) -> Liveness {
    world.ground.liveness(&world.folder.path().join("data")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn s32_session_serves_one_record_of_its_own_profile_until_it_expires() {
    let world = World::with_liveness().await;
    let (mine, browser) = world.person("one").await;
    let (theirs, stranger) = world.person("two").await;
    let done = create_session(&browser).await;

    record_verification(&browser, &mine, "no-such-session").await.expect(400);
    record_verification(&browser, &mine, &done).await.expect(400); // not finished
    world.provider.finish(&done, SessionStatus::Succeeded, Some(95.0));
    assert_eq!(record_verification(&stranger, &theirs, &done).await.expect(400)["error"], "Invalid liveness session");
    stranger.get(&format!("/api/face-liveness/results/{done}")).await.expect(404);
    browser.get(&format!("/api/face-liveness/results/{done}")).await.expect(200);

    let late = create_session(&browser).await;
    world.clock.advance(181);
    world.provider.finish(&late, SessionStatus::Succeeded, Some(95.0));
    record_verification(&browser, &mine, &late).await.expect(400); // expired, also if the provider still has a result
    browser.get(&format!("/api/face-liveness/results/{late}")).await.expect(404); // nor does asking for it revive it
    record_verification(&browser, &mine, &late).await.expect(400);

    record_verification(&browser, &mine, &done).await.expect(201); // finished in time, so its result stands
    record_verification(&browser, &mine, &done).await.expect(409);
    let operator = world.operator();
    assert_eq!(
        record_verification(&operator, &mine, &done).await.expect(409)["error"],
        "Liveness session already used"
    );
    let list = world.operator().get(&format!("/api/verification_history/{mine}")).await.expect(200);
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    world.await_stored_files(3).await; // the record's two, and the image that the provider took
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_session_without_a_provider_is_400() {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    record_verification(&browser, &id, "session-xyz").await.expect(400);
    world.await_stored_files(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn machine_token_creates_a_session_with_or_without_a_profile() {
    let world = World::with_liveness().await;
    let (id, browser) = world.person("one").await;
    let operator = world.operator();
    let named = operator.post("/api/face-liveness/session", json!({"profile": id})).await.expect(200);
    let path = |body: &Value| format!("/api/face-liveness/results/{}", body["sessionId"].as_str().unwrap());
    browser.get(&path(&named)).await.expect(200);
    let unnamed = operator.post("/api/face-liveness/session", json!({})).await.expect(200);
    browser.get(&path(&unnamed)).await.expect(404);
    let (other, _) = world.person("two").await;
    let session = named["sessionId"].as_str().unwrap();
    assert_eq!(record_verification(&operator, &other, session).await.expect(400)["error"], "Invalid liveness session");
    record_verification(&operator, &id, session).await.expect(201);
    record_verification(&operator, &id, session).await.expect(409);
    operator.post("/api/face-liveness/session", json!({"profile": "nobody"})).await.expect(404);
    operator.post("/api/face-liveness/session", json!({"profile": 7})).await.expect(400);
    world.team("red").post("/api/face-liveness/session", json!({"profile": id})).await.expect(404);
    operator.get(&path(&named)).await.expect(200);
    let theirs = world.team("red").get(&path(&named)).await.expect(404);
    assert_eq!(theirs, operator.get("/api/face-liveness/results/no-such-session").await.expect(404));
}

#[tokio::test(flavor = "multi_thread")]
async fn read_only_fields_in_a_body_are_ignored() {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    let body = json!({"id": "abcdefghijklmno", "team": "red", "created": "2020-01-01", "status": "verified",
        "user_id": "two", "liveness_status": "live", "updated_by": "root", "country": "UT"});
    let changed = browser.patch(&format!("/api/profiles/{id}"), body).await.expect(200);
    assert_eq!(changed["data"]["id"], id);
    let list = world.operator().get("/api/profiles").await.expect(200);
    let entry = &list["data"][0];
    assert_eq!(
        (&entry["userID"], &entry["team"], &entry["status"]),
        (&json!("one"), &Value::Null, &json!("unverified"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn decided_profile_refuses_uploads_before_reading_them() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let world = World::with_reader().await;
    let (id, browser) = world.person("one").await;
    let decided = json!({"verification_status": "verified"});
    world.operator().patch(&format!("/api/profiles/{id}"), decided).await.expect(200);
    for operation in [
        format!("PATCH /api/profiles/{id}"),
        format!("POST /api/verification_history/{id}"),
        "POST /api/ollama/document-analysis".to_owned(),
    ] {
        let mut socket = tokio::net::TcpStream::connect(world.url.trim_start_matches("http://")).await.unwrap();
        let head = format!(
            "{operation} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: multipart/form-data; \
             boundary=b\r\nContent-Length: 9000000\r\n\r\n",
            browser.token.as_ref().unwrap(),
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut answer = vec![0; 12];
        socket.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, b"HTTP/1.1 403", "{operation}");
    }
}

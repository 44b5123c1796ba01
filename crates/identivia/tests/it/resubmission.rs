//! Another try: what it asks for, what stays, what the person reads, and how often it may be asked.

use identivia::records::liveness_session::SessionStatus;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Answer, Caller, World, file, picture, small_picture, texts};

pub(crate) async fn show_face(world: &World, browser: &Caller<'_>) -> String {
    let made = browser.post("/api/face-liveness/session", json!({})).await.expect(200);
    let session = made["sessionId"].as_str().unwrap().to_owned();
    world.provider.finish(&session, SessionStatus::Succeeded, Some(95.0));
    browser.get(&format!("/api/face-liveness/results/{session}")).await.expect(200);
    session
}

pub(crate) async fn submit(browser: &Caller<'_>, id: &str, session: &str) -> Answer {
    let form = texts(&[
        ("liveness_session_id", session),
        ("liveness_confidence", "95"),
        ("liveness_status", "live"),
        ("document_type", "national_id"),
    ]);
    browser.form(Method::POST, &format!("/api/verification_history/{id}"), form).await
}

/// Sends pictures to the profile.
pub(crate) async fn send_pictures(browser: &Caller<'_>, id: &str, fields: &[(&'static str, u8)]) {
    let form = fields.iter().fold(texts(&[("document_type", "national_id")]), |form, (name, shade)| {
        form.part(*name, file(small_picture(*shade), "picture.png"))
    });
    browser.form(Method::PATCH, &format!("/api/profiles/{id}"), form).await.expect(200);
}

pub(crate) async fn ask(world: &World, id: &str, more: Value) -> Answer {
    let mut body = json!({"previous_status": "pending", "new_status": "resubmission_requested", "notes": "again"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.operator().post(&format!("/api/status_history/{id}"), body).await
}

async fn flow(browser: &Caller<'_>, id: &str) -> Value {
    browser.get(&format!("/api/flow/{id}")).await.expect(200)["data"].clone()
}

/// A person who has sent everything once.
pub(crate) async fn submitted<'w>(world: &'w World, user: &str) -> (String, Caller<'w>) {
    let (id, browser) = world.person(user).await;
    browser.post(&format!("/api/flow/{id}/consent"), json!({"version": "1", "language": "de"})).await.expect(200);
    send_pictures(&browser, &id, &[("document_front", 10), ("document_back", 20), ("facial_photo", 30)]).await;
    let session = show_face(world, &browser).await;
    submit(&browser, &id, &session).await.expect(201);
    (id, browser)
}

async fn file_bytes(world: &World, path: &str) -> Vec<u8> {
    let answer = world.operator().get(path).await;
    assert_eq!(answer.status, 200);
    answer.bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn only_named_steps_and_the_face_are_asked_for_and_the_rest_is_copied() {
    let world = World::with_liveness().await;
    let (id, browser) = submitted(&world, "one").await;
    assert_eq!(flow(&browser, &id).await["resubmission"], Value::Null);
    world.clock.advance(1);
    let asked = json!({"reasons": ["glare_on_photo"], "steps": ["document_back"], "message": "Bitte noch einmal."});
    let recorded = ask(&world, &id, asked).await.expect(201);
    assert_eq!(
        (&recorded["data"]["steps"], &recorded["data"]["reasons"]),
        (&json!(["document_back"]), &json!(["glare_on_photo"]))
    );

    let shown = flow(&browser, &id).await;
    assert_eq!(
        (&shown["step"], &shown["document"]["front"], &shown["document"]["back"]),
        (&json!("document"), &json!(true), &json!(false))
    );
    let resubmission = &shown["resubmission"];
    assert_eq!(
        (&resubmission["steps"], &resubmission["message"]),
        (&json!(["document_back"]), &json!("Bitte noch einmal."))
    );
    assert_eq!(resubmission["reasons"][0]["code"], "glare_on_photo");
    assert_eq!(resubmission["reasons"][0]["texts"]["de"], "Das Foto spiegelt.");

    world.clock.advance(1);
    let session = show_face(&world, &browser).await;
    let missing = submit(&browser, &id, &session).await.expect(400);
    assert_eq!(missing["required"], json!(["facial_photo", "document_back"]), "both have to be sent again");
    send_pictures(&browser, &id, &[("document_back", 40), ("facial_photo", 50)]).await;
    assert_eq!(flow(&browser, &id).await["step"], "details");
    let second = submit(&browser, &id, &session).await.expect(201);

    let listed = world.operator().get(&format!("/api/verification_history/{id}")).await.expect(200);
    let (new, old) = (&listed["data"][0], &listed["data"][1]);
    assert_eq!(new["id"], second["data"]["id"]);
    let path = |record: &Value, field: &str| {
        format!(
            "/api/files/verification_history/{}/{}",
            record["id"].as_str().unwrap(),
            record[field].as_str().unwrap()
        )
    };
    for (field, is_same) in [("document_front", true), ("document_back", false), ("facial_photo", false)] {
        let (before, after) =
            (file_bytes(&world, &path(old, field)).await, file_bytes(&world, &path(new, field)).await);
        assert_eq!(before == after, is_same, "{field}");
    }
    assert_eq!(flow(&browser, &id).await["resubmission"], Value::Null, "it has been done");
}

/// A company's server made the first record with files of its own: the profile has none of them.
#[tokio::test(flavor = "multi_thread")]
async fn files_that_only_the_earlier_record_has_are_copied_from_it() {
    let world = World::with_liveness().await;
    let (id, browser) = world.person("one").await;
    browser.post(&format!("/api/flow/{id}/consent"), json!({"version": "1", "language": "de"})).await.expect(200);
    let form = texts(&[
        ("liveness_session_id", "s"),
        ("liveness_confidence", "95"),
        ("liveness_status", "live"),
        ("document_type", "national_id"),
    ])
    .part("facial_photo", file(picture("portrait.jpg"), "photo.jpg"))
    .part("document_front", file(small_picture(10), "front.png"))
    .part("document_back", file(small_picture(20), "back.png"));
    let path = format!("/api/verification_history/{id}");
    let first = world.operator().form(Method::POST, &path, form).await.expect(201);
    browser.patch(&format!("/api/profiles/{id}"), json!({"document_type": "national_id"})).await.expect(200);
    world.clock.advance(1);
    ask(&world, &id, json!({"steps": ["document_back"]})).await.expect(201);
    world.clock.advance(1);
    let shown = flow(&browser, &id).await;
    assert_eq!((&shown["document"]["front"], &shown["document"]["back"]), (&json!(true), &json!(false)));
    send_pictures(&browser, &id, &[("document_back", 40), ("facial_photo", 50)]).await;
    let session = show_face(&world, &browser).await;
    let second = submit(&browser, &id, &session).await.expect(201);
    let front = |record: &Value| {
        let (id, name) = (&record["data"]["id"], &record["data"]["document_front"]);
        format!("/api/files/verification_history/{}/{}", id.as_str().unwrap(), name.as_str().unwrap())
    };
    assert_eq!(file_bytes(&world, &front(&first)).await, file_bytes(&world, &front(&second)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn private_reasons_never_reach_the_browser() {
    let world = World::with_liveness().await;
    let (id, browser) = submitted(&world, "one").await;
    world.clock.advance(1);
    ask(&world, &id, json!({"reasons": ["screening_hit", "duplicate_person"]})).await.expect(201);
    let shown = flow(&browser, &id).await;
    let reasons = shown["resubmission"]["reasons"].as_array().unwrap();
    assert_eq!(
        (reasons.len(), &reasons[0]["code"], &reasons[0]["text"]),
        (1, &Value::Null, &json!("We could not verify you."))
    );
    for path in [format!("/api/flow/{id}"), format!("/api/profiles/{id}")] {
        let text = browser.get(&path).await.expect(200).to_string();
        assert!(!text.contains("screening") && !text.contains("duplicate"), "{path}: {text}");
    }
    let event = world.await_event("profile.resubmission_requested").await;
    assert_eq!(event["data"]["reasons"], json!(["screening_hit", "duplicate_person"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn person_is_asked_for_another_try_only_so_often() {
    let world = World::with_liveness().await;
    let (id, _) = submitted(&world, "one").await;
    for _ in 0..3 {
        ask(&world, &id, json!({})).await.expect(201);
    }
    let refused = ask(&world, &id, json!({})).await.expect(409);
    assert_eq!(refused["error"], "Too many resubmissions");
    let operator = world.operator();
    operator.put("/api/settings/max_resubmissions", json!({"value": 10})).await.expect(400);
    operator.put("/api/settings/max_resubmissions", json!({"value": 4})).await.expect(200);
    ask(&world, &id, json!({})).await.expect(201);
    ask(&world, &id, json!({})).await.expect(409);
    operator.put("/api/settings/max_resubmissions", json!({"value": 0})).await.expect(200);
    let (other, _) = submitted(&world, "two").await;
    ask(&world, &other, json!({})).await.expect(409);
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_of_a_request_are_checked() {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    for (more, field) in [
        (json!({"reasons": ["no_such_reason"]}), "reasons"),
        (json!({"reasons": "glare_on_photo"}), "reasons"),
        (json!({"steps": ["document_front", 1]}), "steps"),
        (json!({"new_status": "verified", "reasons": ["glare_on_photo"]}), "reasons"),
        (json!({"new_status": "rejected", "steps": ["face"]}), "steps"),
        (json!({"new_status": "in_review", "message": "m"}), "message"),
    ] {
        let refused = ask(&world, &id, more.clone()).await.expect(400);
        assert!(refused["fields"][field].is_string(), "{more}: {refused}");
    }
    let step = json!({"previous_status": "unverified", "new_status": "pending", "notes": "n", "message": "m"});
    browser.post(&format!("/api/status_history/{id}"), step).await.expect(400);
    let rejected = json!({"new_status": "rejected", "reasons": ["document_expired"], "message": "m"});
    ask(&world, &id, rejected).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_listed_with_their_breakdown() {
    let world = World::with_liveness().await;
    let (id, browser) = submitted(&world, "one").await;
    let path = format!("/api/verification_history/{id}");
    let operator = world.operator();
    assert_eq!(operator.get(&path).await.expect(200)["data"][0]["breakdown"], Value::Null);
    assert!(world.run_next_checks().await);
    let listed = operator.get(&path).await.expect(200);
    let nodes = listed["data"][0]["breakdown"].as_array().unwrap();
    let names: Vec<_> = nodes.iter().map(|node| node["node"].as_str().unwrap()).collect();
    assert_eq!(names, ["document", "face", "liveness", "person", "network", "screening"]);
    assert_eq!(
        (&nodes[1]["result"], &nodes[1]["children"][0]["reasons"]),
        (&json!("warn"), &json!(["face_not_detected"]))
    );
    assert_eq!(nodes[5]["result"], "not_applicable");
    browser.get(&path).await.expect(403);
}

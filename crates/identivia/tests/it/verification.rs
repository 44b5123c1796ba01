//! Verification records by machine tokens: what is needed, what is copied, what stays as it was.

use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::{Value, json};

use crate::world::{Answer, Caller, World, file, small_picture, texts};

const NEEDED: [(&str, &str); 4] = [
    ("liveness_session_id", "session-xyz"),
    ("liveness_confidence", "95.5"),
    ("liveness_status", "live"),
    ("document_type", "national_id"),
];

async fn post(caller: &Caller<'_>, id: &str, form: Form) -> Answer {
    caller.form(Method::POST, &format!("/api/verification_history/{id}"), form).await
}

async fn upload(caller: &Caller<'_>, id: &str, field: &'static str, shade: u8) -> Value {
    let form = Form::new().part(field, file(small_picture(shade), "p.png"));
    caller.form(Method::PATCH, &format!("/api/profiles/{id}"), form).await.expect(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_missing_is_named_at_once() {
    let world = World::new().await;
    let (id, _) = world.person("one").await;
    let operator = world.operator();
    let missing = post(&operator, &id, texts(&[("name", "x")])).await.expect(400);
    assert_eq!(
        missing,
        json!({"error": "Missing required fields", "required": [
            "liveness_session_id", "liveness_confidence", "document_type", "liveness_status", "facial_photo", "document_front",
        ]})
    );
    let missing = post(&operator, &id, texts(&NEEDED)).await.expect(400);
    assert_eq!(missing["required"], json!(["facial_photo", "document_front", "document_back"]));
    let missing = post(&operator, &id, texts(&[("document_type", "passport")])).await.expect(400);
    assert_eq!(missing["required"].as_array().unwrap().last().unwrap(), "document_front");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_wrong_is_named_at_once_and_nothing_is_stored() {
    let world = World::new().await;
    let (id, _) = world.person("one").await;
    let form = texts(&[
        ("liveness_session_id", "s"),
        ("liveness_confidence", "101"),
        ("liveness_status", "live"),
        ("document_type", "passport"),
        ("date_of_birth", "1990-02-30"),
        ("ip_address", "1.2.3"),
        ("fingerprint", "{not json"),
    ])
    .part("facial_photo", file(b"GIF89a".to_vec(), "photo.jpg"))
    .part("document_front", file(small_picture(1), "front.png"));
    let wrong = post(&world.operator(), &id, form).await.expect(400);
    insta::assert_json_snapshot!(wrong);
    world.await_stored_files(0).await;
    let list = world.operator().get(&format!("/api/verification_history/{id}")).await.expect(200);
    assert_eq!(list["data"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_records_copies_outlive_the_profiles_files() {
    let world = World::new().await;
    let (id, _) = world.person("one").await;
    let operator = world.operator();
    upload(&operator, &id, "facial_photo", 1).await;
    upload(&operator, &id, "document_front", 2).await;
    let form = texts(&NEEDED).part("document_back", file(small_picture(3), "back.png"));
    let made = post(&operator, &id, form).await.expect(201);
    let record = made["data"]["id"].as_str().unwrap().to_owned();
    world.await_stored_files(5).await;

    upload(&operator, &id, "facial_photo", 9).await;
    world.await_stored_files(5).await; // the replaced one is gone, its copy is not
    for (field, shade) in [("facial_photo", 1), ("document_front", 2), ("document_back", 3)] {
        let name = made["data"][field].as_str().unwrap();
        let kept = operator.get(&format!("/api/files/verification_history/{record}/{name}")).await;
        assert_eq!((kept.status, kept.bytes), (200, small_picture(shade)), "{field}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machines_word_is_taken_and_the_newest_record_is_shown() {
    let world = World::new().await;
    let (id, _) = world.person("one").await;
    let operator = world.operator();
    for confidence in ["10", "0", "100"] {
        let form = texts(&[
            ("liveness_session_id", "session-xyz"),
            ("liveness_confidence", confidence),
            ("liveness_status", "live"),
            ("document_type", "Passport"),
        ])
        .part("facial_photo", file(small_picture(1), "a.png"))
        .part("document_front", file(small_picture(2), "b.png"));
        post(&operator, &id, form).await.expect(201);
    }
    let shown = operator.get(&format!("/api/profiles/{id}")).await.expect(200);
    assert_eq!(shown["data"]["verification_history"]["liveness_confidence"], json!(100.0));
    let list = operator.get(&format!("/api/verification_history/{id}")).await.expect(200);
    let figures: Vec<_> =
        list["data"].as_array().unwrap().iter().map(|record| &record["liveness_confidence"]).collect();
    assert_eq!(figures, [&json!(100.0), &json!(0.0), &json!(10.0)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_record_can_name_a_verification_of_its_own_profile_only() {
    let world = World::new().await;
    let (id, _) = world.person("one").await;
    let (other, _) = world.person("two").await;
    let operator = world.operator();
    let form = texts(&[
        ("liveness_session_id", "s"),
        ("liveness_confidence", "1"),
        ("liveness_status", "live"),
        ("document_type", "passport"),
    ])
    .part("facial_photo", file(small_picture(1), "a.png"))
    .part("document_front", file(small_picture(2), "b.png"));
    let made = post(&operator, &id, form).await.expect(201);
    let step = json!({"previous_status": "unverified", "new_status": "verified", "notes": "n",
        "verification": made["data"]["id"]});
    operator.post(&format!("/api/status_history/{other}"), step.clone()).await.expect(400);
    let told = operator.post(&format!("/api/status_history/{id}"), step).await.expect(201);
    assert_eq!(told["data"]["verification"], made["data"]["id"]);
}

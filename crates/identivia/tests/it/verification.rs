//! Verification records by machine tokens: what is needed, what is copied, what stays as it was.

use identivia::records::{FieldFlag, RecordKind};
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

async fn post_record(caller: &Caller<'_>, id: &str, form: Form) -> Answer {
    caller.form(Method::POST, &format!("/api/verification_history/{id}"), form).await
}

async fn upload_picture(caller: &Caller<'_>, id: &str, field: &'static str, shade: u8) -> Value {
    let form = Form::new().part(field, file(small_picture(shade), "p.png"));
    caller.form(Method::PATCH, &format!("/api/profiles/{id}"), form).await.expect(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn all_missing_fields_are_named_at_once() {
    let world = World::new().await;
    let (id, _) = world.person("one").await;
    let operator = world.operator();
    let missing = post_record(&operator, &id, texts(&[("name", "x")])).await.expect(400);
    assert_eq!(
        missing,
        json!({"error": "Missing required fields", "required": [
            "liveness_session_id", "liveness_confidence", "document_type", "liveness_status", "facial_photo", "document_front",
        ]})
    );
    let missing = post_record(&operator, &id, texts(&NEEDED)).await.expect(400);
    assert_eq!(missing["required"], json!(["facial_photo", "document_front", "document_back"]));
    let missing = post_record(&operator, &id, texts(&[("document_type", "passport")])).await.expect(400);
    assert_eq!(missing["required"].as_array().unwrap().last().unwrap(), "document_front");
}

#[tokio::test(flavor = "multi_thread")]
async fn place_of_birth_is_stored_and_shown() {
    let world = World::new().await;
    let (id, _) = world.person("one").await;
    let operator = world.operator();
    for field in ["facial_photo", "document_front", "document_back"] {
        upload_picture(&operator, &id, field, 1).await;
    }
    let form = texts(&[&NEEDED[..], &[("place_of_birth", "Springfield")]].concat());
    let made = post_record(&operator, &id, form).await.expect(201);
    assert_eq!(made["data"]["place_of_birth"], "Springfield");
    let listed = operator.get(&format!("/api/verification_history/{id}")).await.expect(200);
    assert_eq!(listed["data"][0]["place_of_birth"], "Springfield");
    let too_long = texts(&[&NEEDED[..], &[("place_of_birth", &"x".repeat(256))]].concat());
    let refused = post_record(&operator, &id, too_long).await.expect(400);
    assert_eq!(refused["fields"]["place_of_birth"], "must have at most 255 characters");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_wrong_fields_are_named_at_once_and_nothing_is_stored() {
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
    let wrong = post_record(&world.operator(), &id, form).await.expect(400);
    insta::assert_json_snapshot!(wrong);
    world.await_stored_files(0).await;
    let list = world.operator().get(&format!("/api/verification_history/{id}")).await.expect(200);
    assert_eq!(list["data"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn record_keeps_its_copies_when_profile_files_are_replaced() {
    let world = World::new().await;
    let (id, _) = world.person("one").await;
    let operator = world.operator();
    upload_picture(&operator, &id, "facial_photo", 1).await;
    upload_picture(&operator, &id, "document_front", 2).await;
    let form = texts(&NEEDED).part("document_back", file(small_picture(3), "back.png"));
    let made = post_record(&operator, &id, form).await.expect(201);
    let record = made["data"]["id"].as_str().unwrap().to_owned();
    world.await_stored_files(5).await;

    upload_picture(&operator, &id, "facial_photo", 9).await;
    world.await_stored_files(5).await; // the replaced one is gone, its copy is not
    for (field, shade) in [("facial_photo", 1), ("document_front", 2), ("document_back", 3)] {
        let name = made["data"][field].as_str().unwrap();
        let kept = operator.get(&format!("/api/files/verification_history/{record}/{name}")).await;
        assert_eq!((kept.status, kept.bytes), (200, small_picture(shade)), "{field}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn liveness_of_a_machine_token_counts_and_the_newest_record_is_shown() {
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
        post_record(&operator, &id, form).await.expect(201);
    }
    let shown = operator.get(&format!("/api/profiles/{id}")).await.expect(200);
    assert_eq!(shown["data"]["verification_history"]["liveness_confidence"], json!(100.0));
    let list = operator.get(&format!("/api/verification_history/{id}")).await.expect(200);
    let figures: Vec<_> =
        list["data"].as_array().unwrap().iter().map(|record| &record["liveness_confidence"]).collect();
    assert_eq!(figures, [&json!(100.0), &json!(0.0), &json!(10.0)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn status_record_names_only_a_verification_of_its_own_profile() {
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
    let made = post_record(&operator, &id, form).await.expect(201);
    let step = json!({"previous_status": "unverified", "new_status": "verified", "notes": "n",
        "verification": made["data"]["id"]});
    operator.post(&format!("/api/status_history/{other}"), step.clone()).await.expect(400);
    let told = operator.post(&format!("/api/status_history/{id}"), step).await.expect(201);
    assert_eq!(told["data"]["verification"], made["data"]["id"]);
}

/// Collects the names of all fields in an answer, at any depth.
fn collect_names(answer: &Value, names: &mut Vec<String>) {
    match answer {
        Value::Object(fields) => {
            names.extend(fields.keys().cloned());
            fields.values().for_each(|value| collect_names(value, names));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_names(item, names)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hidden_fields_are_in_no_answer() {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    let operator = world.operator();
    let form = texts(&NEEDED)
        .text("fingerprint", r#"{"visitorId":"v"}"#)
        .part("facial_photo", file(small_picture(1), "a.png"))
        .part("document_front", file(small_picture(2), "b.png"))
        .part("document_back", file(small_picture(3), "c.png"));
    let step = json!({"previous_status": "unverified", "new_status": "pending", "notes": "n"});
    let mut answers = vec![
        post_record(&operator, &id, form).await.expect(201),
        browser.post(&format!("/api/status_history/{id}"), step).await.expect(201),
        browser.get(&format!("/api/profiles/{id}")).await.expect(200),
    ];
    for list in ["profiles".to_owned(), format!("verification_history/{id}"), format!("status_history/{id}")] {
        let listed = operator.get(&format!("/api/{list}")).await.expect(200);
        assert_eq!(listed["data"].as_array().unwrap().len(), 1, "{list}");
        answers.push(listed);
    }
    let fields = RecordKind::COPIED.into_iter().flat_map(RecordKind::fields);
    let hidden: Vec<&str> = fields.filter(|field| field.has_flag(FieldFlag::Hidden)).map(|field| field.name).collect();
    assert!(hidden.contains(&"created_by") && hidden.contains(&"follows"), "{hidden:?}");
    for answer in answers {
        let mut names = Vec::new();
        collect_names(&answer, &mut names);
        for name in &hidden {
            assert!(!names.iter().any(|shown| shown == name), "{name}: {answer}");
        }
    }
}

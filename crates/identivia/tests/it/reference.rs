//! The reference's example requests, to the letter, and its example answers: each of its keys and values must be there.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::ground::Ground;
use crate::world::redaction::redact;
use crate::world::{World, file, picture, small_picture, texts, video};

/// Asserts that everything the reference shows is in the answer, in its place. More may be there.
#[track_caller]
fn assert_shows(actual: &Value, reference: &Value) {
    match (actual, reference) {
        (Value::Object(actual), Value::Object(expected)) => {
            for (name, value) in expected {
                assert!(actual.contains_key(name), "the answer lacks {name}: {actual:?}");
                assert_shows(&actual[name], value);
            }
        }
        _ => assert_eq!(redact(actual), *reference),
    }
}

async fn create_reference_profile(world: &World) -> String {
    let body = json!({
        "userID": "user-12345", "name": "John Doe", "documentType": "passport", "documentNumber": "A12345678",
        "country": "US", "email": "john@example.com", "securityLevel": "high", "language": "en",
    });
    let answer = world.operator().post("/api/profiles/create", body).await.expect(201);
    answer["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn token_issuance() {
    let world = World::new().await;
    let body = json!({"client_id": "reader", "client_secret": "reader-secret", "scope": "profiles:read health:read"});
    let answer = world.bearing(None).post("/api/auth/token", body).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let body = answer.expect(200);
    assert_shows(
        &body,
        &json!({
            "access_token": "[token]", "token_type": "Bearer", "expires_in": 3600, "scope": "profiles:read health:read",
        }),
    );
    assert_eq!(body.as_object().unwrap().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_check() {
    let world = World::new().await;
    let mut body = world.operator().get("/").await.expect(200);
    let uptime = body["uptime"].take();
    assert!(uptime.is_number());
    for name in ["rss", "heapTotal", "heapUsed"] {
        let figure = body["memory"][name].take();
        assert!(figure.as_str().unwrap().ends_with(" MB"), "{name}: {figure}");
    }
    if let Ground::PocketBase(service) = &*world.ground {
        let told = [("status", "authenticated"), ("url", &service.url), ("user_email", &service.email)];
        for (name, expected) in told {
            assert_eq!(body[format!("pocketbase_{name}")], *expected);
        }
        (body["pocketbase_status"], body["pocketbase_url"]) = (json!("not_configured"), Value::Null);
        body["pocketbase_user_email"] = Value::Null;
    }
    insta::assert_json_snapshot!(redact(&body));
}

#[tokio::test(flavor = "multi_thread")]
async fn create_profile() {
    let world = World::new().await;
    let body = json!({
        "userID": "user-12345", "name": "John Doe", "documentType": "passport", "documentNumber": "A12345678",
        "country": "US", "email": "john@example.com", "securityLevel": "high",
    });
    let first = world.operator().post("/api/profiles/create", body.clone()).await.expect(201);
    let url = "https://app.example.com/[id]?token=[token]";
    assert_eq!(redact(&first), json!({"success": true, "url": url, "id": "[id]", "flow_token": "[token]"}),);
    let again = world.operator().post("/api/profiles/create", body).await.expect(200);
    assert_eq!(
        redact(&again),
        json!({"success": true, "url": url, "id": "[id]", "flow_token": "[token]", "message": "Existing record found"}),
    );
    assert_eq!(first["id"], again["id"]);
    let link = format!(
        "https://app.example.com/{}?token={}",
        again["id"].as_str().unwrap(),
        again["flow_token"].as_str().unwrap()
    );
    assert_eq!(again["url"], link);

    let missing = world.operator().post("/api/profiles/create", json!({})).await.expect(400);
    assert_eq!(missing, json!({"error": "Missing required fields", "required": ["userID"]}));
    let anonymous = world.bearing(None).post("/api/profiles/create", json!({})).await.expect(401);
    assert_eq!(anonymous, json!({"error": "Missing bearer token"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn get_profile() {
    let world = World::new().await;
    let id = create_reference_profile(&world).await;
    let operator = world.operator();
    let empty = operator.get(&format!("/api/profiles/{id}")).await.expect(200);
    assert_eq!(empty["data"]["verification_history"], Value::Null);
    assert_eq!(empty["data"]["status"], "unverified");

    let status = json!({"previous_status": "unverified", "new_status": "pending", "notes": "Verification submitted"});
    operator.post(&format!("/api/status_history/{id}"), status).await.expect(201);
    record_verification(&world, &id).await;
    let body = operator.get(&format!("/api/profiles/{id}")).await.expect(200);
    assert_shows(
        &body,
        &json!({"success": true, "data": {
            "name": "John Doe", "document_type": "passport", "document_number": "A12345678", "country": "US",
            "language": "en", "verification_status": "unverified", "status": "pending", "security_level": "high",
            "createdAt": "[time]", "verification_history": {
                "id": "[id]", "profile": "[id]", "status": "pending", "liveness_session_id": "session-xyz",
                "liveness_confidence": 95.5, "liveness_status": "live", "document_type": "passport", "name": "John Doe",
                "document_number": "A12345678", "country": "US", "created": "[time]", "updated": "[time]",
            },
        }}),
    );
    insta::assert_json_snapshot!(redact(&body));

    let missing = operator.get("/api/profiles/abc123def456").await.expect(404);
    assert_eq!(missing, json!({"error": "Identivia record not found", "message": "Invalid or expired ID"}));
}

async fn record_verification(world: &World, id: &str) -> Value {
    let form = texts(&[
        ("liveness_session_id", "session-xyz"),
        ("liveness_confidence", "95.5"),
        ("document_type", "passport"),
        ("liveness_status", "live"),
        ("document_number", "A12345678"),
        ("country", "US"),
        ("name", "John Doe"),
        ("date_of_birth", "1990-01-15"),
        ("fingerprint", r#"{"visitorId":"v"}"#),
        ("ip_address", "192.0.2.1"),
    ])
    .part("facial_photo", file(picture("portrait.jpg"), "photo.jpg"))
    .part("document_front", file(picture("passport.jpg"), "front.jpg"));
    world.operator().form(Method::POST, &format!("/api/verification_history/{id}"), form).await.expect(201)
}

#[tokio::test(flavor = "multi_thread")]
async fn update_profile() {
    let world = World::new().await;
    let id = create_reference_profile(&world).await;
    let form = texts(&[
        ("verification_status", "pending"),
        ("document_type", "passport"),
        ("document_number", "A12345678"),
        ("document_name", "John Doe"),
        ("country", "US"),
        ("face_liveness_session_id", "session-xyz"),
        ("face_liveness_confidence", "95.5"),
        ("face_liveness_status", "live"),
        ("face_liveness_result", r#"{"a":1}"#),
    ])
    .part("document_front", file(picture("passport.jpg"), "filename.jpg"))
    .part("document_back", file(small_picture(1), "filename.png"))
    .part("facial_photo", file(picture("portrait.jpg"), "photo.jpg"))
    .part("facial_video", file(video(100), "video.webm"));
    let body = world.operator().form(Method::PATCH, &format!("/api/profiles/{id}"), form).await.expect(200);
    assert_eq!(
        redact(&body),
        json!({"success": true, "message": "Record updated successfully", "data": {
            "id": "[id]", "status": "pending", "document_type": "passport", "document_number": "A12345678",
            "document_name": "John Doe", "country": "US", "document_front": "filename_[mark].jpg",
            "document_back": "filename_[mark].png", "facial_photo": "photo_[mark].jpg",
            "facial_video": "video_[mark].webm", "updated": "[time]",
        }}),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keys_for_aws_there_are_no_credentials() {
    let world = World::new().await;
    let aws = json!({
        "error": "AWS credentials not configured",
        "message": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set in environment variables",
    });
    assert_eq!(world.operator().get("/api/aws/credentials").await.expect(501), aws);
}

#[tokio::test(flavor = "multi_thread")]
async fn face_liveness_with_a_provider() {
    let world = World::with_liveness().await;
    let operator = world.operator();
    let session = operator.post("/api/face-liveness/session", json!({})).await.expect(200);
    assert_eq!(
        session,
        json!({
            "success": true, "sessionId": "session-1", "message": "Face Liveness session created successfully",
            "challengeType": "FaceMovementAndLightChallenge",
        })
    );
    let waiting = operator.get("/api/face-liveness/results/session-1").await.expect(200);
    assert_eq!(waiting["data"]["confidenceScore"], Value::Null);
    assert_eq!((&waiting["data"]["isLive"], &waiting["data"]["status"]), (&json!(false), &json!("CREATED")));

    world.provider.finish("session-1", identivia::records::liveness_session::SessionStatus::Succeeded, Some(95.5));
    let done = operator.get("/api/face-liveness/results/session-1").await.expect(200);
    assert_shows(
        &done,
        &json!({"success": true, "data": {
        "sessionId": "session-1", "confidenceScore": 95.5, "isLive": true, "referenceImage": {
            "bytes": STANDARD.encode(small_picture(1)), "boundingBox": {"Width": 0.5, "Height": 0.6, "Left": 0.2, "Top": 0.1},
        }, "auditImages": [],
    }, "message": "Face Liveness results retrieved successfully"}),
    );
    let unknown = operator.get("/api/face-liveness/results/session-2").await.expect(404);
    assert_eq!(
        unknown,
        json!({"error": "Session not found", "message": "Face Liveness session ID is invalid or expired"})
    );

    let credentials = operator.get("/api/aws/credentials").await.expect(200);
    assert_eq!(
        credentials,
        json!({"success": true, "data": {
            "accessKeyId": "ASIATEST", "secretAccessKey": "secret", "sessionToken": "session",
            "expiration": "2026-03-21T00:15:00.000Z",
        }})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn get_settings() {
    let world = World::new().await;
    let operator = world.operator();
    for (key, value) in [("setting_key_1", "value_1"), ("setting_key_2", "value_2")] {
        operator.put(&format!("/api/settings/{key}"), json!({"value": value})).await.expect(200);
    }
    let body = operator.get("/api/settings").await.expect(200);
    assert_eq!(body, json!({"success": true, "data": {"setting_key_1": "value_1", "setting_key_2": "value_2"}}));
}

#[tokio::test(flavor = "multi_thread")]
async fn create_status_history() {
    let world = World::new().await;
    let id = create_reference_profile(&world).await;
    let body = json!({"previous_status": "unverified", "new_status": "pending", "notes": "Verification submitted"});
    let body = world.operator().post(&format!("/api/status_history/{id}"), body).await.expect(201);
    assert_eq!(
        redact(&body),
        json!({"success": true, "message": "Status history record created", "data": {
            "id": "[id]", "profile": "[id]", "updated_by": "tester", "previous_status": "unverified",
            "new_status": "pending", "notes": "Verification submitted", "created": "[time]",
        }})
    );
    assert_eq!(body["data"]["profile"], id);
}

#[tokio::test(flavor = "multi_thread")]
async fn create_verification_history() {
    let world = World::new().await;
    let id = create_reference_profile(&world).await;
    let body = record_verification(&world, &id).await;
    assert_shows(
        &body,
        &json!({"success": true, "message": "Verification history record created", "data": {
            "id": "[id]", "profile": "[id]", "liveness_session_id": "session-xyz", "liveness_confidence": 95.5,
            "document_type": "passport", "document_number": "A12345678", "facial_photo": "photo_[mark].jpg",
            "document_front": "front_[mark].jpg", "document_back": "", "country": "US", "liveness_status": "live",
            "name": "John Doe", "address": "", "created": "[time]", "updated": "[time]",
        }}),
    );
    insta::assert_json_snapshot!(redact(&body));
}

#[tokio::test(flavor = "multi_thread")]
async fn document_analysis_with_a_reader() {
    let world = World::with_reader().await;
    let form = texts(&[("document_type_hint", "passport")])
        .part("document_front", file(picture("passport.jpg"), "passport.jpg"));
    let size = picture("passport.jpg").len();
    let body = world.operator().form(Method::POST, "/api/ollama/document-analysis", form).await.expect(200);
    assert_eq!(
        body,
        json!({"success": true, "data": {
            "model": "scripted", "analysis": "{\"name\":\"John Doe\"}",
            "analysis_json": {
                "name": "John Doe", "document_number": "A12345678", "country": "US", "document_type": "passport",
                "address": "", "gender": "male", "date_of_birth": "1990-01-15 00:00:00.000Z", "authenticity": "authentic",
            },
            "verification_history_fields": {
                "name": "John Doe", "document_number": "A12345678", "country": "US", "address": null, "gender": "male",
                "date_of_birth": "1990-01-15",
            },
            "document": {"name": "passport.jpg", "mimetype": "image/jpeg", "size": size},
            "usage": {"prompt_tokens": 500, "completion_tokens": 120, "total_tokens": 620}, "findings": [],
        }})
    );
}

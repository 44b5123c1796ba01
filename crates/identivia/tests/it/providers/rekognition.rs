//! Rekognition Face Liveness: sessions, their results, and when they are fetched.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use identivia::domain::liveness::session_key;
use identivia::providers::liveness::sessions::POLL_AT_SECONDS_LEFT;
use serde_json::{Value, json};

use super::{
    Given, JPEG, analysed_result, create_session, record_verification, request_first_token, results_path, start_given,
};
use crate::command::Running;
use crate::ground::Ground;
use crate::pictures::jpeg_with_metadata;
use crate::services::providers::Providers;
use crate::world::{World, answer};

#[tokio::test(flavor = "multi_thread")]
async fn finished_session_is_answered_from_its_own_record() {
    let Given { world, providers } = start_given(&["--face-liveness-audit-images", "2"]).await;
    let (id, browser) = world.person("one").await;
    let session = create_session(&browser).await;
    let waiting = browser.get(&results_path(&session)).await.expect(200);
    assert_eq!(
        waiting["data"],
        json!({
            "sessionId": session, "confidenceScore": null, "isLive": false, "hasPassed": false, "referenceImage": null, "auditImages": [],
            "status": "CREATED", "challenge": null, "feedback": [], "imageFiles": [], "assurance": "model",
            "presentation_attack": "tested_by_provider", "injection": "tested_by_provider",
        })
    );

    providers.finish(&session, analysed_result(95.5)).await;
    let done = browser.get(&results_path(&session)).await.expect(200);
    let image = |top: f64| json!({"bytes": STANDARD.encode(JPEG), "boundingBox": {"Width": 0.5, "Height": 0.6, "Left": 0.2, "Top": top}});
    let files = done["data"]["imageFiles"].clone();
    assert_eq!(files.as_array().unwrap().len(), 2);
    for file in files.as_array().unwrap() {
        let file = browser.get(&format!("/api/files/{}", file.as_str().unwrap())).await;
        assert_eq!((file.status, file.bytes.as_slice()), (200, JPEG));
    }
    assert_eq!(
        done,
        json!({
            "success": true, "data": {
                "sessionId": session, "confidenceScore": 95.5, "isLive": true, "hasPassed": true, "referenceImage": image(0.1),
                "auditImages": [image(0.3)], "status": "SUCCEEDED",
                "challenge": {"Type": "FaceMovementAndLightChallenge", "Version": "2.0.0"},
                "feedback": [{"Code": "LOW_LIGHTING_DETECTED", "Message": ""}], "imageFiles": files,
                "assurance": "model", "presentation_attack": "tested_by_provider", "injection": "tested_by_provider",
            },
            "message": "Face Liveness results retrieved successfully",
        })
    );
    let text = String::from_utf8(browser.get(&results_path(&session)).await.bytes).unwrap();
    assert!(text.contains(r#""Width":0.5,"Height":0.6,"Left":0.2,"Top":0.1"#), "as short as AWS wrote them: {text}");

    // AWS forgets it; we do not, nor is AWS asked again.
    providers.finish(&session, json!({"gone": true})).await;
    let asked = providers.calls_of("rekognition", "GetFaceLivenessSessionResults").await.len();
    assert_eq!(browser.get(&results_path(&session)).await.expect(200), done);
    world.clock.advance(3_600);
    let mut seen = world.operator().get(&results_path(&session)).await.expect(200);
    // A link sees only the code.
    assert_eq!(seen["data"]["feedback"][0]["Message"].take(), "Too dark");
    seen["data"]["feedback"][0]["Message"] = json!("");
    assert_eq!(seen, done);
    assert_eq!(providers.calls_of("rekognition", "GetFaceLivenessSessionResults").await.len(), asked);
    world.clock.advance(-3_600);

    let made = record_verification(&browser, &id, &session, "").await.expect(201);
    assert_eq!(
        (&made["data"]["liveness_confidence"], &made["data"]["liveness_status"]),
        (&json!(95.5), &json!("live"))
    );
    providers.assert_understood().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn session_images_are_files_of_its_profile() {
    let Given { world, providers } = start_given(&[]).await;
    let (_, browser) = world.person("one").await;
    let (_, stranger) = world.person("two").await;
    let session = create_session(&browser).await;
    providers.finish(&session, analysed_result(95.5)).await;
    browser.get(&results_path(&session)).await.expect(200);
    let kept = world.app.store.session(&session).await.unwrap().unwrap();
    let names: Vec<&str> = kept.files().into_iter().flatten().collect();
    let path = |name: &str| format!("/api/files/liveness_sessions/{}/{name}", session_key(&session));
    let image = browser.get(&path(names[0])).await;
    assert_eq!((image.status, image.header("content-type"), image.bytes.as_slice()), (200, "image/jpeg", JPEG));
    assert!(image.header("content-disposition").starts_with("attachment"));
    stranger.get(&path(names[0])).await.expect(404);
    world.team("red").get(&path(names[0])).await.expect(404);
    browser.get(&path("reference_image_x1.jpg")).await.expect(404);
    assert_eq!(world.operator().get(&path(names[1])).await.bytes, JPEG);
    assert_eq!(world.stored_files().await.len(), 2);
    let events = world.events().await;
    let told: Vec<_> = events.iter().filter(|(kind, ..)| kind.starts_with("liveness_session")).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    let is_live = told[1].2.starts_with("SUCCEEDED live");
    assert!(told[1].0 == "liveness_session.finished" && is_live, "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_session_id_is_502_and_changes_nothing() {
    let Given { world, providers } = start_given(&[]).await;
    let (id, browser) = world.person("one").await;
    let (_, other) = world.person("two").await;
    providers.script_of("rekognition", "CreateFaceLivenessSession", "other_session").await;
    let session = create_session(&browser).await;
    for caller in [&other, &browser, &world.operator()] {
        let refused = caller.post("/api/face-liveness/session", json!({})).await.expect(502);
        assert_eq!(refused, json!({"error": "Liveness provider failed", "message": "Try again"}));
    }
    let kept = world.app.store.session(&session).await.unwrap().unwrap();
    assert_eq!(kept.profile.unwrap().as_str(), id, "it is still the first profile's");
    let made = world.events().await.into_iter().filter(|(kind, ..)| kind == "liveness_session.created").count();
    assert_eq!(made, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn session_result_is_polled_before_aws_forgets_it() {
    // A second after it was made, in place of half a minute.
    let (ground, providers) = (Arc::new(Ground::wanted().await), Providers::of_this_test().await);
    let world = World::with_providers(ground, &providers, &[], &[179, 178]).await;
    let (_, browser) = world.person("one").await;
    let session = create_session(&browser).await;
    providers.finish(&session, analysed_result(80.25)).await;
    for _ in 0..300 {
        if world.app.store.session(&session).await.unwrap().unwrap().status.is_finished() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(world.stored_files().await.len(), 2);
    providers.finish(&session, json!({"gone": true})).await;
    world.clock.advance(200);
    let done = browser.get(&results_path(&session)).await.expect(200);
    assert_eq!((&done["data"]["confidenceScore"], &done["data"]["isLive"]), (&json!(80.25), &json!(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn unfinished_sessions_are_polled_by_the_next_server() {
    if std::env::var("TEST_STORE").is_ok_and(|store| store != "sqlite") {
        return; // The ground is the same for two servers there, and `store` shows that each lists what is open.
    }
    let providers = Providers::of_this_test().await;
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        Running::start(folder.path(), |command| {
            command.envs(providers.variables());
        })
    };
    let first = start();
    let token = request_first_token(folder.path(), &first).await;
    let http = reqwest::Client::new();
    let post = http.post(format!("{}/api/face-liveness/session", first.url)).bearer_auth(&token);
    let session = answer(post).await.expect(200)["sessionId"].as_str().unwrap().to_owned();
    first.signal("-KILL");
    first.stop();
    // As if its end were near: the next server polls it at once and not in half a minute.
    let database = rusqlite::Connection::open(folder.path().join("data/identivia.db")).unwrap();
    let now = identivia::clock::Clock::default().now();
    let soon = now.plus_seconds(POLL_AT_SECONDS_LEFT[POLL_AT_SECONDS_LEFT.len() - 1] + 2);
    database.execute("update liveness_sessions set expires = $1, poll_due = $2", [soon.0, now.0]).unwrap();
    providers.finish(&session, analysed_result(80.0)).await;
    let second = start();
    let status =
        || database.query_row("select status from liveness_sessions", [], |row| row.get::<_, String>(0)).unwrap();
    for _ in 0..300 {
        if status() == "SUCCEEDED" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(status(), "SUCCEEDED");
    second.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn session_request_to_aws_follows_the_settings() {
    let challenges = "FaceMovementAndLightChallenge,FaceMovementChallenge";
    let flags = ["--face-liveness-audit-images", "4", "--face-liveness-challenges", challenges];
    let Given { world, providers } = start_given(&flags).await;
    let operator = world.operator();
    create_session(&operator).await;
    let still = json!({"challengeType": "FaceMovementChallenge"});
    let made = operator.post("/api/face-liveness/session", still).await.expect(200);
    assert_eq!(made["challengeType"], "FaceMovementChallenge");
    for wrong in [json!("Smile"), json!(7)] {
        let refused = operator.post("/api/face-liveness/session", json!({"challengeType": wrong})).await.expect(400);
        assert!(refused["fields"]["challengeType"].is_string(), "{refused}");
    }
    let calls = providers.calls_of("rekognition", "CreateFaceLivenessSession").await;
    let body = |n: usize, kind: &str| {
        let token = &calls[n]["body"]["ClientRequestToken"];
        assert_eq!(token.as_str().unwrap().len(), 32);
        json!({"ClientRequestToken": token, "Settings": {
            "AuditImagesLimit": 4, "ChallengePreferences": [{"Type": kind}],
        }})
    };
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0]["body"], body(0, "FaceMovementAndLightChallenge"));
    assert_eq!(calls[1]["body"], body(1, "FaceMovementChallenge"));
    providers.assert_understood().await;

    let Given { world, .. } = start_given(&[]).await;
    let (_, browser) = world.person("one").await;
    let weaker = browser.post("/api/face-liveness/session", json!({"challengeType": "FaceMovementChallenge"})).await;
    weaker.expect(400); // only what the operator allows
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_succeeded_session_above_the_threshold_is_live() {
    let Given { world, providers } = start_given(&["--face-liveness-threshold", "80"]).await;
    for (number, (results, live, confirmed)) in [
        (json!({"Status": "SUCCEEDED", "Confidence": 79.9}), false, "not_live"),
        (json!({"Status": "SUCCEEDED", "Confidence": 80.0}), true, "live"),
        (json!({"Status": "SUCCEEDED"}), false, "not_live"),
        (json!({"Status": "FAILED", "Confidence": 99.0}), false, "not_live"),
    ]
    .into_iter()
    .enumerate()
    {
        let (id, browser) = world.person(&format!("person {number}")).await;
        let session = create_session(&browser).await;
        providers.finish(&session, results.clone()).await;
        let shown = browser.get(&results_path(&session)).await.expect(200);
        assert_eq!(shown["data"]["isLive"], live, "{results}");
        assert_eq!(shown["data"]["referenceImage"], Value::Null);
        let made = record_verification(&browser, &id, &session, "").await.expect(201);
        assert_eq!(made["data"]["liveness_status"], confirmed, "{results}");
        assert_eq!(made["data"]["liveness_confirmed_by"], "provider");
    }
    let (id, browser) = world.person("one").await;
    for gone in [json!({"Status": "EXPIRED"}), json!({"gone": true})] {
        let session = create_session(&browser).await;
        providers.finish(&session, gone).await;
        let body = json!({"error": "Session not found", "message": "Face Liveness session ID is invalid or expired"});
        assert_eq!(browser.get(&results_path(&session)).await.expect(404), body);
        record_verification(&browser, &id, &session, "").await.expect(400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn session_without_a_profile_belongs_to_its_team() {
    let Given { world, providers } = start_given(&[]).await;
    let red = world.team("red");
    let session = create_session(&red).await;
    providers.finish(&session, analysed_result(95.5)).await;
    let theirs = world.team("blue").get(&results_path(&session)).await;
    assert_eq!(theirs.expect(404), world.operator().get(&results_path("no-such-session")).await.expect(404));
    let made = world.team("blue").post("/api/profiles/create", json!({"userID": "u"})).await.expect(201);
    let theirs = record_verification(&world.team("blue"), made["id"].as_str().unwrap(), &session, "").await;
    assert_eq!(theirs.expect(400)["error"], "Invalid liveness session");
    let shown = red.get(&results_path(&session)).await.expect(200);
    assert_eq!(shown["data"]["imageFiles"], json!([]), "no profile owns them");
    let made = red.post("/api/profiles/create", json!({"userID": "u"})).await.expect(201);
    record_verification(&red, made["id"].as_str().unwrap(), &session, "").await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_claims_of_a_session_are_rate_limited_before_aws() {
    let Given { world, providers } = start_given(&[]).await;
    let (id, browser) = world.person("one").await;
    let session = create_session(&browser).await;
    let claim = json!({"face_liveness_session_id": session, "face_liveness_status": "live"});
    let path = format!("/api/profiles/{id}");
    let mut refused = 0;
    for _ in 0..130 {
        refused += u32::from(browser.patch(&path, claim.clone()).await.status == 429);
    }
    assert_eq!(refused, 10);
    assert_eq!(record_verification(&browser, &id, &session, "").await.status, 429);
    assert_eq!(providers.calls_of("rekognition", "GetFaceLivenessSessionResults").await.len(), 120);
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_session_is_answered_without_a_provider() {
    if std::env::var("TEST_STORE").is_ok_and(|store| store != "sqlite") {
        return; // The same records for two servers in turn are simplest to have in a folder.
    }
    let providers = Providers::of_this_test().await;
    let folder = tempfile::tempdir().unwrap();
    let first = Running::start(folder.path(), |command| {
        command.envs(providers.variables());
    });
    let token = request_first_token(folder.path(), &first).await;
    let http = reqwest::Client::new();
    let post = http.post(format!("{}/api/face-liveness/session", first.url)).bearer_auth(&token);
    let session = answer(post).await.expect(200)["sessionId"].as_str().unwrap().to_owned();
    providers.finish(&session, analysed_result(95.5)).await;
    let get = |url: &str, id: &str| http.get(format!("{url}{}", results_path(id))).bearer_auth(&token);
    let kept = answer(get(&first.url, &session)).await.expect(200);
    first.stop();
    let second = Running::start(folder.path(), |_| ());
    assert_eq!(answer(get(&second.url, &session)).await.expect(200), kept);
    answer(get(&second.url, "another")).await.expect(404);
    second.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_reads_of_a_result_call_aws_once() {
    let Given { world, providers } = start_given(&[]).await;
    let (_, browser) = world.person("one").await;
    let session = create_session(&browser).await;
    providers.finish(&session, analysed_result(95.5)).await;
    let path = results_path(&session);
    let answers = futures_util::future::join_all((0..8).map(|_| browser.get(&path))).await;
    let first = answers[0].body.clone();
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.body == first));
    assert_eq!(providers.calls_of("rekognition", "GetFaceLivenessSessionResults").await.len(), 1, "the others waited");
    world.await_stored_files(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s52_images_of_a_session_are_rebuilt_and_what_is_no_picture_is_not_stored() {
    let Given { world, providers } = start_given(&["--face-liveness-audit-images", "2"]).await;
    let (_, browser) = world.person("one").await;
    let session = create_session(&browser).await;
    let image = |bytes: &[u8]| json!({"Bytes": STANDARD.encode(bytes)});
    let mut results = analysed_result(95.5);
    results["ReferenceImage"] = image(&jpeg_with_metadata(JPEG, "a device"));
    results["AuditImages"] = json!([image(b"\xFF\xD8\xFF no picture"), image(JPEG)]);
    providers.finish(&session, results).await;
    let done = browser.get(&results_path(&session)).await.expect(200);
    let shown = STANDARD.decode(done["data"]["referenceImage"]["bytes"].as_str().unwrap()).unwrap();
    assert!(!String::from_utf8_lossy(&shown).contains("CANARY") && !String::from_utf8_lossy(&shown).contains("device"));
    assert_eq!(image::load_from_memory(&shown).unwrap(), image::load_from_memory(JPEG).unwrap());
    assert_eq!((&done["data"]["confidenceScore"], &done["data"]["isLive"]), (&json!(95.5), &json!(true)));
    assert_eq!(done["data"]["imageFiles"].as_array().unwrap().len(), 2);
    world.await_stored_files(2).await;
}

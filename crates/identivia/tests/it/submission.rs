//! What happens once a link has submitted: it reads and no longer writes, a decision stays with the record that was reviewed,
//! and a reviewer's status stays.

use futures_util::future::join_all;
use identivia::records::liveness_session::SessionStatus;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Answer, Caller, World, file, small_picture, texts};

/// A link that has made its verification record.
struct Submitted<'a> {
    id: String,
    browser: Caller<'a>,
    record: String,
}

async fn submit(world: &World) -> Submitted<'_> {
    let (id, browser) = world.person("one").await;
    browser.patch(&profile_path(&id), json!({"document_number": "HONEST1", "country": "UT"})).await.expect(200);
    let session = finish_session(world, &browser).await;
    let made = record_verification(&browser, &id, &session, "HONEST1").await.expect(201);
    Submitted { record: made["data"]["id"].as_str().unwrap().to_owned(), id, browser }
}

fn profile_path(id: &str) -> String {
    format!("/api/profiles/{id}")
}

async fn create_session(browser: &Caller<'_>) -> String {
    let made = browser.post("/api/face-liveness/session", json!({})).await.expect(200);
    made["sessionId"].as_str().unwrap().to_owned()
}

/// A session that shows a live person.
async fn finish_session(world: &World, browser: &Caller<'_>) -> String {
    let session = create_session(browser).await;
    world.provider.finish(&session, SessionStatus::Succeeded, Some(95.0));
    browser.get(&format!("/api/face-liveness/results/{session}")).await.expect(200);
    session
}

async fn record_verification(caller: &Caller<'_>, id: &str, session: &str, number: &str) -> Answer {
    let form = texts(&[
        ("liveness_session_id", session),
        ("liveness_confidence", "95"),
        ("liveness_status", "live"),
        ("document_type", "passport"),
    ])
    .text("document_number", number.to_owned())
    .part("facial_photo", file(small_picture(1), "a.png"))
    .part("document_front", file(small_picture(2), "b.png"));
    caller.form(Method::POST, &format!("/api/verification_history/{id}"), form).await
}

async fn record_status(caller: &Caller<'_>, id: &str, from: &str, to: &str, verification: Option<&str>) -> Answer {
    let step = json!({"previous_status": from, "new_status": to, "notes": "n", "verification": verification});
    caller.post(&format!("/api/status_history/{id}"), step).await
}

async fn read_profile(caller: &Caller<'_>, id: &str) -> Value {
    caller.get(&profile_path(id)).await.expect(200)["data"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn s66_submitted_link_reads_and_writes_no_more() {
    let world = World::with_liveness().await;
    let Submitted { id, browser, .. } = submit(&world).await;
    let before = read_profile(&browser, &id).await;
    let photo = || texts(&[]).part("facial_photo", file(small_picture(3), "c.png"));
    let reading = texts(&[]).part("document_front", file(small_picture(4), "d.png"));
    let consent = json!({"version": "1", "language": "en"});
    let refused = [
        browser.patch(&profile_path(&id), json!({"document_number": "FORGED1"})).await,
        browser.patch(&profile_path(&id), json!({"verification_status": "pending", "country": "XX"})).await,
        browser.form(Method::PATCH, &profile_path(&id), photo()).await,
        record_verification(&browser, &id, "another", "FORGED1").await,
        browser.post("/api/face-liveness/session", json!({})).await,
        browser.get("/api/aws/credentials").await,
        browser.post(&format!("/api/flow/{id}/consent"), consent).await,
        browser.put(&format!("/api/flow/{id}/details"), json!({"name": "Forged"})).await,
        browser.form(Method::POST, "/api/ollama/document-analysis", reading).await,
    ];
    for (number, answer) in refused.iter().enumerate() {
        assert_eq!((answer.status, &answer.body["error"]), (409, &json!("Already submitted")), "{number}: {answer:?}");
    }
    assert_eq!(read_profile(&browser, &id).await, before);
    assert_eq!(before["verification_history"]["document_number"], "HONEST1");

    // A client of the reference sets `pending` last, by both ways, and may repeat what stands.
    let last = json!({"verification_status": "pending", "document_number": "HONEST1"});
    browser.patch(&profile_path(&id), last).await.expect(200);
    record_status(&browser, &id, "unverified", "pending", None).await.expect(201);
    assert_eq!(read_profile(&browser, &id).await["status"], "pending");
    browser.get(&format!("/api/flow/{id}")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn s66_link_writes_again_when_another_try_is_asked_for() {
    let world = World::with_liveness().await;
    let Submitted { id, browser, .. } = submit(&world).await;
    world.clock.advance(1);
    record_status(&world.operator(), &id, "unverified", "resubmission_requested", None).await.expect(201);
    world.clock.advance(1);
    browser.patch(&profile_path(&id), json!({"document_number": "SECOND1"})).await.expect(200);
    // The step to `pending` does not close the link: the record does.
    record_status(&browser, &id, "resubmission_requested", "pending", None).await.expect(201);
    let session = finish_session(&world, &browser).await;
    record_verification(&browser, &id, &session, "SECOND1").await.expect(201);
    browser.patch(&profile_path(&id), json!({"document_number": "THIRD1"})).await.expect(409);
}

#[tokio::test(flavor = "multi_thread")]
async fn s65_decision_names_the_newest_record_or_decides_nothing() {
    let world = World::with_liveness().await;
    let Submitted { id, browser, record } = submit(&world).await;
    let operator = world.operator();
    let newer = record_verification(&operator, &id, "machine", "NEWER1").await.expect(201);
    let newer = newer["data"]["id"].as_str().unwrap();
    let before = read_profile(&operator, &id).await;
    for answer in [
        record_status(&operator, &id, "unverified", "verified", Some(&record)).await,
        operator.patch(&profile_path(&id), json!({"verification_status": "verified", "verification": record})).await,
    ] {
        let body = answer.expect(409);
        assert_eq!((&body["error"], &body["verification"]), (&json!("Evidence has changed"), &json!(newer)));
    }
    assert_eq!(read_profile(&operator, &id).await, before);
    assert_eq!(read_profile(&browser, &id).await["status"], "unverified");
    record_status(&operator, &id, "unverified", "verified", Some(newer)).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn s65_decision_sets_all_three_statuses_and_stays_with_its_record() {
    for by_patch in [false, true] {
        let world = World::with_liveness().await;
        let Submitted { id, record, .. } = submit(&world).await;
        let operator = world.operator();
        if by_patch {
            let decision = json!({"verification_status": "verified", "verification": record});
            operator.patch(&profile_path(&id), decision).await.expect(200);
        } else {
            record_status(&operator, &id, "unverified", "verified", None).await.expect(201);
        }
        let newer = record_verification(&operator, &id, "machine", "NEWER1").await.expect(201);
        operator.patch(&profile_path(&id), json!({"document_number": "NEWER1", "country": "XX"})).await.expect(200);
        let shown = read_profile(&operator, &id).await;
        assert_eq!(
            (&shown["status"], &shown["verification_status"], &shown["verification_history"]["status"]),
            (&json!("verified"), &json!("verified"), &json!("verified")),
            "by patch: {by_patch}"
        );
        assert_eq!(shown["verification_history"]["id"], json!(record));
        assert_eq!(shown["document_number"], "HONEST1", "the reviewed record's");
        let told = operator.get(&format!("/api/status_history/{id}")).await.expect(200);
        assert_eq!(told["data"][0]["verification"], json!(record));

        // Every other word sets only its own field, and the newest record is shown again once nothing is decided.
        record_status(&operator, &id, "verified", "in_review", None).await.expect(201);
        operator.patch(&profile_path(&id), json!({"verification_status": "pending"})).await.expect(200);
        let shown = read_profile(&operator, &id).await;
        assert_eq!((&shown["status"], &shown["verification_status"]), (&json!("in_review"), &json!("pending")));
        assert_eq!(shown["verification_history"]["id"], newer["data"]["id"]);
        assert_eq!(shown["document_number"], "NEWER1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s66_decision_and_late_record_do_not_both_happen() {
    let world = World::with_liveness().await;
    for round in 0..8 {
        let (id, browser) = world.person(&format!("racer {round}")).await;
        let session = finish_session(&world, &browser).await;
        let operator = world.operator();
        let (recorded, decided) = tokio::join!(
            record_verification(&browser, &id, &session, "LATE1"),
            record_status(&operator, &id, "unverified", "verified", None),
        );
        assert!([201, 403, 503].contains(&recorded.status), "{recorded:?}");
        assert!([201, 409, 503].contains(&decided.status), "{decided:?}");
        let shown = read_profile(&operator, &id).await;
        let told = operator.get(&format!("/api/status_history/{id}")).await.expect(200);
        if decided.status == 201 {
            // The decision is about what was there: the record that came before it, or none.
            let expected = if recorded.status == 201 { recorded.body["data"]["id"].clone() } else { Value::Null };
            assert_eq!(told["data"][0]["verification"], expected, "{shown}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s66_of_several_records_at_once_a_link_makes_one() {
    let world = World::with_liveness().await;
    let (id, browser) = world.person("one").await;
    let mut sessions = Vec::new();
    for _ in 0..4 {
        sessions.push(finish_session(&world, &browser).await);
    }
    let making = sessions.iter().map(|session| record_verification(&browser, &id, session, "N1"));
    let statuses: Vec<u16> = join_all(making).await.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    let told = world.operator().get(&format!("/api/verification_history/{id}")).await.expect(200);
    assert_eq!(told["data"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn s68_reviewers_status_stays_and_reads_as_pending() {
    let world = World::with_liveness().await;
    let Submitted { id, browser, .. } = submit(&world).await;
    let operator = world.operator();
    record_status(&operator, &id, "unverified", "suspected_fraud", None).await.expect(201);
    for from in ["suspected_fraud", "pending", "unverified"] {
        record_status(&browser, &id, from, "pending", None).await.expect(403);
    }
    browser.patch(&profile_path(&id), json!({"verification_status": "pending"})).await.expect(403);
    assert_eq!(read_profile(&operator, &id).await["status"], "suspected_fraud");
    let seen = browser.get(&profile_path(&id)).await;
    assert_eq!(seen.body["data"]["status"], "pending");
    let way = browser.get(&format!("/api/flow/{id}")).await;
    assert_eq!(way.body["data"]["status"], "pending");
    for answer in [seen, way] {
        assert!(!String::from_utf8_lossy(&answer.bytes).contains("suspected_fraud"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s67_session_serves_a_record_for_fifteen_minutes() {
    let world = World::with_liveness().await;
    let (id, browser) = world.person("one").await;
    let session = finish_session(&world, &browser).await;
    world.clock.advance(16 * 60);
    let refused = record_verification(&browser, &id, &session, "N1").await.expect(400);
    assert_eq!(refused["error"], "Invalid liveness session");
    let session = finish_session(&world, &browser).await;
    world.clock.advance(13 * 60);
    record_verification(&browser, &id, &session, "N1").await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn s67_session_from_before_another_try_serves_no_record() {
    let world = World::with_liveness().await;
    let (id, browser) = world.person("one").await;
    let old = finish_session(&world, &browser).await;
    world.clock.advance(1);
    record_status(&world.operator(), &id, "unverified", "resubmission_requested", None).await.expect(201);
    world.clock.advance(1);
    // Moving on to `pending` does not make the old session good again.
    record_status(&browser, &id, "resubmission_requested", "pending", None).await.expect(201);
    record_verification(&browser, &id, &old, "N1").await.expect(400);
    let way = browser.get(&format!("/api/flow/{id}")).await.expect(200);
    assert_eq!(way["data"]["face"], Value::Null);
    let session = finish_session(&world, &browser).await;
    record_verification(&browser, &id, &session, "N1").await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn step_of_a_link_that_changes_nothing_writes_nothing() {
    let world = World::with_liveness().await;
    let (id, browser) = world.person("one").await;
    let fields = json!({"verification_status": "pending", "document_number": "N1", "country": "UT"});
    browser.patch(&profile_path(&id), fields.clone()).await.expect(200);
    record_status(&browser, &id, "unverified", "pending", None).await.expect(201);
    let written = world.events().await.len();
    for _ in 0..3 {
        browser.patch(&profile_path(&id), fields.clone()).await.expect(200);
        browser.patch(&profile_path(&id), json!({})).await.expect(200);
        let repeated = record_status(&browser, &id, "pending", "pending", None).await.expect(200);
        assert_eq!(repeated["data"]["new_status"], "pending");
    }
    assert_eq!(world.events().await.len(), written);
    // A machine token's status record always counts.
    record_status(&world.operator(), &id, "pending", "pending", None).await.expect(201);
    assert_eq!(world.events().await.len(), written + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn s74_revoked_links_codes_and_tokens_are_401() {
    let world = World::with_liveness().await;
    let (id, browser) = world.person("one").await;
    let code = browser.post(&format!("/api/flow/{id}/handoff"), json!({})).await.expect(201)["data"]["code"].clone();
    let second = browser.post(&format!("/api/flow/{id}/handoff"), json!({})).await.expect(201)["data"]["code"].clone();
    let nobody = world.bearing(None);
    nobody.post("/api/flow/redeem", json!({"code": code})).await.expect(404);
    let twin = nobody.post("/api/flow/redeem", json!({"code": second})).await.expect(200);
    let twin = world.bearing(twin["data"]["flow_token"].as_str().map(str::to_owned));
    let code = twin.post(&format!("/api/flow/{id}/handoff"), json!({})).await.expect(201)["data"]["code"].clone();

    let operator = world.operator();
    browser.post(&format!("/api/profiles/{id}/revoke_links"), json!({})).await.expect(403);
    world.team("blue").post(&format!("/api/profiles/{id}/revoke_links"), json!({})).await.expect(404);
    operator.post(&format!("/api/profiles/{id}/revoke_links"), json!({})).await.expect(200);
    for old in [&browser, &twin] {
        assert_eq!(old.get(&profile_path(&id)).await.expect(401)["error"], "Invalid or expired token");
        old.get("/api/settings").await.expect(401);
        old.patch(&profile_path(&id), json!({"country": "XX"})).await.expect(401);
    }
    nobody.post("/api/flow/redeem", json!({"code": code})).await.expect(404);

    let again = operator.post("/api/profiles/create", json!({"userID": "one"})).await.expect(200);
    let new = world.bearing(again["flow_token"].as_str().map(str::to_owned));
    new.get(&profile_path(&id)).await.expect(200);
    operator.post(&format!("/api/profiles/{id}/revoke_links"), json!({})).await.expect(200);
    new.get(&profile_path(&id)).await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn s25_token_of_a_removed_client_is_401() {
    let world = World::new().await;
    let now = world.clock.now();
    let token = |client| world.app.tokens.issue_machine_token(client, "profiles:read", None, None, now).unwrap();
    world.bearing(Some(token("operator"))).get("/api/profiles").await.expect(200);
    let removed = world.bearing(Some(token("removed"))).get("/api/profiles").await.expect(401);
    assert_eq!(removed["error"], "Invalid or expired token");
}

//! A PocketBase that lacks collections, fields or the batch API, or refuses a value.

use futures_util::future::join_all;
use identivia::domain::event::EventKind;
use identivia::records::audit_event::AuditEvent;
use identivia::records::liveness_session::{LivenessSession, SessionStatus};
use identivia::records::time::Millis;
use identivia::store::{Store, StoreError, UploadedFiles};
use reqwest::Method;
use serde_json::{Value, json};

use super::{assert_unavailable, await_service, list_calls_since, start_behind_proxy, status_body};
use crate::reviews::{act, list, submit};
use crate::services::pocketbase::{PocketBase, ready_made};
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn init_adds_what_is_missing_and_changes_nothing_else() {
    let service = PocketBase::start().await;
    let own = json!({"name": "profiles", "type": "base", "fields": [
        {"name": "userID", "type": "text"}, {"name": "team", "type": "text"}, {"name": "their_own", "type": "text"},
        {"name": "document_front", "type": "file", "maxSelect": 1},
        {"name": "created", "type": "autodate", "onCreate": true},
    ], "indexes": ["CREATE INDEX `theirs` ON `profiles` (`their_own`)"]});
    service.api(Method::POST, "/api/collections", own).await.expect(200);
    let record = json!({"userID": "before us", "their_own": "kept"});
    let made = service.api(Method::POST, "/api/collections/profiles/records", record).await.expect(200);
    let before = service.api(Method::GET, "/api/collections/profiles", Value::Null).await.expect(200);

    let report = service.store().init_schema(None).await.unwrap().lines.join("\n");
    assert!(
        report.contains("added the field profiles.country") && report.contains("made the collection settings"),
        "{report}"
    );
    assert!(report.contains("profiles.document_front is not protected"), "{report}");
    assert!(report.contains("batch API is off"), "{report}");
    let after = service.api(Method::GET, "/api/collections/profiles", Value::Null).await.expect(200);
    for field in before["fields"].as_array().unwrap() {
        assert!(after["fields"].as_array().unwrap().contains(field), "{field}");
    }
    assert!(after["indexes"].to_string().contains("theirs"));
    let path = format!("/api/collections/profiles/records/{}", made["id"].as_str().unwrap());
    assert_eq!(service.api(Method::GET, &path, Value::Null).await.expect(200)["their_own"], "kept");

    let again = service.store().init_schema(None).await.unwrap().lines;
    let is_quiet = |line: &String| line.starts_with("note: ") || line.starts_with("the collection ");
    assert!(again.iter().all(is_quiet), "{again:?}");

    // Another program's profile is found and served, under the id that it has.
    let flags =
        ["--pocketbase-url", &service.url, "--pb-user-email", &service.email, "--pb-user-password", &service.password];
    let world = World::with(&flags, false).await;
    let found = world.operator().post("/api/profiles/create", json!({"userID": "before us"})).await.expect(200);
    assert_eq!(found["id"], made["id"]);
    let read = world.operator().get(&format!("/api/profiles/{}", made["id"].as_str().unwrap())).await.expect(200);
    assert_eq!((&read["data"]["status"], &read["data"]["name"]), (&json!("unverified"), &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_collections_are_503_and_not_ready() {
    let service = PocketBase::start().await;
    let (world, _proxy) = start_behind_proxy(&service).await;
    let operator = world.operator();
    assert_unavailable(&operator.get("/readyz").await);
    assert_unavailable(&operator.get("/api/profiles/aaaaaaaaaaaaaaa").await);
    assert_unavailable(&operator.get("/api/profiles").await);
    assert_unavailable(&operator.post("/api/profiles/create", json!({"userID": "u"})).await);
    let complaints = service.store().describe_problems().await.unwrap();
    assert!(complaints[0].text.starts_with("missing are the collection profiles, "), "{complaints:?}");
    assert!(service.store().init_schema(None).await.unwrap().complete);
    await_service(&world).await;
    operator.post("/api/profiles/create", json!({"userID": "u"})).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_batch_api_records_are_written_one_after_the_other() {
    let service = PocketBase::start().await;
    assert!(service.store().init_schema(None).await.unwrap().complete);
    let (world, proxy) = start_behind_proxy(&service).await;
    let before = proxy.requests().len();
    let (id, _) = world.person("one").await;
    let written: Vec<_> = list_calls_since(&proxy, before)
        .into_iter()
        .filter(|call| call.starts_with("POST") && call.ends_with("/records"))
        .collect();
    let collections = ["profiles", "audit_events", "outbox_events"];
    assert_eq!(written, collections.map(|name| format!("POST /api/collections/{name}/records")));
    world.operator().post(&format!("/api/status_history/{id}"), status_body("unverified", "n")).await.expect(201);
    assert_eq!(world.operator().get(&format!("/api/profiles/{id}")).await.expect(200)["data"]["status"], "pending");
    let listed = world.operator().get("/api/profiles?status=pending").await.expect(200);
    assert_eq!(listed["data"].as_array().unwrap().len(), 1);

    // What holds without a transaction holds here too: a code is taken once.
    let (id, browser) = world.person("two").await;
    let offered = browser.post(&format!("/api/flow/{id}/handoff"), json!({})).await.expect(201);
    let nobody = world.bearing(None);
    let taken =
        join_all((0..8).map(|_| nobody.post("/api/flow/redeem", json!({"code": offered["data"]["code"]})))).await;
    assert_eq!(taken.iter().filter(|answer| answer.status == 200).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_batch_api_there_are_no_reviews_and_people_are_verified_all_the_same() {
    let (_, service) = ready_made().await;
    let switch_batch = async |enabled: bool| {
        service.api(Method::PATCH, "/api/settings", json!({"batch": {"enabled": enabled}})).await.expect(200);
    };
    let flags =
        ["--pocketbase-url", &service.url, "--pb-user-email", &service.email, "--pb-user-password", &service.password];
    let world = World::with(&flags, true).await;
    let operator = world.operator();
    let (first, _) = submit(&world, "one", None).await;
    let review = list(&operator, "open").await.remove(0);

    // It is turned off while the server runs: the first change that could not be one step is asked for again.
    switch_batch(false).await;
    let first_try = act(&operator, &review, "claim", json!({"version": 1})).await;
    assert_unavailable(&first_try);
    act(&operator, &review, "claim", json!({"version": 1})).await.expect(501);
    assert_eq!(operator.get("/api/reviews").await.expect(501)["error"], "Reviews need the batch API");
    submit(&world, "two", None).await;
    let verified = json!({"previous_status": "unverified", "new_status": "verified", "notes": "n"});
    operator.post(&format!("/api/status_history/{first}"), verified).await.expect(201);
    assert_eq!(operator.get(&format!("/api/profiles/{first}")).await.expect(200)["data"]["status"], "verified");

    let world = World::with(&flags, true).await;
    assert_eq!(world.operator().get("/api/reviews").await.expect(501)["error"], "Reviews need the batch API");
    switch_batch(true).await;
    let world = World::with(&flags, true).await;
    let operator = world.operator();
    let still_open = list(&operator, "open").await;
    assert_eq!(still_open.len(), 1, "the record of the second person has none");

    // A decision from outside that would have to end a review is made at the second try.
    let profile = still_open[0]["profile"].as_str().unwrap();
    let rejected = json!({"previous_status": "verified", "new_status": "rejected", "notes": "n"});
    switch_batch(false).await;
    let path = format!("/api/status_history/{profile}");
    assert_unavailable(&operator.post(&path, rejected.clone()).await);
    operator.post(&path, rejected).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn search_works_without_the_field_for_words_and_for_records_made_by_hand() {
    let (_, service) = ready_made().await;
    let by_hand = json!({"userID": "by-hand", "name": "Anna Smith"});
    service.api(Method::POST, "/api/collections/profiles/records", by_hand).await.expect(200);
    let search = async |world: &World, text: &str| {
        let list = world.operator().get(&format!("/api/profiles?q={text}")).await.expect(200);
        list["data"].as_array().unwrap().iter().map(|entry| entry["userID"].clone()).collect::<Vec<_>>()
    };
    {
        let (world, _proxy) = start_behind_proxy(&service).await;
        let create = json!({"userID": "by-us", "name": "José Smith"});
        world.operator().post("/api/profiles/create", create).await.expect(201);
        assert_eq!(search(&world, "smith").await.len(), 2);
        assert_eq!(search(&world, "JOSE").await, ["by-us"]);
        assert_eq!(search(&world, "anna%20SMITH").await, ["by-hand"]);
        assert_eq!(search(&world, "mit").await, ["by-hand"], "without words a record is found by parts of them");
    }
    let path = "/api/collections/profiles";
    let mut fields = service.api(Method::GET, path, Value::Null).await.expect(200)["fields"].clone();
    fields.as_array_mut().unwrap().retain(|field| field["name"] != "search_tokens");
    service.api(Method::PATCH, path, json!({"fields": fields})).await.expect(200);
    let (world, _proxy) = start_behind_proxy(&service).await;
    assert_eq!(search(&world, "smith").await.len(), 2);
    assert_eq!(search(&world, "Smith%20anna").await, ["by-hand"]);
    assert_eq!(search(&world, "%25").await, [""; 0]);
    world.operator().post("/api/profiles/create", json!({"userID": "later", "name": "Smith"})).await.expect(201);
    assert_eq!(search(&world, "smith").await.len(), 3);
}

/// PocketBase drops values for which it has no field: a consent would be lost.
#[tokio::test(flavor = "multi_thread")]
async fn consent_is_503_while_its_field_is_missing() {
    let (_, service) = ready_made().await;
    let path = "/api/collections/profiles";
    let mut fields = service.api(Method::GET, path, Value::Null).await.expect(200)["fields"].clone();
    fields.as_array_mut().unwrap().retain(|field| field["name"] != "consent");
    service.api(Method::PATCH, path, json!({"fields": fields})).await.expect(200);
    let (world, _proxy) = start_behind_proxy(&service).await;
    let (id, browser) = world.person("one").await;
    let consent = format!("/api/flow/{id}/consent");
    let agree = || browser.post(&consent, json!({"version": "1", "language": "en"}));
    assert_unavailable(&agree().await);
    assert_unavailable(&browser.post(&format!("/api/flow/{id}/handoff"), json!({})).await);
    assert_unavailable(&browser.put(&format!("/api/flow/{id}/details"), json!({"name": "x"})).await);
    let events = service.api(Method::GET, "/api/collections/audit_events/records", Value::Null).await.expect(200);
    assert!(!events.to_string().contains("consent.accepted"), "{events}");
    assert!(service.store().init_schema(None).await.unwrap().complete);
    agree().await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn value_that_pocketbase_refuses_is_a_400_that_names_the_field() {
    let (_, service) = ready_made().await;
    let collection = service.api(Method::GET, "/api/collections/profiles", Value::Null).await.expect(200);
    let mut fields = collection["fields"].clone();
    for field in fields.as_array_mut().unwrap() {
        if field["name"] == "country" {
            field["max"] = json!(3);
        }
    }
    service.api(Method::PATCH, "/api/collections/profiles", json!({"fields": fields})).await.expect(200);
    let (world, _proxy) = start_behind_proxy(&service).await;
    let body = json!({"userID": "u", "country": "Utopia CANARY"});
    let refused = world.operator().post("/api/profiles/create", body).await.expect(400);
    assert!(refused["message"].as_str().unwrap().contains("country: validation_max_text_constraint"), "{refused}");
    assert!(!refused.to_string().contains("CANARY"));
}

/// PocketBase leaves out what it has no field for, and the provider forgets.
#[tokio::test(flavor = "multi_thread")]
async fn session_result_is_refused_while_an_image_field_is_missing() {
    let (pocketbase, service) = ready_made().await;
    let store: &dyn Store = &pocketbase;
    let path = "/api/collections/liveness_sessions";
    let mut fields = service.api(Method::GET, path, Value::Null).await.expect(200)["fields"].clone();
    fields.as_array_mut().unwrap().retain(|field| field["name"] != "reference_image");
    service.api(Method::PATCH, path, json!({"fields": fields})).await.expect(200);
    let begun = LivenessSession::new("s".to_owned(), None, Millis(1_774_051_200_000));
    let new_event = || AuditEvent::new(EventKind::SessionCreated, Millis(0), "");
    store.add_session(&begun, new_event()).await.unwrap().unwrap();
    let finished = LivenessSession { status: SessionStatus::Succeeded, confidence: Some(95.5), ..begun };
    let refused = store.update_session(&finished, UploadedFiles::default(), Some(new_event())).await;
    assert!(matches!(&refused, Err(StoreError::Unavailable(why)) if why.contains("identivia pocketbase init")));
    assert_eq!(store.session("s").await.unwrap().unwrap().status, SessionStatus::Created, "it can still be kept");
    assert!(pocketbase.init_schema(None).await.unwrap().complete);
    store.update_session(&finished, UploadedFiles::default(), Some(new_event())).await.unwrap().unwrap();
}

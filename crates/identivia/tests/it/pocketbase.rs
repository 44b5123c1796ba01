//! PocketBase behind a proxy: what it is asked, and how its lists and files are read.

mod built_collections;
mod missing_parts;
mod outages;
mod own_collections;
mod signing_in;

use std::time::Duration;

use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::{Value, json};

use crate::services::pocketbase::{PocketBase, ready_made};
use crate::services::proxy::Proxy;
use crate::world::{Answer, World, file, small_picture, texts};
use outages::await_call;

/// A server that reaches PocketBase through a proxy.
async fn start_behind_proxy(service: &PocketBase) -> (World, Proxy) {
    let proxy = Proxy::before(&service.url).await;
    let world = World::with(
        &[
            "--pocketbase-url",
            &proxy.url(&service.url),
            "--pb-user-email",
            &service.email,
            "--pb-user-password",
            &service.password,
        ],
        false,
    )
    .await;
    (world, proxy)
}

/// What is read in the background, or for many requests at once.
const SHARED_READS: [&str; 5] = [
    "/clients/",
    "/revoked_tokens/",
    "GET /api/collections/outbox_events/",
    "GET /api/collections/webhook_endpoints/",
    "/auth-refresh",
];

fn count_sign_ins(proxy: &Proxy) -> usize {
    proxy.requests().iter().filter(|request| request.contains("auth-with-password")).count()
}

/// The calls since then, without those that serve many requests: the snapshot of clients, what webhooks read, and the proof
/// that the token still holds, which background work asks for too.
fn list_calls_since(proxy: &Proxy, before: usize) -> Vec<String> {
    let serves_many = |call: &String| SHARED_READS.iter().any(|path| call.contains(path));
    proxy.requests().split_off(before).into_iter().filter(|call| !serves_many(call)).collect()
}

#[track_caller]
fn assert_unavailable(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
}

/// Waits, boundedly, until requests are served again.
async fn await_service(world: &World) {
    for _ in 0..100 {
        // Clients that could not be read are tried again after a second.
        let is_ready = world.operator().get("/readyz").await.status == 200;
        if is_ready && world.operator().get("/api/settings").await.status == 200 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("the service did not come back by itself");
}

fn status_body(previous: &str, notes: &str) -> Value {
    json!({"previous_status": previous, "new_status": "pending", "notes": notes})
}

#[tokio::test(flavor = "multi_thread")]
async fn creating_and_reading_a_profile_take_few_calls() {
    let (_, service) = ready_made().await;
    let (world, proxy) = start_behind_proxy(&service).await;
    world.operator().get("/api/clients").await.expect(200);
    let before = proxy.requests().len();
    let (id, _) = world.person("one").await;
    let calls = list_calls_since(&proxy, before);
    assert_eq!(calls.len(), 2, "the search for another program's profile, and the attempt: {calls:?}");
    // An empty answer is believed once the token has been proved.
    assert!(proxy.requests()[before..].iter().any(|call| call.contains("/auth-refresh")));
    let before = proxy.requests().len();
    let body = json!({"userID": "one", "team": "red"});
    world.operator().post("/api/profiles/create", body).await.expect(201);
    assert_eq!(list_calls_since(&proxy, before), ["POST /api/batch"]);

    let path = format!("/api/profiles/{id}");
    let read = vec![format!("GET /api/collections/profiles/records/{id}")];
    for _ in 0..2 {
        let before = proxy.requests().len();
        world.operator().get(&path).await.expect(200);
        assert_eq!(list_calls_since(&proxy, before), read);
        world.operator().post(&format!("/api/status_history/{id}"), status_body("unverified", "n")).await.expect(201);
    }
    let before = proxy.requests().len();
    world.operator().post("/api/profiles/create", json!({"userID": "one"})).await.expect(200);
    let calls = list_calls_since(&proxy, before);
    assert_eq!(calls.len(), 3, "the search, the attempt, and the look at what was in the way: {calls:?}");
    assert_eq!(count_sign_ins(&proxy), 1);
}

/// Makes `created` of a collection a plain date: as `init` makes it, PocketBase sets it and ignores what is sent.
async fn take_times_as_sent(service: &PocketBase, collection: &str) {
    let path = format!("/api/collections/{collection}");
    let mut fields = service.api(Method::GET, &path, Value::Null).await.expect(200)["fields"].clone();
    for field in fields.as_array_mut().unwrap().iter_mut().filter(|field| field["name"] == "created") {
        *field = json!({"name": "created", "type": "date"});
    }
    service.api(Method::PATCH, &path, json!({"fields": fields})).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn decision_holds_against_a_record_from_the_future() {
    let (_, service) = ready_made().await;
    take_times_as_sent(&service, "status_history").await;
    let (world, _proxy) = start_behind_proxy(&service).await;
    let (id, browser) = world.person("one").await;
    let later = json!({"profile": id, "new_status": "pending", "previous_status": "unverified", "notes": "n",
        "created": "2099-01-01 00:00:00.000Z"});
    let later = service.api(Method::POST, "/api/collections/status_history/records", later).await.expect(200);
    assert_eq!(later["created"], "2099-01-01 00:00:00.000Z");
    let decided = json!({"previous_status": "pending", "new_status": "rejected", "notes": "n"});
    world.operator().post(&format!("/api/status_history/{id}"), decided).await.expect(201);
    let listed = world.operator().get(&format!("/api/status_history/{id}")).await.expect(200);
    assert_eq!(listed["data"][0]["id"], later["id"], "by its time the record from the future is the newest");
    browser.patch(&format!("/api/profiles/{id}"), json!({"country": "UT"})).await.expect(403);
    browser.post(&format!("/api/status_history/{id}"), status_body("pending", "n")).await.expect(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_many_large_settings_are_read() {
    let (_, service) = ready_made().await;
    let (world, _proxy) = start_behind_proxy(&service).await;
    let long = "x".repeat(60_000);
    for number in 0..85 {
        let path = format!("/api/settings/key-{number:03}");
        world.operator().put(&path, json!({"value": long, "public": false})).await.expect(200);
    }
    let read = world.operator().get("/api/settings").await.expect(200);
    assert_eq!(read["data"].as_object().unwrap().len(), 85);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_leave_out_large_documents() {
    let (_, service) = ready_made().await;
    let (world, _proxy) = start_behind_proxy(&service).await;
    let (id, _) = world.person("one").await;
    let large = "x".repeat(95_000);
    let add = async |collection: &str, body: &dyn Fn(usize) -> Value| {
        let url = format!("/api/collections/{collection}/records");
        let requests: Vec<_> =
            (0..50).map(|number| json!({"method": "POST", "url": url, "body": body(number)})).collect();
        service.api(Method::POST, "/api/batch", json!({"requests": requests})).await.expect(200);
    };
    add("profiles", &|number| json!({"userID": format!("u{number}"), "face_liveness_result": large})).await;
    add("verification_history", &|_| json!({"profile": id, "fingerprint": large})).await;
    for path in ["/api/profiles?limit=100".to_owned(), format!("/api/verification_history/{id}?limit=100")] {
        let listed = world.operator().get(&path).await.expect(200);
        assert!(listed["data"].as_array().unwrap().len() >= 50);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_changed_by_hand_are_still_found_and_listed() {
    let (_, service) = ready_made().await;
    let (world, _proxy) = start_behind_proxy(&service).await;
    let operator = world.operator();
    let create = async |user: &str| operator.post("/api/profiles/create", json!({"userID": user})).await;
    let first = create("old").await.expect(201)["id"].clone();
    let record = format!("/api/collections/profiles/records/{}", first.as_str().unwrap());
    service.api(Method::PATCH, &record, json!({"userID": "renamed"})).await.expect(200);
    assert_eq!(create("renamed").await.expect(200)["id"], first);
    let second = create("old").await.expect(201)["id"].clone();
    assert_ne!(second, first);
    assert_eq!(create("old").await.expect(200)["id"], second);

    // Records without a time come last, and are paged through like the others.
    for number in 0..3 {
        let body = json!({"userID": format!("timeless {number}")});
        service.api(Method::POST, "/api/collections/profiles/records", body).await.expect(200);
    }
    let (mut cursor, mut seen) = (String::new(), std::collections::BTreeSet::new());
    for _ in 0..5 {
        let page = operator.get(&format!("/api/profiles?limit=1{cursor}")).await.expect(200);
        seen.insert(page["data"][0]["id"].as_str().unwrap().to_owned());
        cursor = format!("&cursor={}", page["next_cursor"].as_str().unwrap_or_default());
    }
    assert_eq!((seen.len(), cursor.as_str()), (5, "&cursor="));
}

#[tokio::test(flavor = "multi_thread")]
async fn file_request_with_an_expired_token_is_503_not_404() {
    let (_, service) = ready_made().await;
    let (world, mut proxy) = start_behind_proxy(&service).await;
    let (id, _) = world.person("one").await;
    let operator = world.operator();
    let form = Form::new().part("document_front", file(small_picture(1), "f.png"));
    let changed = operator.form(Method::PATCH, &format!("/api/profiles/{id}"), form).await.expect(200);
    let path = format!("/api/files/profiles/{id}/{}", changed["data"]["document_front"].as_str().unwrap());
    assert_eq!(operator.get(&path).await.status, 200);
    let open = reqwest::get(format!("{}{path}", service.url)).await.unwrap();
    assert_eq!(open.status(), 404, "PocketBase requires a token");
    let superusers = service.api(Method::GET, "/api/collections/_superusers/records", Value::Null).await.expect(200);
    let user = format!("/api/collections/_superusers/records/{}", superusers["items"][0]["id"].as_str().unwrap());
    // Every piece takes so long to PocketBase that the token, when it gets there, is dead.
    proxy.slow(Duration::from_millis(700)).await;
    let before = proxy.requests().len();
    let revoke = async {
        await_call(&proxy, before, "GET /api/files/").await;
        service.api(Method::PATCH, &user, json!({"tokenKey:autogenerate": ""})).await.expect(200);
    };
    let (answer, ()) = tokio::join!(operator.get(&path), revoke);
    assert_unavailable(&answer);
    proxy.pass().await;
    assert_eq!(operator.get(&path).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn file_of_a_record_without_a_profile_is_404() {
    let (_, service) = ready_made().await;
    let (world, _proxy) = start_behind_proxy(&service).await;
    let (id, _) = world.person("one").await;
    let fields = [
        ("liveness_session_id", "s"),
        ("liveness_confidence", "90"),
        ("liveness_status", "live"),
        ("document_type", "passport"),
    ];
    let form = texts(&fields)
        .part("facial_photo", file(small_picture(1), "p.png"))
        .part("document_front", file(small_picture(2), "f.png"));
    let made = world.operator().form(Method::POST, &format!("/api/verification_history/{id}"), form).await.expect(201);
    let (record, name) = (made["data"]["id"].as_str().unwrap(), made["data"]["facial_photo"].as_str().unwrap());
    let path = format!("/api/files/verification_history/{record}/{name}");
    assert_eq!(world.operator().get(&path).await.status, 200);
    let collection = service.api(Method::GET, "/api/collections/verification_history", Value::Null).await.expect(200);
    let mut fields = collection["fields"].clone();
    for field in fields.as_array_mut().unwrap().iter_mut().filter(|field| field["name"] == "profile") {
        field["required"] = json!(false);
    }
    service.api(Method::PATCH, "/api/collections/verification_history", json!({"fields": fields})).await.expect(200);
    let record = format!("/api/collections/verification_history/records/{record}");
    service.api(Method::PATCH, &record, json!({"profile": ""})).await.expect(200);
    assert_eq!(world.operator().get(&path).await.status, 404);
}

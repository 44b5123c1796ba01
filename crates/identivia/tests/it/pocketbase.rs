//! PocketBase in trouble: stopped, frozen, slow, restarted, its token revoked. And what it is asked when all is well.

mod built_collections;
mod own_collections;

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use identivia::domain::event::EventKind;
use identivia::records::audit_event::AuditEvent;
use identivia::records::liveness_session::{LivenessSession, SessionStatus};
use identivia::records::time::Millis;
use identivia::store::{Store, StoreError, UploadedFiles};
use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::{Value, json};

use crate::services::pocketbase::{PocketBase, ready_made};
use crate::services::proxy::Proxy;
use crate::world::{Answer, GIVEN_UP_WITHIN, World, file, small_picture, texts};

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

#[tokio::test(flavor = "multi_thread")]
async fn unavailable_pocketbase_is_503_until_it_is_back() {
    let (_, service) = ready_made().await;
    let (world, mut proxy) = start_behind_proxy(&service).await;
    let (id, browser) = world.person("one").await;
    let operator = world.operator();
    let troubles = 3;
    for trouble in 0..troubles {
        match trouble {
            0 => service.stop(),
            1 => proxy.refuse().await,
            _ => proxy.hang().await,
        }
        let started = Instant::now();
        let (path, list) = (format!("/api/profiles/{id}"), "/api/profiles".to_owned());
        let gets = join_all([&path, &list].map(|path| operator.get(path)));
        let writes =
            join_all((0..20).map(|_| operator.post("/api/profiles/create", json!({"userID": format!("u{trouble}")}))));
        let others = async {
            let statuses = format!("/api/status_history/{id}");
            (
                browser.patch(&path, json!({"country": "UT"})).await,
                operator.post(&statuses, status_body("unverified", "n")).await,
                operator.get("/api/settings").await,
                operator.get("/readyz").await,
            )
        };
        let (gets, writes, others) = tokio::join!(gets, writes, others);
        for answer in gets.iter().chain(&writes).chain([&others.0, &others.1, &others.2, &others.3]) {
            assert_unavailable(answer);
        }
        assert!(started.elapsed() < 2 * GIVEN_UP_WITHIN, "{trouble}: {:?}", started.elapsed());
        match trouble {
            0 => service.start_again(),
            _ => proxy.pass().await,
        }
        await_service(&world).await;
        assert_eq!(operator.get("/").await.expect(200)["pocketbase_status"], "authenticated");
        let creates = (0..20).map(|_| operator.post("/api/profiles/create", json!({"userID": format!("u{trouble}")})));
        let made = join_all(creates).await.into_iter().filter(|answer| answer.status == 201).count();
        assert!(made <= 1, "{made} were made");
    }
    let kept = operator.get("/api/profiles?limit=100").await.expect(200);
    assert_eq!(kept["data"].as_array().unwrap().len(), 1 + troubles);
    assert!(count_sign_ins(&proxy) <= 2, "{:?}", proxy.requests());
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
async fn token_is_renewed_before_it_expires() {
    let (_, service) = ready_made().await;
    let (world, proxy) = start_behind_proxy(&service).await;
    world.operator().get("/api/profiles").await.expect(200);
    assert_eq!(count_sign_ins(&proxy), 1);
    // A superuser's lasts for a day.
    world.clock.advance(86_400 - 400);
    world.operator().get("/api/profiles").await.expect(200);
    assert_eq!(count_sign_ins(&proxy), 1);
    world.clock.advance(200);
    world.operator().get("/api/profiles").await.expect(200);
    assert_eq!(count_sign_ins(&proxy), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_reports_the_state_of_pocketbase() {
    let (_, service) = ready_made().await;
    let (world, mut proxy) = start_behind_proxy(&service).await;
    let told = async || world.operator().get("/").await.expect(200)["pocketbase_status"].clone();
    assert_eq!(told().await, "authenticated");
    proxy.refuse().await;
    tokio::time::sleep(Duration::from_secs(5)).await; // A look is good for that long.
    assert_eq!(told().await, "unreachable");
    assert_unavailable(&world.bearing(None).get("/readyz").await);
    proxy.pass().await;

    let flags = ["--pocketbase-url", &service.url, "--pb-user-email", &service.email, "--pb-user-password", "wrong"];
    let stranger = World::with(&flags, false).await;
    let report = stranger.operator().get("/").await.expect(200);
    assert_eq!(report["pocketbase_status"], "unauthenticated");
    assert_eq!((&report["pocketbase_user_email"], &report["status"]), (&json!(service.email), &json!("DEGRADED")));
    assert!(!report.to_string().contains("wrong"));
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_password_is_tried_once_per_collection() {
    let (_, service) = ready_made().await;
    let proxy = Proxy::before(&service.url).await;
    let flags = [
        "--pocketbase-url",
        &proxy.url(&service.url),
        "--pb-user-email",
        &service.email,
        "--pb-user-password",
        "wrong",
    ];
    let world = World::with(&flags, false).await;
    let operator = world.operator();
    for answer in join_all((0..50).map(|_| operator.get("/api/profiles"))).await {
        assert_unavailable(&answer);
    }
    assert_eq!(count_sign_ins(&proxy), 2, "as a superuser and as a user: {:?}", proxy.requests());
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_token_is_renewed_once_for_concurrent_calls() {
    let (_, service) = ready_made().await;
    let (world, proxy) = start_behind_proxy(&service).await;
    let (id, _) = world.person("one").await;
    let operator = world.operator();
    let superusers = service.api(Method::GET, "/api/collections/_superusers/records", Value::Null).await.expect(200);
    let path = format!("/api/collections/_superusers/records/{}", superusers["items"][0]["id"].as_str().unwrap());
    for round in 0..2 {
        service.api(Method::PATCH, &path, json!({"tokenKey:autogenerate": ""})).await.expect(200);
        let before = count_sign_ins(&proxy);
        let path = format!("/api/profiles/{id}");
        let reads = join_all((0..25).map(|_| operator.get(&path)));
        let bodies: Vec<_> = (0..25).map(|number| json!({"userID": format!("{round}-{number}")})).collect();
        let writes = join_all(bodies.iter().map(|body| operator.post("/api/profiles/create", body.clone())));
        let (reads, writes) = tokio::join!(reads, writes);
        assert!(reads.iter().all(|answer| answer.status == 200));
        assert!(writes.iter().all(|answer| answer.status == 201));
        assert_eq!(count_sign_ins(&proxy) - before, 1);
    }
}

/// Waits, boundedly, until such a call has come as far as the proxy.
async fn await_call(proxy: &Proxy, before: usize, start: &str) {
    for _ in 0..2_000 {
        if list_calls_since(proxy, before).iter().any(|call| call.starts_with(start)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("no {start}: {:?}", list_calls_since(proxy, before));
}

/// Lets the next batch through to PocketBase, and its answer not back.
async fn lose_the_answer_of_a_batch(proxy: &mut Proxy, before: usize) {
    await_call(proxy, before, "POST /api/batch").await;
    // The proxy has noted the request and delays it; what it reads from now on stays with it.
    proxy.hang().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn write_with_a_lost_answer_is_not_repeated() {
    let (_, service) = ready_made().await;
    let (world, mut proxy) = start_behind_proxy(&service).await;
    let (id, _) = world.person("one").await;
    let operator = world.operator();
    let path = format!("/api/status_history/{id}");
    let rows =
        async || service.api(Method::GET, "/api/collections/status_history/records", Value::Null).await.expect(200);
    for (round, kept) in [("the answer was lost", 1), ("the caller had gone", 3)] {
        proxy.slow(Duration::from_millis(500)).await;
        let before = proxy.requests().len();
        let attempt = operator.post(&path, status_body("unverified", round));
        let losing = async {
            lose_the_answer_of_a_batch(&mut proxy, before).await;
            for _ in 0..200 {
                if rows().await["items"].as_array().unwrap().len() == kept {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            panic!("it was not written: {round}");
        };
        if kept == 1 {
            let (lost, ()) = tokio::join!(attempt, losing);
            assert_unavailable(&lost);
        } else {
            tokio::select! {
                _ = attempt => panic!("answered"),
                () = losing => {}
            }
            // Until the server has noticed that the caller has gone: an answer before that would be in time.
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        proxy.pass().await;
        await_service(&world).await;
        operator.post(&path, status_body("unverified", round)).await.expect(201);
        assert_eq!(rows().await["items"].as_array().unwrap().len(), kept, "{round}");
        operator.post(&path, status_body("unverified", round)).await.expect(201);
        let listed = operator.get(&path).await.expect(200);
        assert_eq!(listed["data"].as_array().unwrap().len(), kept + 1, "a trusted server may say the same twice");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_answer_to_a_revoked_token_is_not_trusted() {
    let (_, service) = ready_made().await;
    let rule = "@request.auth.id != \"\"";
    let rules = json!({"listRule": rule, "viewRule": rule, "createRule": rule, "updateRule": rule});
    for collection in ["profiles", "status_history", "verification_history", "settings", "audit_events"] {
        service.api(Method::PATCH, &format!("/api/collections/{collection}"), rules.clone()).await.expect(200);
    }
    let (world, _proxy) = start_behind_proxy(&service).await;
    let (id, _) = world.person("one").await;
    let operator = world.operator();
    let path = format!("/api/profiles/{id}");
    let superusers = service.api(Method::GET, "/api/collections/_superusers/records", Value::Null).await.expect(200);
    let user = format!("/api/collections/_superusers/records/{}", superusers["items"][0]["id"].as_str().unwrap());
    let revoke = async || service.api(Method::PATCH, &user, json!({"tokenKey:autogenerate": ""})).await.expect(200);
    revoke().await;
    operator.get(&path).await.expect(200);
    revoke().await;
    assert_eq!(operator.get("/api/profiles").await.expect(200)["data"].as_array().unwrap().len(), 1);
    revoke().await;
    operator.post("/api/profiles/create", json!({"userID": "two"})).await.expect(201);
    revoke().await;
    operator.patch(&path, json!({"country": "UT"})).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_another_server_in_place_of_pocketbase_are_503() {
    use axum::http::{StatusCode, header};
    let wrong = std::sync::Arc::new(std::sync::Mutex::new((200, "")));
    let told = wrong.clone();
    let token = "e30.eyJleHAiOjk5OTk5OTk5OTl9.e30"; // {}.{"exp":9999999999}.{}
    let signed_in = json!({"token": token, "record": {}}).to_string();
    let fake = axum::Router::new().fallback(async move |request: axum::extract::Request| {
        let json = [(header::CONTENT_TYPE, "application/json")];
        let path = request.uri().path();
        if path.contains("auth-") {
            return (StatusCode::OK, json, signed_in.clone());
        }
        let (status, body) = *told.lock().unwrap();
        (StatusCode::from_u16(status).unwrap(), json, body.to_owned())
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, fake).await });
    let flags = ["--pocketbase-url", &url, "--pb-user-email", "a@example.com", "--pb-user-password", "p"];
    let world = World::with(&flags, false).await;
    let operator = world.operator();
    for answer in [
        (200, ""),
        (200, "[]"),
        (200, "\"ok\""),
        (200, "{}"),
        (200, "{\"items\":{}}"),
        (404, "404 page not found"),
        (404, "{\"error\":\"no route\"}"),
        (403, "forbidden by a firewall"),
        (502, "<html>"),
    ] {
        *wrong.lock().unwrap() = answer;
        let profile = "/api/profiles/aaaaaaaaaaaaaaa";
        for refused in [
            operator.get(profile).await,
            operator.get("/api/profiles").await,
            operator.get("/api/settings").await,
            operator.post("/api/profiles/create", json!({"userID": "u"})).await,
            operator.patch(profile, json!({"country": "UT"})).await,
            operator.post("/api/status_history/aaaaaaaaaaaaaaa", status_body("unverified", "n")).await,
        ] {
            assert_eq!(refused.status, 503, "{answer:?}: {}", refused.body);
        }
    }
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

/// A record of `users` with a team, and what lets it in.
async fn create_service_user(service: &PocketBase) -> (String, String) {
    let team = json!({"name": "team", "type": "text"});
    let users = service.api(Method::GET, "/api/collections/users", Value::Null).await.expect(200);
    let mut fields = users["fields"].as_array().unwrap().clone();
    fields.push(team);
    service.api(Method::PATCH, "/api/collections/users", json!({"fields": fields})).await.expect(200);
    let (email, password) = ("service@example.com", "a password of the service");
    let user = json!({"email": email, "password": password, "passwordConfirm": password, "team": "acme"});
    service.api(Method::POST, "/api/collections/users/records", user).await.expect(200);
    (email.to_owned(), password.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn service_user_signs_in_and_its_team_is_the_default() {
    let service = PocketBase::start().await;
    service.api(Method::PATCH, "/api/settings", json!({"batch": {"enabled": true}})).await.expect(200);
    let (email, password) = create_service_user(&service).await;
    assert!(service.store().init_schema(Some(&email)).await.unwrap().complete);
    let proxy = Proxy::before(&service.url).await;
    let flags =
        ["--pocketbase-url", &proxy.url(&service.url), "--pb-user-email", &email, "--pb-user-password", &password];
    let world = World::with(&flags, false).await;
    let operator = world.operator();
    assert_eq!(operator.get("/").await.expect(200)["pocketbase_status"], "authenticated");
    let made = operator.post("/api/profiles/create", json!({"userID": "u"})).await.expect(201);
    let path = format!("/api/profiles/{}", made["id"].as_str().unwrap());
    world.team("acme").get(&path).await.expect(200);
    world.team("red").get(&path).await.expect(404);
    let red = operator.post("/api/profiles/create", json!({"userID": "u", "team": "red"})).await.expect(201);
    assert_ne!(red["id"], made["id"]);

    // A dead token makes a guest, who would find nothing: that is not believed.
    let users = service.api(Method::GET, "/api/collections/users/records", Value::Null).await.expect(200);
    let user = format!("/api/collections/users/records/{}", users["items"][0]["id"].as_str().unwrap());
    let revoke = async || service.api(Method::PATCH, &user, json!({"tokenKey:autogenerate": ""})).await.expect(200);
    revoke().await;
    operator.get(&path).await.expect(200);
    revoke().await;
    assert_eq!(operator.get("/api/profiles").await.expect(200)["data"].as_array().unwrap().len(), 2);
    revoke().await;
    operator.post("/api/profiles/create", json!({"userID": "v"})).await.expect(201);
    revoke().await;
    operator.patch(&path, json!({"country": "UT"})).await.expect(200);
    operator.get("/api/profiles/aaaaaaaaaaaaaaa").await.expect(404);
    assert_eq!(count_sign_ins(&proxy), 2 + 4, "the first as a superuser before");

    let stranger = identivia::store::pocketbase::PocketBase::new;
    let account = identivia::store::pocketbase::Account { url: service.url.clone(), email, password };
    let report = stranger(account, b"", identivia::clock::Clock::default()).unwrap().init_schema(None).await.unwrap();
    assert!(!report.complete && report.lines[0].contains("\"userID\""), "{:?}", report.lines);
}

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

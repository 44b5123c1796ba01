//! How the server signs in to PocketBase: as a superuser or a user, once, and again when its token ends.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::{assert_unavailable, count_sign_ins, start_behind_proxy};
use crate::services::pocketbase::{PocketBase, ready_made};
use crate::services::proxy::Proxy;
use crate::world::World;

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

/// A record of `users` with a team, and what lets it in.
pub(super) async fn create_service_user(service: &PocketBase) -> (String, String) {
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

//! Token revocation (RFC 7009) and the server's OAuth metadata (RFC 8414).

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use identivia::clock::Clock;
use identivia::domain::event::EventKind;
use identivia::records::RecordKind;
use identivia::records::audit_event::AuditEvent;
use identivia::records::id::RecordId;
use identivia::records::revoked_token::RevokedToken;
use identivia::store::Query;
use reqwest::Method;
use serde_json::{Value, json};

use crate::clients::{ask_token, make_client, sign_in};
use crate::ground::Ground;
use crate::world::{Answer, Caller, World, answer};

const PATH: &str = "/api/auth/revoke";

async fn revoke(world: &World, client: &str, token: &str) -> Answer {
    let body = json!({"client_id": client, "client_secret": format!("{client}-secret"), "token": token});
    answer(world.bearing(None).request(Method::POST, PATH).json(&body)).await
}

/// A caller with a token of that client of the configuration.
async fn caller_of<'a>(world: &'a World, client: &str) -> Caller<'a> {
    let token = ask_token(world, client, &format!("{client}-secret")).await.expect(200);
    world.bearing(token["access_token"].as_str().map(str::to_owned))
}

fn token_of<'c>(caller: &'c Caller<'_>) -> &'c str {
    caller.token.as_deref().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_token_is_401_and_the_clients_other_tokens_are_not() {
    let world = World::new().await;
    let (revoked, other) = (caller_of(&world, "reader").await, caller_of(&world, "reader").await);
    revoked.get("/api/profiles").await.expect(200);
    let said = revoke(&world, "reader", token_of(&revoked)).await;
    assert_eq!(said.header("cache-control"), "no-store");
    assert_eq!(said.expect(200), json!({"success": true, "message": "Token revoked"}));
    assert_eq!(revoked.get("/api/profiles").await.expect(401)["error"], "Invalid or expired token");
    other.get("/api/profiles").await.expect(200);
    revoke(&world, "reader", token_of(&revoked)).await.expect(200);
    let events = world.events().await;
    assert_eq!(events, [("token.revoked".to_owned(), "reader".to_owned(), String::new())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn revocation_takes_a_form_and_http_basic() {
    let world = World::new().await;
    let send = |basic: bool, form: &[(&'static str, String)]| {
        let request = world.bearing(None).request(Method::POST, PATH).form(form);
        let header = format!("Basic {}", STANDARD.encode("reader:reader-secret"));
        answer(if basic { request.header("authorization", header) } else { request })
    };
    let pair = |name, value: &str| (name, value.to_owned());
    let caller = caller_of(&world, "reader").await;
    let hint = pair("token_type_hint", "refresh_token");
    send(true, &[pair("token", token_of(&caller)), hint]).await.expect(200);
    caller.get("/api/profiles").await.expect(401);
    let caller = caller_of(&world, "reader").await;
    let credentials = [pair("client_id", "reader"), pair("client_secret", "reader-secret")];
    send(false, &[credentials.to_vec(), vec![pair("token", token_of(&caller))]].concat()).await.expect(200);
    caller.get("/api/profiles").await.expect(401);
    let missing = send(false, &[]).await.expect(400);
    assert_eq!(missing["required"], json!(["client_id", "client_secret", "token"]));
    assert_eq!(send(true, &[]).await.expect(400)["required"], json!(["token"]));
    assert_eq!(send(true, &credentials).await.expect(400)["error"], "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_client_of_a_token_can_revoke_it() {
    let world = World::new().await;
    let (_, browser) = world.person("one").await;
    let operator = caller_of(&world, "operator").await;
    let refused = revoke(&world, "reader", token_of(&operator)).await.expect(400);
    assert_eq!(refused["error"], "unauthorized_client");
    operator.get("/api/profiles").await.expect(200);
    let link = revoke(&world, "reader", token_of(&browser)).await.expect(400);
    assert_eq!(link["error"], "unsupported_token_type");
    assert!(link["message"].as_str().unwrap().contains("revoke_links"));
    for unknown in ["x", "eyJ.eyJ.x", &"y".repeat(8_000)] {
        revoke(&world, "reader", unknown).await.expect(200);
    }
    let wrong = json!({"client_id": "reader", "client_secret": "wrong", "token": token_of(&operator)});
    let wrong = answer(world.bearing(None).request(Method::POST, PATH).json(&wrong)).await;
    assert_eq!(wrong.expect(401)["error"], "invalid_client");
    assert!(world.events().await.iter().all(|(kind, ..)| kind != "token.revoked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_wrong_secrets_block_revocation_too() {
    let world = World::new().await;
    for number in 0..10 {
        let body = json!({"client_id": "reader", "client_secret": "wrong", "token": "x"});
        let path = if number % 2 == 0 { PATH } else { "/api/auth/token" };
        answer(world.bearing(None).request(Method::POST, path).json(&body)).await.expect(401);
    }
    revoke(&world, "reader", "x").await.expect(429);
}

#[tokio::test(flavor = "multi_thread")]
async fn revocation_survives_a_restart_and_holds_on_other_servers_within_five_seconds() {
    let ground = Arc::new(Ground::postgres().await);
    let one = World::on(ground.clone(), &[], Clock::default()).await;
    let other = World::on(ground.clone(), &[], Clock::default()).await;
    let client = make_client(&one, json!({})).await;
    let here = sign_in(&one, &client).await;
    let there = other.bearing(here.token.clone());
    there.get("/api/profiles").await.expect(200);
    let body = json!({"client_id": client.id, "client_secret": client.secret, "token": token_of(&here)});
    answer(one.bearing(None).request(Method::POST, PATH).json(&body)).await.expect(200);
    here.get("/api/profiles").await.expect(401);
    other.clock.advance(5);
    there.get("/api/profiles").await.expect(401);
    let restarted = World::on(ground, &[], Clock::default()).await;
    restarted.bearing(here.token.clone()).get("/api/profiles").await.expect(401);
    sign_in(&restarted, &client).await.get("/api/profiles").await.expect(200);
}

async fn stored_revocations(world: &World) -> usize {
    world.app.store.read(Query::of_kind(RecordKind::RevokedTokens)).await.unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn revocation_is_deleted_once_its_token_has_ended() {
    let world = World::new().await;
    for _ in 0..3 {
        let caller = caller_of(&world, "reader").await;
        revoke(&world, "reader", token_of(&caller)).await.expect(200);
    }
    assert_eq!(stored_revocations(&world).await, 3);
    // A token is accepted for 30 seconds after its end, because clocks differ.
    world.clock.advance(3_620);
    world.operator().get("/api/profiles").await.expect(200);
    assert_eq!(stored_revocations(&world).await, 3);
    for _ in 0..250 {
        world.clock.advance(61);
        world.operator().get("/api/profiles").await.expect(200);
        if stored_revocations(&world).await == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("revocations stay for ever");
}

#[tokio::test(flavor = "multi_thread")]
async fn client_can_have_five_hundred_revoked_tokens() {
    let world = World::new().await;
    let now = world.clock.now();
    let fill = async |count: usize| {
        for _ in 0..count {
            let expires = now.plus_seconds(3_600);
            let token = RevokedToken { id: RecordId::random(), client: "reader".to_owned(), expires, created: now };
            let event = AuditEvent::new(EventKind::TokenRevoked, now, "reader");
            world.app.store.revoke_token(&token, event).await.unwrap();
        }
    };
    fill(499).await;
    let (last, beyond) = (caller_of(&world, "reader").await, caller_of(&world, "reader").await);
    revoke(&world, "reader", token_of(&last)).await.expect(200);
    let refused = revoke(&world, "reader", token_of(&beyond)).await;
    assert_eq!(refused.header("retry-after"), "60");
    refused.expect(503);
    let operator = caller_of(&world, "operator").await;
    revoke(&world, "operator", token_of(&operator)).await.expect(200);
    world.clock.advance(3_700);
    let later = caller_of(&world, "reader").await;
    revoke(&world, "reader", token_of(&later)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_names_the_endpoints_at_the_public_url() {
    let world = World::with(&["--public-url", "https://verify.example.com"], false).await;
    let found = world.bearing(None).get("/.well-known/oauth-authorization-server").await.expect(200);
    assert_eq!(found["issuer"], "https://verify.example.com");
    assert_eq!(found["token_endpoint"], "https://verify.example.com/api/auth/token");
    assert_eq!(found["revocation_endpoint"], "https://verify.example.com/api/auth/revoke");
    assert_eq!(found["grant_types_supported"], json!(["client_credentials"]));
    assert_eq!(found["response_types_supported"], json!([]));
    let methods = json!(["client_secret_basic", "client_secret_post"]);
    assert_eq!(found["token_endpoint_auth_methods_supported"], methods);
    let scopes: Vec<&Value> = found["scopes_supported"].as_array().unwrap().iter().collect();
    assert!(scopes.len() == 22 && scopes.contains(&&json!("clients:manage")));
}

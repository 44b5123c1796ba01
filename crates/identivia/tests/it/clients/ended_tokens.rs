//! What ends the tokens of a machine client: on this server at once, on another one within five seconds.

use std::sync::Arc;

use identivia::clock::Clock;
use reqwest::Method;
use serde_json::json;
use sqlx::{Connection as _, Executor as _, PgConnection};

use super::{MadeClient, PATH, ask_token, make_client, sign_in};
use crate::ground::Ground;
use crate::world::{Caller, World, answer};

/// Every server knows of a change after this many seconds, by its own clock.
const KNOWN_AFTER: i64 = 5;

async fn assert_ended(caller: &Caller<'_>) {
    assert_eq!(caller.get("/api/profiles").await.expect(401)["error"], "Invalid or expired token");
}

#[tokio::test(flavor = "multi_thread")]
async fn s25_disabled_client_gets_no_token_and_its_tokens_end_for_good() {
    let world = World::new().await;
    let client = make_client(&world, json!({})).await;
    let caller = sign_in(&world, &client).await;
    caller.get("/api/profiles").await.expect(200);
    let operator = world.operator();
    let disabled = operator.patch(&client.path(), json!({"disabled": true})).await.expect(200);
    assert_eq!(disabled["data"]["disabled"], true);
    assert_ended(&caller).await;
    let (refused, unknown) =
        (ask_token(&world, &client.id, &client.secret).await, ask_token(&world, "nobody", "wrong").await);
    assert_eq!((refused.status, &refused.bytes), (401, &unknown.bytes), "it is not told apart from an unknown one");
    operator.patch(&client.path(), json!({"disabled": false})).await.expect(200);
    assert_ended(&caller).await;
    sign_in(&world, &client).await.get("/api/profiles").await.expect(200);
    let events = world.events().await;
    let changes: Vec<_> = events.iter().filter(|(kind, ..)| kind == "client.changed").collect();
    assert_eq!(changes.len(), 2);
    assert_eq!(changes[0].2, format!("{}: disabled", client.id));
}

#[tokio::test(flavor = "multi_thread")]
async fn s25_expired_client_gets_no_token_and_its_tokens_end() {
    let world = World::new().await;
    let ends = world.clock.now().plus_seconds(600);
    let client = make_client(&world, json!({"expires_at": ends.rfc3339()})).await;
    let caller = sign_in(&world, &client).await;
    world.clock.advance(590);
    caller.get("/api/profiles").await.expect(200);
    world.clock.advance(11);
    assert_ended(&caller).await;
    ask_token(&world, &client.id, &client.secret).await.expect(401);
    world.operator().patch(&client.path(), json!({"expires_at": ""})).await.expect(200);
    sign_in(&world, &client).await.get("/api/profiles").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn s25_tokens_of_a_deleted_client_end_also_when_its_id_is_used_again() {
    let world = World::new().await;
    let client = make_client(&world, json!({"client_id": "backend"})).await;
    let caller = sign_in(&world, &client).await;
    let operator = world.operator();
    operator.delete(&client.path()).await.expect(200);
    assert_ended(&caller).await;
    operator.get(&client.path()).await.expect(404);
    operator.delete(&client.path()).await.expect(404);
    let again = make_client(&world, json!({"client_id": "backend"})).await;
    assert_ended(&caller).await;
    ask_token(&world, &client.id, &client.secret).await.expect(401);
    sign_in(&world, &again).await.get("/api/profiles").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn secret_is_rotated_with_two_active_and_tokens_end_with_their_secret() {
    let world = World::new().await;
    let client = make_client(&world, json!({})).await;
    let operator = world.operator();
    let secrets = format!("{}/secrets", client.path());
    let first = operator.get(&client.path()).await.expect(200)["data"]["secrets"][0]["id"].clone();
    let second = operator.post(&secrets, json!({})).await.expect(201);
    let third = operator.post(&secrets, json!({})).await.expect(409);
    assert_eq!(third["error"], "Client has two secrets");

    let next = MadeClient { id: client.id.clone(), secret: second["client_secret"].as_str().unwrap().to_owned() };
    assert_ne!(next.secret, client.secret);
    let (by_first, by_second) = (sign_in(&world, &client).await, sign_in(&world, &next).await);
    operator.delete(&format!("{secrets}/{}", first.as_str().unwrap())).await.expect(200);
    assert_ended(&by_first).await;
    by_second.get("/api/profiles").await.expect(200);
    ask_token(&world, &client.id, &client.secret).await.expect(401);
    sign_in(&world, &next).await;
    operator.delete(&format!("{secrets}/{}", first.as_str().unwrap())).await.expect(404);
    operator.post(&secrets, json!({})).await.expect(201);
    let events = world.events().await;
    let kinds: Vec<&str> = events.iter().map(|(kind, ..)| kind.as_str()).collect();
    let expected = ["client.created", "client_secret.created", "client_secret.deleted", "client_secret.created"];
    assert_eq!(kinds, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_that_a_client_has_lost_do_not_count_in_its_old_tokens() {
    let world = World::new().await;
    let client = make_client(&world, json!({})).await;
    let caller = sign_in(&world, &client).await;
    caller.post("/api/profiles/create", json!({"userID": "one"})).await.expect(201);
    world.operator().patch(&client.path(), json!({"scopes": ["profiles:read", "health:read"]})).await.expect(200);
    let refused = caller.post("/api/profiles/create", json!({"userID": "two"})).await.expect(403);
    assert_eq!(refused["required"], json!(["profiles:write"]));
    caller.get("/api/profiles").await.expect(200);
    // What the client has been given since is not in the old token either.
    caller.get("/").await.expect(403);
    let body = json!({"client_id": client.id, "client_secret": client.secret, "scope": "profiles:write"});
    let asked = answer(world.bearing(None).request(Method::POST, "/api/auth/token").json(&body)).await;
    assert_eq!(asked.expect(400)["error"], "invalid_scope");
}

/// Two servers on one PostgreSQL, each with a clock of its own.
async fn start_two_servers() -> (World, World) {
    let ground = Arc::new(Ground::postgres().await);
    (World::on(ground.clone(), &[], Clock::default()).await, World::on(ground, &[], Clock::default()).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn s25_change_on_one_server_holds_on_the_other_within_five_seconds() {
    let (one, other) = start_two_servers().await;
    other.operator().get(PATH).await.expect(200);
    let client = make_client(&one, json!({})).await;
    other.clock.advance(KNOWN_AFTER);
    let there = sign_in(&other, &client).await;
    there.get("/api/profiles").await.expect(200);
    one.operator().patch(&client.path(), json!({"disabled": true})).await.expect(200);
    other.clock.advance(KNOWN_AFTER);
    assert_ended(&there).await;
    ask_token(&other, &client.id, &client.secret).await.expect(401);

    one.operator().patch(&client.path(), json!({"disabled": false})).await.expect(200);
    other.clock.advance(KNOWN_AFTER);
    let there = sign_in(&other, &client).await;
    one.operator().patch(&client.path(), json!({"scopes": ["health:read"]})).await.expect(200);
    other.clock.advance(KNOWN_AFTER);
    there.get("/api/profiles").await.expect(403);
    one.operator().delete(&client.path()).await.expect(200);
    other.clock.advance(KNOWN_AFTER);
    assert_ended(&there).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_refused_once_they_have_been_unreadable_for_half_a_minute() {
    let ground = Arc::new(Ground::postgres().await);
    let world = World::on(ground.clone(), &[], Clock::default()).await;
    let client = make_client(&world, json!({"scopes": ["profiles:read", "health:read"]})).await;
    let caller = sign_in(&world, &client).await;
    caller.get("/api/profiles").await.expect(200);
    let Ground::Postgres { url, .. } = &*ground else { panic!("PostgreSQL was asked for") };
    let mut lock = PgConnection::connect(url).await.unwrap();
    lock.execute("begin; lock table clients in access exclusive mode").await.unwrap();
    world.clock.advance(20);
    caller.get("/api/profiles").await.expect(200);
    world.clock.advance(11);
    let refused = caller.get("/api/profiles").await;
    assert!(refused.header("retry-after").parse::<u64>().is_ok());
    assert_eq!(refused.expect(503)["error"], "Service unavailable");
    // Clients of the configuration may have revoked tokens too; the report says what is wrong.
    world.operator().get("/api/profiles").await.expect(503);
    world.operator().get("/").await.expect(200);
    ask_token(&world, &client.id, &client.secret).await.expect(503);
    ask_token(&world, "reader", "reader-secret").await.expect(200);
    lock.execute("rollback").await.unwrap();
    world.clock.advance(2);
    caller.get("/api/profiles").await.expect(200);
}

//! Webhooks of several servers, and of a server that is killed: each event arrives, and no other endpoint's waiting shows.
//!
//! `WEBHOOK_EVENTS` sets the number of events of the test with two servers (300).

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use identivia::clock::Clock;
use reqwest::Method;
use serde_json::{Value, json};

use super::{LOCAL, make_endpoint};
use crate::crash::server::Server;
use crate::ground::Ground;
use crate::services::receiver::{Receiver, Reply};
use crate::world::World;

/// How often each event has arrived.
fn count_ids(receiver: &Receiver) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for received in receiver.received() {
        *counts.entry(received.id()).or_default() += 1;
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_send_each_event_once_while_another_endpoint_hangs() {
    let events: usize = std::env::var("WEBHOOK_EVENTS").map_or(300, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("system.key");
    let flags: Vec<&str> = LOCAL.into_iter().chain(["--system-key-file", key.to_str().unwrap()]).collect();
    let ground = Arc::new(Ground::postgres().await);
    let one = World::on(ground.clone(), &flags, Clock::default()).await;
    let other = World::on(ground, &flags, Clock::default()).await;
    let (first, second, hanging) = (Receiver::start().await, Receiver::start().await, Receiver::start().await);
    hanging.reply(Reply { hangs: true, ..Reply::of(200) });
    for receiver in [&first, &second, &hanging] {
        make_endpoint(&one.team("red"), json!({"url": receiver.url})).await;
    }
    let callers = [one.team("red"), other.team("red")];
    let create = async |number: usize| {
        callers[number % 2].post("/api/profiles/create", json!({"userID": format!("u{number}")})).await.expect(201);
    };
    stream::iter(0..events).map(create).buffer_unordered(16).collect::<Vec<()>>().await;
    for receiver in [&first, &second] {
        receiver.wait_for(events).await;
        let counts = count_ids(receiver);
        assert_eq!((counts.len(), counts.values().max()), (events, Some(&1)));
    }
    // Each server has at most 20 tries of it under way, and 2 once one has failed.
    assert!(hanging.received().len() <= 2 * 20 + 2 * 20, "{}", hanging.received().len());
}

#[tokio::test(flavor = "multi_thread")]
async fn event_of_a_killed_server_is_sent_again_with_its_id() {
    let folder = tempfile::tempdir().unwrap();
    let allow = |command: &mut std::process::Command| {
        let scopes = json!(["profiles:read", "profiles:write", "webhooks:read", "webhooks:write"]);
        let clients = json!([{"client_id": "crash", "client_secret": "a secret for this test", "scopes": scopes}]);
        command
            .env("JWT_CLIENTS_JSON", clients.to_string())
            .env("WEBHOOKS_ALLOW_NETS", "127.0.0.0/8")
            .env("WEBHOOKS_ALLOW_HTTP", "true");
    };
    let receiver = Receiver::start().await;
    // It has the event and does not answer: the server dies before it can note anything.
    receiver.reply(Reply { hangs: true, ..Reply::of(200) });
    let mut server = Server::start_with(folder.path(), allow).await.unwrap();
    let post = async |server: &Server, path: &str, body: Value| {
        let (status, _) = server.api.answer(server.api.request(Method::POST, path).json(&body)).await.unwrap();
        assert_eq!(status, 201, "{path}");
    };
    post(&server, "/api/webhooks", json!({"url": receiver.url})).await;
    for number in 0..3 {
        post(&server, "/api/profiles/create", json!({"userID": format!("u{number}")})).await;
    }
    receiver.wait_for(3).await;
    server.kill().unwrap();
    receiver.reply(Reply::of(200));
    // The lease of the dead server ends.
    let database = rusqlite::Connection::open(folder.path().join("data/identivia.db")).unwrap();
    let moved =
        database.execute("update webhook_deliveries set due_at = due_at - 61000 where state = 'due'", []).unwrap();
    assert_eq!(moved, 3);
    drop(database);
    let _server = Server::start_with(folder.path(), allow).await.unwrap();
    receiver.wait_for(6).await;
    let counts = count_ids(&receiver);
    assert_eq!((counts.len(), counts.values().min()), (3, Some(&2)), "{counts:?}");
}

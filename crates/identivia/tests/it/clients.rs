//! Machine clients by API: who manages them, and which changes are refused.

mod ended_tokens;

use futures_util::future::join_all;
use identivia::domain::drawn_secret::DrawnSecret;
use identivia::domain::event::EventKind;
use identivia::domain::managed_client::{AllowedAddresses, MAX_CLIENTS, NewClient};
use identivia::domain::scope::Scope;
use identivia::records::RecordKind;
use identivia::records::audit_event::AuditEvent;
use identivia::store::Query;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::ground::Ground;
use crate::world::redaction::redact;
use crate::world::{Answer, Caller, World, answer};

const PATH: &str = "/api/clients";

/// A client that was just made.
pub(crate) struct MadeClient {
    pub(crate) id: String,
    pub(crate) secret: String,
}

impl MadeClient {
    fn path(&self) -> String {
        format!("{PATH}/{}", self.id)
    }
}

/// Makes a client with these fields beside its name.
pub(crate) async fn make_client(world: &World, fields: Value) -> MadeClient {
    let mut body = json!({"name": "Backend", "scopes": ["profiles:read", "profiles:write"]});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let made = world.operator().post(PATH, body).await.expect(201);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    MadeClient { id: text(&made["data"]["client_id"]), secret: text(&made["client_secret"]) }
}

/// Asks for a token with all scopes of a client.
pub(crate) async fn ask_token(world: &World, id: &str, secret: &str) -> Answer {
    let body = json!({"client_id": id, "client_secret": secret});
    answer(world.bearing(None).request(Method::POST, "/api/auth/token").json(&body)).await
}

/// A caller with a token of that client.
pub(crate) async fn sign_in<'a>(world: &'a World, client: &MadeClient) -> Caller<'a> {
    let token = ask_token(world, &client.id, &client.secret).await.expect(200);
    world.bearing(token["access_token"].as_str().map(str::to_owned))
}

#[tokio::test(flavor = "multi_thread")]
async fn client_is_made_and_works_and_only_the_hash_of_its_secret_is_stored() {
    let world = World::new().await;
    let operator = world.operator();
    let body = json!({"client_id": "billing", "name": "Billing", "description": "Every night", "team": "red",
        "scopes": ["profiles:read"], "allowed_addresses": ["127.0.0.0/8", "::1"], "expires_at": "2999-01-01"});
    let made = operator.post(PATH, body).await;
    assert_eq!(made.header("cache-control"), "no-store");
    let made = made.expect(201);
    let secret = made["client_secret"].as_str().unwrap();
    assert!(secret.starts_with("idv_") && secret.len() == 47, "256 bits in base64url");
    let shown = operator.get("/api/clients/billing").await.expect(200);
    assert_eq!(shown["data"], made["data"]);
    let expected = json!({"client_id": "billing", "name": "Billing", "description": "Every night", "team": "red",
        "scopes": ["profiles:read"], "allowed_addresses": ["127.0.0.0/8", "::1"],
        "expires_at": "[time]", "disabled": false, "source": "api",
        "secrets": [{"id": "[id]", "created": "[time]"}], "created": "[time]", "updated": "[time]"});
    assert_eq!(redact(&shown["data"]), expected);

    let token = ask_token(&world, "billing", secret).await.expect(200);
    assert_eq!(token["scope"], "profiles:read");
    world.bearing(token["access_token"].as_str().map(str::to_owned)).get("/api/profiles").await.expect(200);
    ask_token(&world, "billing", &secret.to_uppercase()).await.expect(401);

    let stored = world.app.store.read(Query::of_kind(RecordKind::Clients)).await.unwrap();
    assert_eq!(stored.len(), 1);
    let answers = [shown, operator.get(PATH).await.expect(200)].map(|answer| answer.to_string());
    let events = format!("{:?}", world.events().await);
    assert!(events.contains("(\"client.created\", \"tester\", \"billing\")"), "{events}");
    for text in answers.iter().chain([&stored[0].json, &events]) {
        assert!(!text.contains(&secret[4..]), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn client_with_allowed_addresses_is_refused_from_others() {
    let world = World::with(&["--trusted-proxies", "127.0.0.1"], false).await;
    let client = make_client(&world, json!({"allowed_addresses": ["203.0.113.0/24", "2001:db8::7"]})).await;
    let from = |request: RequestBuilder, address: &str| answer(request.header("x-forwarded-for", address.to_owned()));
    let body = json!({"client_id": client.id, "client_secret": client.secret});
    let ask = || world.bearing(None).request(Method::POST, "/api/auth/token").json(&body);
    let refused = from(ask(), "198.51.100.7").await.expect(403);
    assert_eq!(refused["error"], "unauthorized_client");
    answer(ask()).await.expect(403);
    from(ask(), "2001:db8::7").await.expect(200);
    let token = from(ask(), "203.0.113.9").await.expect(200);
    let caller = world.bearing(token["access_token"].as_str().map(str::to_owned));
    let list = || caller.request(Method::GET, "/api/profiles");
    from(list(), "203.0.113.200").await.expect(200);
    from(list(), "::ffff:203.0.113.200").await.expect(200);
    for elsewhere in ["198.51.100.7", "2001:db8::8", "203.0.113.9, 198.51.100.7"] {
        assert_eq!(from(list(), elsewhere).await.expect(403)["error"], "Not allowed from this address", "{elsewhere}");
    }
    let wrong = json!({"client_id": client.id, "client_secret": "wrong"});
    let wrong = world.bearing(None).request(Method::POST, "/api/auth/token").json(&wrong);
    from(wrong, "198.51.100.7").await.expect(401);
    world.operator().patch(&client.path(), json!({"allowed_addresses": []})).await.expect(200);
    from(list(), "198.51.100.7").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_the_configuration_are_listed_and_not_changed() {
    let world = World::new().await;
    let operator = world.operator();
    let made = make_client(&world, json!({})).await;
    let listed = operator.get(PATH).await.expect(200);
    let pairs: Vec<(&str, &str)> = listed["data"].as_array().unwrap().iter().map(id_and_source).collect();
    let configured = ["operator", "reader", "red", "tester"].map(|id| (id, "configuration"));
    assert_eq!(pairs, [&configured[..], &[(&made.id, "api")]].concat());
    let reader = operator.get("/api/clients/reader").await.expect(200);
    assert_eq!(reader["data"]["scopes"], json!(["profiles:read", "health:read"]));
    assert!(!listed.to_string().contains("reader-secret"));
    for refused in [
        operator.patch("/api/clients/reader", json!({"disabled": true})).await,
        operator.delete("/api/clients/reader").await,
        operator.post("/api/clients/reader/secrets", json!({})).await,
        operator.delete("/api/clients/reader/secrets/abcdefghijklmno").await,
    ] {
        let refused = refused.expect(409);
        assert!(refused["message"].as_str().unwrap().contains("JWT_CLIENTS_JSON"), "{refused}");
    }
    for taken in ["reader", &made.id] {
        let body = json!({"client_id": taken, "name": "n", "scopes": ["health:read"]});
        assert_eq!(operator.post(PATH, body).await.expect(409)["error"], "Client id is taken");
    }
    ask_token(&world, "reader", "reader-secret").await.expect(200);
}

fn id_and_source(client: &Value) -> (&str, &str) {
    (client["client_id"].as_str().unwrap(), client["source"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn only_operators_manage_clients_and_no_team_gets_the_scope() {
    let world = World::new().await;
    let client = make_client(&world, json!({"team": "red"})).await;
    // Another service may have signed such a token.
    let red = world.machine("clients:manage", Some("red"));
    for refused in [
        red.get(PATH).await,
        red.get(&client.path()).await,
        red.post(PATH, json!({"name": "n", "scopes": ["health:read"]})).await,
        red.patch(&client.path(), json!({"name": "n"})).await,
        red.delete(&client.path()).await,
        red.post(&format!("{}/secrets", client.path()), json!({})).await,
    ] {
        assert_eq!(refused.expect(403)["error"], "For operators only");
    }
    let operator = world.operator();
    let body = json!({"name": "n", "team": "red", "scopes": ["clients:manage"]});
    let refused = operator.post(PATH, body).await.expect(400);
    assert!(refused["fields"]["scopes"].as_str().unwrap().contains("client with a team"), "{refused}");
    let refused = operator.patch(&client.path(), json!({"scopes": ["health:read", "clients:manage"]})).await;
    assert!(refused.expect(400)["fields"]["scopes"].as_str().unwrap().contains("client with a team"));
    let moved = operator.patch(&client.path(), json!({"team": "blue"})).await.expect(400);
    assert!(moved["fields"]["team"].as_str().unwrap().contains("make another client"));
}

#[tokio::test(flavor = "multi_thread")]
async fn client_cannot_lock_itself_out() {
    let world = World::new().await;
    let client = make_client(&world, json!({"scopes": ["profiles:read", "clients:manage"]})).await;
    let own = sign_in(&world, &client).await;
    let secret = own.get(&client.path()).await.expect(200)["data"]["secrets"][0]["id"].clone();
    let refused = [
        own.patch(&client.path(), json!({"disabled": true})).await,
        own.patch(&client.path(), json!({"scopes": ["profiles:read"]})).await,
        own.patch(&client.path(), json!({"allowed_addresses": ["203.0.113.7"]})).await,
        own.delete(&client.path()).await,
        own.delete(&format!("{}/secrets/{}", client.path(), secret.as_str().unwrap())).await,
    ];
    for answer in refused {
        let refused = answer.expect(409);
        assert_eq!(refused["error"], "Client would lock itself out");
        assert!(refused["message"].as_str().unwrap().contains("nother"), "{refused}");
    }
    own.patch(&client.path(), json!({"name": "Mine", "allowed_addresses": ["127.0.0.1"]})).await.expect(200);
    let other = make_client(&world, json!({"scopes": ["clients:manage"]})).await;
    sign_in(&world, &other).await.patch(&client.path(), json!({"disabled": true})).await.expect(200);
    own.get(&client.path()).await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_fields_of_a_client_are_all_named() {
    let world = World::new().await;
    let operator = world.operator();
    let missing = operator.post(PATH, json!({})).await.expect(400);
    assert_eq!(missing["required"], json!(["name", "scopes"]));
    let wrong = json!({"client_id": "a b", "name": "n".repeat(256), "description": "d".repeat(2_001), "team": 7,
        "scopes": ["profiles:read", "profiles:reads"], "allowed_addresses": ["everywhere"], "expires_at": "2020-01-01"});
    let refused = operator.post(PATH, wrong).await.expect(400);
    let fields: Vec<_> = refused["fields"].as_object().unwrap().keys().collect();
    assert_eq!(fields, ["allowed_addresses", "client_id", "description", "expires_at", "name", "scopes", "team"]);
    assert!(refused["fields"]["scopes"].as_str().unwrap().contains("\"profiles:reads\""), "{refused}");
    assert!(!refused["fields"]["scopes"].as_str().unwrap().contains("\"profiles:read\""), "{refused}");

    let client = make_client(&world, json!({})).await;
    let good = json!({"name": "n", "scopes": ["health:read"]});
    for (name, value) in [
        ("name", json!("")),
        ("name", json!(7)),
        ("scopes", json!([])),
        ("scopes", json!("health:read")),
        ("allowed_addresses", json!(vec!["::1"; 41])),
        ("allowed_addresses", json!([1])),
        ("expires_at", json!("soon")),
        ("description", json!("\u{0}")),
    ] {
        let mut body = good.clone();
        body[name] = value.clone();
        let refused = operator.post(PATH, body).await;
        assert_eq!(refused.status, 400, "{name} {value}");
        operator.patch(&client.path(), json!({name: value})).await.expect(400);
    }
    operator.patch(&client.path(), json!({"disabled": "yes"})).await.expect(400);
    for unknown in ["nobody", "%00", "a%2Fb", &"x".repeat(300)] {
        operator.get(&format!("{PATH}/{unknown}")).await.expect(404);
        operator.patch(&format!("{PATH}/{unknown}"), json!({})).await.expect(404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_listed_in_pages_that_stay_stable() {
    let world = World::new().await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(make_client(&world, json!({})).await.id);
        world.clock.advance(1);
    }
    let operator = world.operator();
    for limit in [1, 2, 3, 4, 9, 100] {
        let (mut ids, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = operator.get(&format!("{PATH}?limit={limit}{cursor}")).await.expect(200);
            let items = page["data"].as_array().unwrap();
            assert!(items.len() <= limit && (page["has_more"] == false || items.len() == limit), "{page}");
            ids.extend(items.iter().map(|client| client["client_id"].as_str().unwrap().to_owned()));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let configured = ["operator", "reader", "red", "tester"].map(str::to_owned);
        let expected: Vec<String> = configured.into_iter().chain(made.iter().rev().cloned()).collect();
        assert_eq!(ids, expected, "{limit}");
    }
    for cursor in ["configuration-x", "configuration-", "x"] {
        operator.get(&format!("{PATH}?cursor={cursor}")).await.expect(400);
    }
    let behind_all = operator.get(&format!("{PATH}?cursor=configuration-99&limit=5")).await.expect(200);
    assert_eq!(behind_all["data"].as_array().unwrap().len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn thousand_clients_are_the_most() {
    let world = World::new().await;
    let store = &world.app.store;
    let now = world.clock.now();
    let add = async |number: usize| {
        let new = NewClient {
            client_id: format!("client-{number}"),
            name: "n".to_owned(),
            description: None,
            team: None,
            scopes: vec![Scope::HealthRead],
            addresses: AllowedAddresses::All,
            expires_at: None,
        };
        let record = new.into_record(DrawnSecret::random().to_stored(now), now);
        let event = AuditEvent::new(EventKind::ClientCreated, now, "tester");
        store.add_client(&record, event).await.unwrap().unwrap();
    };
    for first in (0..MAX_CLIENTS - 1).step_by(20) {
        join_all((first..(first + 20).min(MAX_CLIENTS - 1)).map(add)).await;
    }
    let last = make_client(&world, json!({})).await;
    let body = json!({"name": "n", "scopes": ["health:read"]});
    assert_eq!(world.operator().post(PATH, body.clone()).await.expect(409)["error"], "Too many clients");
    sign_in(&world, &last).await.get("/api/profiles").await.expect(200);
    world.operator().delete(&last.path()).await.expect(200);
    world.operator().post(PATH, body).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn simultaneous_changes_of_a_client_are_not_mixed() {
    let world = World::new().await;
    let client = make_client(&world, json!({})).await;
    let operator = world.operator();
    let secrets = format!("{}/secrets", client.path());
    let answers = join_all((0..8).map(|_| operator.post(&secrets, json!({})))).await;
    assert!(answers.iter().all(|answer| [201, 409, 503].contains(&answer.status)), "{answers:?}");
    let shown = operator.get(&client.path()).await.expect(200);
    assert!(shown["data"]["secrets"].as_array().unwrap().len() <= 2, "{shown}");
    // PocketBase has no transaction in which the record is both checked and written: the last change counts there.
    if !matches!(*world.ground, Ground::PocketBase(_)) {
        let made = answers.iter().filter(|answer| answer.status == 201).count();
        assert_eq!(made, 1, "{answers:?}");
    }
}

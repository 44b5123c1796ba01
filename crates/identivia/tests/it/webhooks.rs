//! Webhooks: which events an endpoint gets, how they are signed, and when they are sent again.

mod failing_endpoints;
mod servers;

use std::time::Duration;

use identivia::domain::webhook_signature::{WebhookSecret, sign_v1};
use serde_json::{Value, json};

use crate::services::receiver::{Received, Receiver, Reply};
use crate::world::{Caller, World};

/// Webhooks may go to this machine, over http.
const LOCAL: [&str; 4] = ["--webhooks-allow-nets", "127.0.0.0/8", "--webhooks-allow-http", "true"];

const HOUR: i64 = 3_600;

async fn start() -> (World, Receiver) {
    (World::with(&LOCAL, false).await, Receiver::start().await)
}

/// Makes an endpoint and returns its id and its secret.
async fn make_endpoint(caller: &Caller<'_>, body: Value) -> (String, String) {
    let made = caller.post("/api/webhooks", body).await.expect(201);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&made["data"]["id"]), text(&made["secret"]))
}

async fn create_profile(caller: &Caller<'_>, user: &str) -> String {
    let made = caller.post("/api/profiles/create", json!({"userID": user})).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

/// Waits, boundedly, until an endpoint has a delivery of which that is true.
async fn wait_for_delivery(caller: &Caller<'_>, endpoint: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..300 {
        let listed = caller.get(&format!("/api/webhooks/{endpoint}/deliveries?limit=100")).await.expect(200);
        if let Some(found) = listed["data"].as_array().unwrap().iter().find(|delivery| is_wanted(delivery)) {
            return found.clone();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let listed = caller.get(&format!("/api/webhooks/{endpoint}/deliveries?limit=100")).await.expect(200);
    panic!("no such delivery: {listed}");
}

async fn wait_for_endpoint(caller: &Caller<'_>, endpoint: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..300 {
        let found = caller.get(&format!("/api/webhooks/{endpoint}")).await.expect(200)["data"].clone();
        if is_wanted(&found) {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let found = caller.get(&format!("/api/webhooks/{endpoint}")).await.expect(200);
    panic!("the endpoint did not become that: {found}");
}

fn has_attempts(count: u64) -> impl Fn(&Value) -> bool {
    move |delivery| delivery["attempts"] == count && delivery["last_error"].is_string() && delivery["trigger"] != "test"
}

fn signature_of(secret: &str, received: &Received) -> String {
    let secret = WebhookSecret::parse(secret).unwrap();
    let timestamp = received.header("webhook-timestamp").parse().unwrap();
    sign_v1(&secret, received.header("webhook-id"), timestamp, &received.body)
}

#[tokio::test(flavor = "multi_thread")]
async fn event_is_delivered_signed_and_as_the_list_of_events_has_it() {
    let (world, receiver) = start().await;
    let caller = world.team("red");
    let headers = json!({"Authorization": "Bearer of the receiver"});
    let (endpoint, secret) =
        make_endpoint(&caller, json!({"url": format!("{}?key=1", receiver.url), "headers": headers})).await;
    let profile = create_profile(&caller, "one").await;
    let received = receiver.wait_for(1).await.remove(0);
    assert_eq!(received.event_type(), "profile.created");
    assert_eq!(received.json()["data"]["id"], profile.as_str());
    let events = caller.get("/api/events?limit=100").await.expect(200);
    assert_eq!(received.json(), events["data"][0]);
    assert_eq!(received.id(), events["data"][0]["id"].as_str().unwrap());
    assert_eq!(received.header("webhook-signature"), signature_of(&secret, &received));
    assert_eq!(received.header("content-type"), "application/json");
    assert_eq!(received.header("authorization"), "Bearer of the receiver");
    assert_eq!(received.path, "/hook?key=1");

    let delivery = wait_for_delivery(&caller, &endpoint, |delivery| delivery["state"] == "delivered").await;
    let path = format!("/api/webhooks/{endpoint}/deliveries/{}", delivery["id"].as_str().unwrap());
    let details = caller.get(&path).await.expect(200)["data"].clone();
    assert_eq!((&details["attempts"], &details["tries"][0]["status"]), (&json!(1), &json!(204)));
    assert_eq!(details["tries"][0]["headers"]["webhook-id"], received.id());
    // Neither the secret nor the header's value is shown again, nor stored as text.
    let shown = caller.get(&format!("/api/webhooks/{endpoint}")).await.expect(200).to_string();
    assert!(shown.contains("authorization") && !shown.contains("of the receiver") && !shown.contains("whsec_"));
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_delivery_is_sent_again_with_its_id_and_a_new_time() {
    let (world, receiver) = start().await;
    let caller = world.team("red");
    let (endpoint, secret) = make_endpoint(&caller, json!({"url": receiver.url})).await;
    receiver.reply(Reply { text: "not now", ..Reply::of(500) });
    create_profile(&caller, "one").await;
    receiver.wait_for(1).await;
    let delivery = wait_for_delivery(&caller, &endpoint, has_attempts(1)).await;
    assert_eq!((&delivery["state"], &delivery["last_status"]), (&json!("due"), &json!(500)));
    receiver.reply(Reply::of(302));
    world.clock.advance(7);
    receiver.wait_for(2).await;
    wait_for_delivery(&caller, &endpoint, has_attempts(2)).await;
    receiver.reply(Reply::of(200));
    world.clock.advance(400);
    let received = receiver.wait_for(3).await;
    let delivery = wait_for_delivery(&caller, &endpoint, |delivery| delivery["state"] == "delivered").await;
    assert_eq!(delivery["attempts"], 3);
    assert!(received.iter().all(|one| one.id() == received[0].id() && one.body == received[0].body));
    let times: Vec<i64> = received.iter().map(|one| one.header("webhook-timestamp").parse().unwrap()).collect();
    assert!(times[1] >= times[0] + 7 && times[2] >= times[1] + 400, "{times:?}");
    assert!(received.iter().all(|one| one.header("webhook-signature") == signature_of(&secret, one)));
    let path = format!("/api/webhooks/{endpoint}/deliveries/{}", delivery["id"].as_str().unwrap());
    let tries = caller.get(&path).await.expect(200)["data"]["tries"].clone();
    assert_eq!(
        (&tries[0]["response"], &tries[1]["status"], &tries[2]["number"]),
        (&json!("not now"), &json!(302), &json!(3))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoint_gets_the_events_of_its_team_that_it_wants() {
    let (world, receiver) = start().await;
    let (all, other) = (Receiver::start().await, Receiver::start().await);
    let (red, blue) = (world.team("red"), world.team("blue"));
    let (endpoint, _) = make_endpoint(&red, json!({"url": receiver.url, "events": ["profile.verified"]})).await;
    make_endpoint(&blue, json!({"url": other.url, "include_user_id": false})).await;
    make_endpoint(&world.operator(), json!({"url": all.url})).await;
    let id = create_profile(&red, "one").await;
    create_profile(&blue, "two").await;
    let step = json!({"previous_status": "unverified", "new_status": "verified", "notes": "n"});
    red.post(&format!("/api/status_history/{id}"), step).await.expect(201);
    let received = receiver.wait_for(1).await;
    assert_eq!(received[0].event_type(), "profile.verified");
    let of_blue = other.wait_for(1).await;
    assert_eq!(
        (&of_blue[0].json()["data"]["team"], &of_blue[0].json()["data"]["user_id"]),
        (&json!("blue"), &json!(null))
    );
    let mut types: Vec<_> = all.wait_for(4).await.iter().map(Received::event_type).collect();
    types.sort_unstable();
    assert_eq!(types, ["profile.created", "profile.created", "profile.status_changed", "profile.verified"]);
    assert_eq!((receiver.received().len(), other.received().len()), (1, 1));

    // Another team's endpoint does not exist.
    let path = format!("/api/webhooks/{endpoint}");
    for answer in [
        blue.get(&path).await,
        blue.patch(&path, json!({"enabled": false})).await,
        blue.delete(&path).await,
        blue.post(&format!("{path}/test"), json!({})).await,
        blue.post(&format!("{path}/rotate_secret"), json!({})).await,
        blue.post(&format!("{path}/replay"), json!({"since": "2026-03-21"})).await,
        blue.get(&format!("{path}/deliveries")).await,
    ] {
        assert_eq!(answer.expect(404)["error"], "Webhook not found");
    }
    blue.post("/api/webhooks", json!({"url": other.url, "team": "red"})).await.expect(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_and_new_secret_sign_until_the_old_one_expires() {
    let (world, receiver) = start().await;
    let caller = world.team("red");
    let (endpoint, old) = make_endpoint(&caller, json!({"url": receiver.url, "signature": "both"})).await;
    let path = format!("/api/webhooks/{endpoint}/rotate_secret");
    let rotated = caller.post(&path, json!({"expires_in": 600})).await.expect(200);
    let new = rotated["secret"].as_str().unwrap();
    assert_ne!(old, new);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    create_profile(&caller, "one").await;
    let received = receiver.wait_for(1).await.remove(0);
    let signatures: Vec<&str> = received.header("webhook-signature").split(' ').collect();
    assert_eq!(signatures.len(), 4);
    assert!(signatures.contains(&signature_of(&old, &received).as_str()));
    assert!(signatures.contains(&signature_of(new, &received).as_str()));
    let keys = world.bearing(None).get("/.well-known/webhook-keys").await.expect(200);
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2);
    assert!(keys["keys"][0]["public_key"].as_str().unwrap().starts_with("whpk_"));

    world.clock.advance(601);
    create_profile(&caller, "two").await;
    let received = receiver.wait_for(2).await.remove(1);
    assert!(received.header("webhook-signature").starts_with(&signature_of(new, &received)));
    assert!(!received.header("webhook-signature").contains(&signature_of(&old, &received)));

    // A leaked secret ends at once, and at most ten old ones sign.
    caller.post(&path, json!({"expires_in": 0})).await.expect(200);
    for _ in 0..10 {
        caller.post(&path, json!({})).await.expect(200);
    }
    caller.post(&path, json!({})).await.expect(409);
    for wrong in [json!(-1), json!(604_801), json!("x"), json!(1.5)] {
        caller.post(&path, json!({"expires_in": wrong})).await.expect(400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn urls_that_could_reach_this_network_are_refused() {
    let world = World::new().await;
    let caller = world.team("red");
    for url in [
        "http://shop.example/hook",
        "https://127.0.0.1/",
        "https://[::ffff:10.0.0.1]/",
        "https://user@shop.example/",
        "",
    ] {
        let problem = caller.post("/api/webhooks", json!({"url": url})).await.expect(400);
        assert!(problem["fields"]["url"].is_string(), "{url}: {problem}");
    }
    // The name of this machine's own server is looked up when it is tried.
    let port = world.url.rsplit(':').next().unwrap();
    let (endpoint, _) = make_endpoint(&caller, json!({"url": format!("https://localhost:{port}/")})).await;
    let tested = caller.post(&format!("/api/webhooks/{endpoint}/test"), json!({})).await.expect(200);
    assert_eq!(tested["data"]["state"], "exhausted");
    let error = tested["data"]["tries"][0]["error"].as_str().unwrap();
    assert!(error.starts_with("refused: ") && !error.contains("127.0.0.1"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn client_tests_resends_and_replays() {
    let (world, receiver) = start().await;
    let other = Receiver::start().await;
    let caller = world.team("red");
    let (endpoint, _) = make_endpoint(&caller, json!({"url": receiver.url})).await;
    make_endpoint(&caller, json!({"url": other.url})).await;
    let path = format!("/api/webhooks/{endpoint}");
    let tested = caller.post(&format!("{path}/test"), json!({})).await.expect(200);
    assert_eq!((&tested["data"]["state"], &tested["data"]["trigger"]), (&json!("delivered"), &json!("test")));
    let sample = caller.post(&format!("{path}/test"), json!({"type": "verification.checked"})).await.expect(200);
    assert_eq!(sample["data"]["event_type"], "verification.checked");
    let received = receiver.wait_for(2).await;
    assert_eq!(
        (received[0].event_type().as_str(), &received[1].json()["data"]["test"]),
        ("webhook.test", &json!(true))
    );
    caller.post(&format!("{path}/test"), json!({"type": "profile.gone"})).await.expect(400);
    let test = tested["data"]["id"].as_str().unwrap();
    caller.post(&format!("{path}/deliveries/{test}/resend"), json!({})).await.expect(409);

    receiver.reply(Reply::of(500));
    create_profile(&caller, "one").await;
    let delivery = wait_for_delivery(&caller, &endpoint, has_attempts(1)).await;
    let delivery_path = format!("{path}/deliveries/{}", delivery["id"].as_str().unwrap());
    receiver.reply(Reply::of(200));
    caller.post(&format!("{delivery_path}/resend"), json!({})).await.expect(202);
    let sent = receiver.wait_for(4).await;
    assert_eq!(sent[3].id(), sent[2].id());
    wait_for_delivery(&caller, &endpoint, |delivery| delivery["state"] == "delivered" && delivery["attempts"] == 2)
        .await;
    // A resend of what was delivered is one try.
    receiver.reply(Reply::of(500));
    caller.post(&format!("{delivery_path}/resend"), json!({})).await.expect(202);
    receiver.wait_for(5).await;
    let after = wait_for_delivery(&caller, &endpoint, |delivery| {
        delivery["state"] == "exhausted" && delivery["trigger"] == "manual"
    })
    .await;
    assert_eq!(after["attempts"], 3);

    receiver.reply(Reply::of(200));
    let since = world.clock.now().plus_seconds(-HOUR).rfc3339();
    let failed = caller.post(&format!("{path}/replay"), json!({"since": since})).await.expect(202);
    assert_eq!(failed["data"]["count"], 1);
    receiver.wait_for(6).await;
    let all = json!({"since": since, "only": "all", "types": ["profile.created"]});
    assert_eq!(caller.post(&format!("{path}/replay"), all).await.expect(202)["data"]["count"], 1);
    let sent = receiver.wait_for(7).await;
    assert!(sent[2..].iter().all(|one| one.id() == sent[2].id()));
    // The other endpoint got its own event, once, and no test.
    assert_eq!(other.wait_for(1).await.len(), 1);
    for wrong in
        [json!({}), json!({"since": "2020-01-01"}), json!({"since": since, "only": "x"}), json!({"since": "y"})]
    {
        caller.post(&format!("{path}/replay"), wrong).await.expect(400);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ordered_endpoint_holds_back_later_events_of_a_profile_that_fails() {
    let (world, receiver) = start().await;
    let caller = world.team("red");
    let (endpoint, _) = make_endpoint(&caller, json!({"url": receiver.url, "ordered": true})).await;
    receiver.reply(Reply::of(500));
    let id = create_profile(&caller, "one").await;
    receiver.wait_for(1).await;
    wait_for_delivery(&caller, &endpoint, has_attempts(1)).await;
    let step = json!({"previous_status": "unverified", "new_status": "pending", "notes": "n"});
    caller.post(&format!("/api/status_history/{id}"), step).await.expect(201);
    create_profile(&caller, "two").await;
    let received = receiver.wait_for(2).await;
    let told: Vec<_> = received.iter().map(|one| (one.event_type(), one.json()["data"]["user_id"].clone())).collect();
    assert_eq!(told[1], ("profile.created".to_owned(), json!("two")), "{told:?}");
    receiver.reply(Reply::of(200));
    world.clock.advance(10);
    let received = receiver.wait_for(5).await;
    let of_one = received.iter().filter(|one| one.json()["data"]["user_id"] == "one");
    let versions: Vec<_> = of_one.map(|one| one.json()["data"]["version"].as_u64().unwrap()).collect();
    assert_eq!(versions, [1, 1, 2]);
}

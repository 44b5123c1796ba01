//! Webhook endpoints that fail: disabled after a 410 or five days, with warnings before, and a warning when deliveries are late.

use std::time::Duration;

use serde_json::json;

use super::{HOUR, create_profile, has_attempts, make_endpoint, start, wait_for_delivery, wait_for_endpoint};
use crate::services::receiver::{Receiver, Reply};

#[tokio::test(flavor = "multi_thread")]
async fn endpoint_that_answers_410_is_disabled_and_the_others_are_told() {
    let (world, receiver) = start().await;
    let other = Receiver::start().await;
    let caller = world.team("red");
    let (endpoint, _) = make_endpoint(&caller, json!({"url": receiver.url})).await;
    make_endpoint(&caller, json!({"url": other.url, "events": ["endpoint.*"]})).await;
    receiver.reply(Reply::of(410));
    create_profile(&caller, "one").await;
    let told = other.wait_for(1).await.remove(0);
    assert_eq!(
        (told.event_type().as_str(), &told.json()["data"]["endpoint_id"]),
        ("endpoint.disabled", &json!(endpoint))
    );
    let disabled = wait_for_endpoint(&caller, &endpoint, |found| found["enabled"] == false).await;
    assert_eq!(disabled["disabled_because"], "gone");

    // While it is disabled nothing is sent; what was missed is sent when the team wants it.
    receiver.reply(Reply::of(200));
    create_profile(&caller, "two").await;
    let path = format!("/api/webhooks/{endpoint}");
    let problem = caller.patch(&path, json!({"enabled": true})).await.expect(400);
    assert!(problem["fields"]["resume"].as_str().unwrap().contains("missed"));
    let before = receiver.received().len();
    caller.post(&format!("{path}/replay"), json!({"since": "2026-03-21"})).await.expect(400);
    caller.patch(&path, json!({"enabled": true, "resume": "missed"})).await.expect(200);
    let received = receiver.wait_for(before + 1).await;
    let missed: Vec<_> = received[before..].iter().map(|one| one.json()["data"]["user_id"].clone()).collect();
    assert!(missed.contains(&json!("two")), "{missed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoint_that_fails_for_five_days_is_disabled_once_after_warnings() {
    let (world, receiver) = start().await;
    let other = Receiver::start().await;
    // Tokens end while the clock is moved.
    let caller = || world.team("red");
    let (endpoint, _) = make_endpoint(&caller(), json!({"url": receiver.url, "events": ["profile.*"]})).await;
    make_endpoint(&caller(), json!({"url": other.url, "events": ["endpoint.*"]})).await;
    receiver.reply(Reply::of(500));
    create_profile(&caller(), "one").await;
    let mut tries = 0;
    for seconds in [0, 7, 400, 2 * HOUR] {
        world.clock.advance(seconds);
        tries += 1;
        receiver.wait_for(tries).await;
        wait_for_delivery(&caller(), &endpoint, has_attempts(tries as u64)).await;
    }
    let told = other.wait_for(1).await;
    assert_eq!(told[0].event_type(), "endpoint.failing");
    assert_eq!(told[0].json()["data"]["disabled_from"], json!(null));

    // Four and a half days later another event fails too: the last warning, a day before.
    world.clock.advance(108 * HOUR);
    create_profile(&caller(), "two").await;
    let told = other.wait_for(2).await;
    assert_eq!(told[1].event_type(), "endpoint.failing");
    assert!(told[1].json()["data"]["disabled_from"].is_string());
    assert_eq!(caller().get(&format!("/api/webhooks/{endpoint}")).await.expect(200)["data"]["enabled"], true);
    world.clock.advance(25 * HOUR);
    let told = other.wait_for(3).await;
    assert_eq!(told[2].event_type(), "endpoint.disabled");
    assert_eq!(told[2].json()["data"]["reason"], "failing");
    let disabled = wait_for_endpoint(&caller(), &endpoint, |found| found["enabled"] == false).await;
    assert_eq!(disabled["disabled_because"], "failing");
    let tried = receiver.received().len();
    world.clock.advance(24 * HOUR);
    create_profile(&caller(), "three").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!((receiver.received().len(), other.received().len()), (tried, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_that_wait_for_an_hour_are_a_warning() {
    let (world, receiver) = start().await;
    receiver.reply(Reply { hangs: true, ..Reply::of(200) });
    let caller = world.team("red");
    let (endpoint, _) = make_endpoint(&caller, json!({"url": receiver.url})).await;
    for number in 0..30 {
        create_profile(&caller, &format!("u{number}")).await;
    }
    // Twenty are being tried, and the others wait.
    receiver.wait_for(20).await;
    world.app.webhooks.check_backlog().await.unwrap();
    let warnings = world.bearing(None).get("/readyz").await.expect(200)["warnings"].clone();
    assert_eq!(warnings, json!(null));
    world.clock.advance(HOUR + 60);
    world.app.webhooks.check_backlog().await.unwrap();
    assert_eq!(world.bearing(None).get("/readyz").await.expect(200)["warnings"], json!(["webhooks_late"]));
    // What waits for a disabled endpoint waits for its team.
    let path = format!("/api/webhooks/{endpoint}");
    world.team("red").patch(&path, json!({"enabled": false})).await.expect(200);
    for _ in 0..300 {
        world.app.webhooks.check_backlog().await.unwrap();
        if !world.app.webhooks.is_late() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("deliveries of a disabled endpoint still count as late");
}

//! The secret of a webhook at the console: who sees it, after what, and what the audit trail says.

use identivia::records::console_user::ConsoleRole;
use serde_json::json;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn webhook_secret_is_shown_after_a_fresh_second_factor_and_audited() {
    let world = World::new().await;
    let red = world.team("red");
    let made = red.post("/api/webhooks", json!({"url": "https://receiver.example/hook"})).await.expect(201);
    let path = format!("/api/webhooks/{}/secret", made["data"]["id"].as_str().unwrap());
    let admin = world.sign_in(ConsoleRole::Admin, Some(&["red"])).await;
    let shown = admin.browser.get(&path).await;
    assert_eq!(shown.header("cache-control"), "no-store");
    let shown = shown.expect(200);
    assert_eq!((&shown["data"][0]["secret"], &shown["data"][0]["expires"]), (&made["secret"], &json!(null)));
    let rotated = red.post(&path.replace("/secret", "/rotate_secret"), json!({})).await.expect(200);
    let shown = admin.browser.get(&path).await.expect(200);
    assert_eq!(shown["data"][0]["secret"], rotated["secret"]);
    assert_eq!(shown["data"][1]["secret"], made["secret"]);
    assert!(shown["data"][1]["expires"].is_string());

    let read = world.events().await.into_iter().filter(|event| event.0 == "webhook_secret.shown").count();
    assert_eq!(read, 2);
    world.console(ConsoleRole::Reviewer).await.get(&path).await.expect(403);
    red.get(&path).await.expect(403);
    let other = world.sign_in(ConsoleRole::Admin, Some(&["blue"])).await;
    other.browser.get(&path).await.expect(404);
    world.clock.advance(301);
    let refused = admin.browser.get(&path).await.expect(403);
    assert_eq!(refused["code"], "step_up_required");
    let read = world.events().await.into_iter().filter(|event| event.0 == "webhook_secret.shown").count();
    assert_eq!(read, 2, "a refused read shows nothing");
}

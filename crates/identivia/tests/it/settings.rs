//! Settings: stored by those who may, seen by browsers only where marked.

use serde_json::json;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn browsers_see_public_settings_only() {
    let world = World::new().await;
    let (_, browser) = world.person("one").await;
    let operator = world.operator();
    operator.put("/api/settings/theme", json!({"value": {"dark": true}, "public": true})).await.expect(200);
    operator.put("/api/settings/internal", json!({"value": "x"})).await.expect(200);
    assert_eq!(browser.get("/api/settings").await.expect(200)["data"], json!({"theme": {"dark": true}}));
    assert_eq!(
        operator.get("/api/settings").await.expect(200)["data"],
        json!({"internal": "x", "theme": {"dark": true}})
    );
    browser.put("/api/settings/theme", json!({"value": 1})).await.expect(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn setting_is_replaced_and_deleted() {
    let world = World::new().await;
    let operator = world.operator();
    operator.put("/api/settings/k", json!({"value": 1, "public": true})).await.expect(200);
    let saved = operator.put("/api/settings/k", json!({"value": 2})).await.expect(200);
    assert_eq!(
        saved,
        json!({"success": true, "message": "Setting saved", "data": {"key": "k", "value": 2, "public": false}})
    );
    assert_eq!(
        operator.delete("/api/settings/k").await.expect(200),
        json!({"success": true, "message": "Setting deleted"})
    );
    operator.delete("/api/settings/k").await.expect(404);
    assert_eq!(operator.get("/api/settings").await.expect(200)["data"], json!({}));
    let kinds: Vec<_> = world.events().await.into_iter().map(|(kind, ..)| kind).collect();
    assert_eq!(kinds, ["setting.changed", "setting.changed", "setting.deleted"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_keys_and_values_are_refused() {
    let world = World::new().await;
    let operator = world.operator();
    for key in ["a%2fb", "%00", "ä", ".hidden", &"k".repeat(65)] {
        operator.put(&format!("/api/settings/{key}"), json!({"value": 1})).await.expect(404);
    }
    assert_eq!(operator.put("/api/settings/k", json!({})).await.expect(400)["required"], json!(["value"]));
    operator.put("/api/settings/k", json!({"value": 1, "public": "yes"})).await.expect(400);
    operator.put("/api/settings/k", json!({"value": "x".repeat(70_000)})).await.expect(400);
}

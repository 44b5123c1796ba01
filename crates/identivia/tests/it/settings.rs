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

#[tokio::test(flavor = "multi_thread")]
async fn s69_settings_belong_to_a_team_with_the_operators_behind_them() {
    let world = World::new().await;
    let (operator, red, blue) = (world.operator(), world.team("red"), world.team("blue"));
    operator.put("/api/settings/theme", json!({"value": "default", "public": true})).await.expect(200);
    operator.put("/api/settings/private", json!({"value": "operator"})).await.expect(200);
    red.put("/api/settings/theme", json!({"value": "red", "public": true})).await.expect(200);
    red.put("/api/settings/secret", json!({"value": "of red"})).await.expect(200);

    let seen = async |caller: &crate::world::Caller<'_>, path: &str| caller.get(path).await.expect(200)["data"].clone();
    assert_eq!(seen(&red, "/api/settings").await, json!({"secret": "of red", "theme": "red"}));
    assert_eq!(seen(&blue, "/api/settings").await, json!({"theme": "default"}));
    assert_eq!(seen(&operator, "/api/settings").await, json!({"private": "operator", "theme": "default"}));
    assert_eq!(seen(&operator, "/api/settings?team=red").await, json!({"secret": "of red", "theme": "red"}));

    blue.get("/api/settings?team=red").await.expect(403);
    blue.put("/api/settings/secret?team=red", json!({"value": 1})).await.expect(403);
    blue.delete("/api/settings/secret").await.expect(404);
    blue.delete("/api/settings/theme").await.expect(404);
    blue.delete("/api/settings/secret?team=red").await.expect(403);
    assert_eq!(seen(&red, "/api/settings").await, json!({"secret": "of red", "theme": "red"}));

    let made = red.post("/api/profiles/create", json!({"userID": "u"})).await.expect(201);
    let browser = world.bearing(made["flow_token"].as_str().map(str::to_owned));
    assert_eq!(seen(&browser, "/api/settings").await, json!({"theme": "red"}));
    red.delete("/api/settings/theme").await.expect(200);
    assert_eq!(seen(&browser, "/api/settings").await, json!({"theme": "default"}));
    operator.put("/api/settings/theme?team=red", json!({"value": "given", "public": true})).await.expect(200);
    assert_eq!(seen(&red, "/api/settings").await["theme"], "given");
}

#[tokio::test(flavor = "multi_thread")]
async fn s69_team_has_its_own_redirect_list() {
    let world = World::with(&["--redirect-urls", "https://shop.example/back"], false).await;
    let (red, blue) = (world.team("red"), world.team("blue"));
    red.put("/api/settings/redirect_urls", json!({"value": ["https://red.example/done"]})).await.expect(200);
    let create = async |caller: &crate::world::Caller<'_>, user: &str, url: &str| {
        caller.post("/api/profiles/create", json!({"userID": user, "redirect_url": url})).await.status
    };
    assert_eq!(create(&red, "a", "https://red.example/done/7").await, 201);
    assert_eq!(create(&red, "b", "https://shop.example/back").await, 400);
    assert_eq!(create(&blue, "a", "https://shop.example/back").await, 201);
    assert_eq!(create(&blue, "b", "https://red.example/done").await, 400);
}

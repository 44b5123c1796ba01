//! Sessions of the console: what they may do, requests of other sites, and what ends a session.

use identivia::records::console_session::SessionStage;
use identivia::records::console_user::{ConsoleRole, ConsoleUser, ConsoleUserStatus};
use identivia::store::console::UserWrite;
use reqwest::Method;
use serde_json::json;

use super::SignedIn;
use crate::world::{World, answer};

/// A change that an admin may make.
fn change_of(world: &World, cookie: &str, headers: &[(&str, &str)]) -> reqwest::RequestBuilder {
    let request = world.bearing(None).request(Method::PUT, "/api/settings/k").header("cookie", cookie);
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
}

#[tokio::test(flavor = "multi_thread")]
async fn change_needs_the_same_origin_the_header_and_json() {
    let world = World::new().await;
    let admin = world.sign_in(ConsoleRole::Admin, None).await;
    let cookie = admin.browser.cookie.clone().unwrap();
    let own = world.url.clone();
    let json = ("content-type", "application/json");
    let marked = ("x-identivia-console", "1");
    let same = ("sec-fetch-site", "same-origin");
    let origin = ("origin", own.as_str());
    let cases: [(&[(&str, &str)], u16); 14] = [
        (&[json, marked, same], 200),
        (&[json, marked, origin], 200),
        (&[json, marked, same, ("origin", "https://evil.example")], 200),
        (&[json, marked], 403),
        (&[json, same], 403),
        (&[json, ("x-identivia-console", "0"), same], 403),
        (&[marked, same, ("content-type", "application/x-www-form-urlencoded")], 403),
        (&[marked, same, ("content-type", "text/plain")], 403),
        (&[marked, same], 403),
        (&[json, marked, ("origin", "https://evil.example")], 403),
        (&[json, marked, ("origin", "null")], 403),
        (&[json, marked, ("sec-fetch-site", "cross-site"), origin], 403),
        (&[json, marked, ("sec-fetch-site", "same-site"), origin], 403),
        (&[json, marked, ("sec-fetch-site", "none")], 403),
    ];
    for (headers, status) in cases {
        let answered = answer(change_of(&world, &cookie, headers).body(json!({"value": 1}).to_string())).await;
        assert_eq!(answered.status, status, "{headers:?}: {}", answered.body);
        if status == 403 {
            assert_eq!(answered.body["error"], "Request refused", "{headers:?}");
        }
    }
    let bare = world.bearing(None).request(Method::GET, "/api/settings").header("cookie", &cookie);
    answer(bare).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn cookie_beside_a_token_is_400() {
    let world = World::new().await;
    let admin = world.console(ConsoleRole::Admin).await;
    let token = world.operator().token.unwrap();
    let both = admin.request(Method::GET, "/api/settings").bearer_auth(token);
    assert_eq!(answer(both).await.expect(400)["error"], "Two kinds of credentials");
    let basic = admin.request(Method::GET, "/api/settings").header("authorization", "Basic eDp5");
    answer(basic).await.expect(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn cookie_that_is_none_of_ours_is_401() {
    let world = World::new().await;
    let admin = world.console(ConsoleRole::Admin).await;
    let good = admin.cookie.clone().unwrap();
    let (name, value) = good.split_once('=').unwrap();
    let mut other = value.to_owned();
    other.replace_range(0..1, if value.starts_with('A') { "B" } else { "A" });
    for cookie in [
        format!("{name}="),
        format!("{name}={other}"),
        format!("{name}={}", &value[1..]),
        format!("{good}; {good}"),
        format!("{name}={other}; {good}"),
    ] {
        let caller = world.with_cookie(&cookie);
        assert_eq!(caller.get("/api/settings").await.expect(401)["error"], "Not signed in", "{cookie}");
    }
    let beside = world.with_cookie(&format!("theme=dark; {good}; x=y"));
    beside.get("/api/settings").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn session_ends_when_idle_and_after_twelve_hours() {
    let world = World::new().await;
    let admin = world.console(ConsoleRole::Admin).await;
    world.clock.advance(29 * 60);
    admin.get("/api/settings").await.expect(200);
    world.clock.advance(29 * 60);
    admin.get("/api/settings").await.expect(200);
    world.clock.advance(30 * 60 + 1);
    admin.get("/api/settings").await.expect(401);

    let busy = world.console(ConsoleRole::Admin).await;
    for _ in 0..(12 * 60 / 20 - 1) {
        world.clock.advance(20 * 60);
        busy.get("/api/settings").await.expect(200);
    }
    world.clock.advance(20 * 60 + 1);
    busy.get("/api/settings").await.expect(401);
}

/// Changes a stored user.
async fn change_user(world: &World, person: &SignedIn<'_>, change: impl Fn(&mut ConsoleUser)) {
    let before = world.app.console.user(person.user.id).await.unwrap().unwrap();
    let mut after = before.clone();
    change(&mut after);
    let now = world.clock.now();
    world.app.console.replace_user(&before, after, &UserWrite::default(), now, &[]).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn session_ends_with_its_epoch_and_when_its_user_is_disabled_or_removed() {
    let world = World::new().await;
    let changes: [fn(&mut ConsoleUser); 2] = [|user| user.epoch += 1, |user| user.status = ConsoleUserStatus::Disabled];
    for change in changes {
        let person = world.sign_in(ConsoleRole::Reviewer, None).await;
        person.browser.get("/api/profiles").await.expect(200);
        change_user(&world, &person, change).await;
        person.browser.get("/api/profiles").await.expect(401);
    }
    let person = world.sign_in(ConsoleRole::Reviewer, None).await;
    world.app.console.delete_user(&person.user, &UserWrite::default(), &[]).await.unwrap().unwrap();
    person.browser.get("/api/profiles").await.expect(401);
    let person = world.sign_in(ConsoleRole::Reviewer, None).await;
    assert!(world.app.console.end_sessions(&[person.session.id], &[]).await.unwrap());
    person.browser.get("/api/profiles").await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn session_without_its_second_factor_reaches_nothing() {
    let world = World::new().await;
    for stage in [SessionStage::Factor, SessionStage::EnrolFactor] {
        let user = world.new_console_user(ConsoleRole::SuperAdmin, None);
        let (session, token) = identivia::records::console_session::ConsoleSession::begin(
            &user,
            stage,
            String::new(),
            String::new(),
            world.clock.now(),
        );
        let write = UserWrite { opens: Some(&session), ..UserWrite::default() };
        world.app.console.add_user(&user, &write, &[]).await.unwrap().unwrap();
        let browser = world.browser_with(&token);
        for path in ["/api/profiles", "/api/settings", "/api/clients", "/"] {
            assert_eq!(browser.get(path).await.expect(403)["error"], "Not permitted", "{stage:?} {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_changed_only_with_a_fresh_factor() {
    let world = World::new().await;
    let person = world.sign_in(ConsoleRole::SuperAdmin, None).await;
    let new = || json!({"name": "n", "scopes": ["health:read"]});
    person.browser.post("/api/clients", new()).await.expect(201);
    world.clock.advance(5 * 60 - 1);
    person.browser.post("/api/clients", new()).await.expect(201);
    world.clock.advance(2);
    let refused = person.browser.post("/api/clients", new()).await.expect(403);
    assert_eq!((&refused["error"], &refused["code"]), (&json!("Confirm it is you"), &json!("step_up_required")));
    person.browser.get("/api/clients").await.expect(200);
    world.console(ConsoleRole::Admin).await.get("/api/clients").await.expect(403);
}

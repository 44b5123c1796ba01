//! Signing in: the first user, password, second factor, recovery codes, waits after failures, step-up, and the own account.

use identivia::domain::console::password::hash_password;
use identivia::domain::console::totp::TotpSecret;
use identivia::domain::console::user::totp_purpose;
use identivia::records::console_user::{ConsoleRole, ConsoleUser, TotpFactor};
use identivia::store::console::UserWrite;
use reqwest::Method;
use serde_json::json;

use super::{Browser, token_of};
use crate::world::{World, answer};

const PASSWORD: &str = "gravel-lantern-otter";

/// A stored user with that password and an authenticator.
async fn add_user(world: &World, role: ConsoleRole) -> (ConsoleUser, TotpSecret) {
    let secret = TotpSecret::random();
    let mut user = world.new_console_user(role, None);
    user.password = Some(hash_password(PASSWORD).unwrap());
    let sealed_secret = world.app.system_key.seal(&totp_purpose(user.id), secret.as_bytes());
    user.totp = Some(TotpFactor { sealed_secret, last_step: None, created: world.clock.now() });
    world.app.console.add_user(&user, &UserWrite::default(), &[]).await.unwrap().unwrap();
    (user, secret)
}

/// The link of the first user, as the server prints it.
async fn setup_token(world: &World) -> String {
    world.app.console.offer_setup_link(world.clock.now()).await.unwrap().unwrap().as_text().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn first_user_is_made_with_the_link_and_signs_in_again() {
    let world = World::new().await;
    let mut browser = Browser::new(&world);
    let state = browser.caller.get("/api/console/state").await.expect(200);
    assert_eq!((&state["data"]["setup_needed"], &state["data"]["stage"]), (&json!(true), &json!(null)));
    let token = setup_token(&world).await;
    let form = |token: &str| json!({"token": token, "name": "Ama", "email": "Ama@Example.com", "password": PASSWORD});
    let made = browser.post("/api/console/setup", form(&token)).await;
    let cookie = made.header("set-cookie").to_owned();
    assert!(cookie.starts_with("identivia=") && cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
    assert_eq!(made.expect(200)["data"]["stage"], "enrol_factor");
    browser.caller.get("/api/profiles").await.expect(403);
    let (secret, codes) = browser.enrol().await;
    assert_eq!(codes.len(), 10);
    let me = browser.caller.get("/api/console/me").await.expect(200);
    assert_eq!((&me["data"]["email"], &me["data"]["role"]), (&json!("ama@example.com"), &json!("super_admin")));
    let factors = json!({"totp": true, "recovery_codes_left": 10, "passkeys": [], "password": true, "provider": null});
    assert_eq!(me["data"]["factors"], factors);
    browser.caller.get("/api/profiles").await.expect(200);

    let mut late = Browser::new(&world);
    let refused = late.post("/api/console/setup", form(&token)).await.expect(403);
    assert_eq!(refused["error"], "Link is not valid");
    assert!(world.app.console.offer_setup_link(world.clock.now()).await.unwrap().is_none(), "there is a user");

    let out = browser.post("/api/console/logout", json!({})).await;
    assert_eq!(out.header("clear-site-data"), "\"cache\", \"storage\"");
    out.expect(200);
    browser.caller.get("/api/console/me").await.expect(401);
    world.clock.advance(30);
    browser.sign_in("AMA@example.com", PASSWORD, &secret).await;
    browser.caller.get("/api/profiles").await.expect(200);
    let events = world.events().await;
    let kinds: Vec<&str> =
        events.iter().map(|(kind, ..)| kind.as_str()).filter(|kind| !kind.starts_with("profiles.")).collect();
    let expected = ["console.set_up", "factor.added", "session.started", "session.ended", "session.started"];
    assert_eq!(kinds, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn setup_link_ends_after_an_hour_and_only_the_newest_counts() {
    let world = World::new().await;
    let form = |token: &str| json!({"token": token, "name": "A", "email": "a@example.com", "password": PASSWORD});
    let (old, late) = (setup_token(&world).await, setup_token(&world).await);
    let mut browser = Browser::new(&world);
    browser.post("/api/console/setup", form(&old)).await.expect(403);
    world.clock.advance(3_601);
    browser.post("/api/console/setup", form(&late)).await.expect(403);
    let good = setup_token(&world).await;
    for token in ["", "x", &good[1..], &"A".repeat(43)] {
        assert!(browser.post("/api/console/setup", form(token)).await.status >= 400, "{token}");
    }
    let weak = json!({"token": good, "name": "A", "email": "a@example.com", "password": "password12345"});
    let weak = browser.post("/api/console/setup", weak).await.expect(400);
    assert!(weak["fields"]["password"].as_str().unwrap().contains("attackers"), "{weak}");
    world.clock.advance(1_000);
    let race = async || Browser::new(&world).post("/api/console/setup", form(&good)).await.status;
    let (one, other) = tokio::join!(race(), race());
    assert_eq!(one.min(other), 200, "{one} {other}");
    assert!(one.max(other) > 200 && world.app.console.count_users(9).await.unwrap() == 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn code_counts_once_and_so_does_a_recovery_code() {
    let world = World::new().await;
    let (user, secret) = add_user(&world, ConsoleRole::Reviewer).await;
    let code = secret.code_at(world.clock.now());
    let mut first = Browser::new(&world);
    first.sign_in(&user.email, PASSWORD, &secret).await;
    let mut second = Browser::new(&world);
    let login = json!({"email": user.email, "password": PASSWORD});
    second.post("/api/console/login", login.clone()).await.expect(200);
    let refused = second.post("/api/console/login/totp", json!({"code": code})).await.expect(401);
    assert_eq!(refused["error"], "Wrong e-mail, password or code");
    world.clock.advance(30);
    let code = secret.code_at(world.clock.now());
    second.post("/api/console/login/totp", json!({"code": code})).await.expect(200);
    second.post("/api/console/login/totp", json!({"code": code})).await.expect(409);
    // The same code at the same time: one of two gets in.
    world.clock.advance(60);
    let (mut third, mut fourth) = (Browser::new(&world), Browser::new(&world));
    third.post("/api/console/login", login.clone()).await.expect(200);
    fourth.post("/api/console/login", login.clone()).await.expect(200);
    let code = json!({"code": secret.code_at(world.clock.now())});
    let paths = ("/api/console/login/totp", code.clone());
    let (one, other) = tokio::join!(third.post(paths.0, code.clone()), fourth.post(paths.0, code));
    let got_in = [one.status, other.status].into_iter().filter(|status| *status == 200).count();
    assert_eq!(got_in, 1, "{} {}", one.body, other.body);

    world.clock.advance(60);
    first.post("/api/console/step_up", json!({"code": secret.code_at(world.clock.now())})).await.expect(200);
    let codes = first.post("/api/console/me/recovery_codes", json!({})).await.expect(200);
    let recovery = codes["data"]["recovery_codes"][3].clone();
    for status in [200, 401] {
        let mut browser = Browser::new(&world);
        browser.post("/api/console/login", login.clone()).await.expect(200);
        let answered = browser.post("/api/console/login/totp", json!({"code": recovery})).await;
        assert_eq!(answered.status, status, "{}", answered.body);
    }
    let left = first.caller.get("/api/console/me").await.expect(200);
    assert_eq!(left["data"]["factors"]["recovery_codes_left"], 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_account_and_wrong_password_get_the_same_answer_and_the_same_waits() {
    let world = World::new().await;
    let (user, _) = add_user(&world, ConsoleRole::Reviewer).await;
    let mut invited = world.new_console_user(ConsoleRole::Reviewer, None);
    invited.status = identivia::records::console_user::ConsoleUserStatus::Invited;
    world.app.console.add_user(&invited, &UserWrite::default(), &[]).await.unwrap().unwrap();
    let mut browser = Browser::new(&world);
    for email in [user.email.as_str(), "nobody@example.com", invited.email.as_str()] {
        for _ in 0..5 {
            let refused =
                browser.post("/api/console/login", json!({"email": email, "password": "wrong-wrong-wrong"})).await;
            assert_eq!(refused.header("set-cookie"), "");
            let body = refused.expect(401);
            let message = "Check what you have typed, and try again";
            assert_eq!(body, json!({"error": "Wrong e-mail, password or code", "message": message}), "{email}");
        }
        for wait in [30, 60, 120] {
            let blocked = browser.post("/api/console/login", json!({"email": email, "password": PASSWORD})).await;
            assert_eq!(blocked.header("retry-after"), wait.to_string(), "{email}");
            assert_eq!(blocked.expect(429)["error"], "Too many failures");
            world.clock.advance(wait);
            browser
                .post("/api/console/login", json!({"email": email, "password": "wrong-wrong-wrong"}))
                .await
                .expect(401);
        }
        // Failures of the address are forgotten, so that the next account starts anew.
        world.clock.advance(2_000);
    }
    let mut owner = Browser::new(&world);
    owner.post("/api/console/login", json!({"email": user.email, "password": PASSWORD})).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn right_password_does_not_forgive_wrong_codes() {
    let world = World::new().await;
    let (user, secret) = add_user(&world, ConsoleRole::SuperAdmin).await;
    let login = json!({"email": user.email, "password": PASSWORD});
    let mut browser = Browser::new(&world);
    for number in 0..5 {
        browser.post("/api/console/login", login.clone()).await.expect(200);
        let wrong = browser.post("/api/console/login/totp", json!({"code": format!("00000{number}")})).await;
        assert_eq!(wrong.status, 401, "{}", wrong.body);
    }
    browser.post("/api/console/login", login.clone()).await.expect(429);
    let code = json!({"code": secret.code_at(world.clock.now())});
    browser.post("/api/console/login/totp", code).await.expect(429);
    world.clock.advance(31);
    browser.sign_in(&user.email, PASSWORD, &secret).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn second_factor_must_come_within_ten_minutes_of_the_password() {
    let world = World::new().await;
    let (user, secret) = add_user(&world, ConsoleRole::Reviewer).await;
    let mut browser = Browser::new(&world);
    browser.post("/api/console/login", json!({"email": user.email, "password": PASSWORD})).await.expect(200);
    world.clock.advance(601);
    let code = json!({"code": secret.code_at(world.clock.now())});
    assert_eq!(browser.post("/api/console/login/totp", code).await.expect(401)["error"], "Not signed in");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_gives_another_cookie_and_ends_the_one_before() {
    let world = World::new().await;
    let (user, secret) = add_user(&world, ConsoleRole::Admin).await;
    let mut browser = Browser::new(&world);
    browser.post("/api/console/login", json!({"email": user.email, "password": PASSWORD})).await.expect(200);
    let mut cookies = vec![browser.caller.cookie.clone().unwrap()];
    browser.post("/api/console/login/totp", json!({"code": secret.code_at(world.clock.now())})).await.expect(200);
    cookies.push(browser.caller.cookie.clone().unwrap());
    world.clock.advance(30);
    let confirmed = browser.post("/api/console/step_up", json!({"code": secret.code_at(world.clock.now())})).await;
    assert!(confirmed.expect(200)["data"]["step_up_until"].is_string());
    cookies.push(browser.caller.cookie.clone().unwrap());
    let change = json!({"current_password": PASSWORD, "new_password": "seven kettles at noon"});
    browser.post("/api/console/me/password", change).await.expect(200);
    for cookie in &cookies {
        world.with_cookie(cookie).get("/api/console/me").await.expect(401);
    }
    browser.caller.get("/api/console/me").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn password_change_ends_all_other_sessions() {
    let world = World::new().await;
    let (user, secret) = add_user(&world, ConsoleRole::Reviewer).await;
    let (mut one, mut other) = (Browser::new(&world), Browser::new(&world));
    one.sign_in(&user.email, PASSWORD, &secret).await;
    world.clock.advance(30);
    other.sign_in(&user.email, PASSWORD, &secret).await;
    let sessions = one.caller.get("/api/console/me/sessions").await.expect(200);
    let current: Vec<_> = sessions["data"].as_array().unwrap().iter().map(|entry| entry["current"].clone()).collect();
    assert_eq!(current, [false, true]);
    let wrong = json!({"current_password": "wrong-wrong-wrong", "new_password": "seven kettles at noon"});
    one.post("/api/console/me/password", wrong).await.expect(401);
    let same = json!({"current_password": PASSWORD, "new_password": PASSWORD});
    one.post("/api/console/me/password", same).await.expect(400);
    let change = json!({"current_password": PASSWORD, "new_password": "seven kettles at noon"});
    one.post("/api/console/me/password", change).await.expect(200);
    other.caller.get("/api/console/me").await.expect(401);
    one.caller.get("/api/console/me").await.expect(200);
    let mut again = Browser::new(&world);
    again.post("/api/console/login", json!({"email": user.email, "password": PASSWORD})).await.expect(401);
    world.clock.advance(30);
    again.sign_in(&user.email, "seven kettles at noon", &secret).await;
    let id = again.caller.get("/api/console/me").await.expect(200)["data"]["session"]["id"].clone();
    let path = format!("/api/console/me/sessions/{}", id.as_str().unwrap());
    answer(one.caller.request(Method::DELETE, &path)).await.expect(200);
    again.caller.get("/api/console/me").await.expect(401);
    answer(one.caller.request(Method::DELETE, &path)).await.expect(404);
    let stranger = world.sign_in(ConsoleRole::SuperAdmin, None).await;
    let theirs = format!("/api/console/me/sessions/{}", stranger.session.id);
    answer(one.caller.request(Method::DELETE, &theirs)).await.expect(404);
    stranger.browser.get("/api/console/me").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn person_has_at_most_ten_sessions() {
    let world = World::new().await;
    let (user, secret) = add_user(&world, ConsoleRole::Reviewer).await;
    let mut first = Browser::new(&world);
    first.sign_in(&user.email, PASSWORD, &secret).await;
    for _ in 0..10 {
        world.clock.advance(30);
        Browser::new(&world).sign_in(&user.email, PASSWORD, &secret).await;
    }
    first.caller.get("/api/console/me").await.expect(401);
    assert_eq!(world.app.console.sessions_of(user.id).await.unwrap().len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_in_of_another_site_is_refused() {
    let world = World::new().await;
    let (user, _) = add_user(&world, ConsoleRole::Reviewer).await;
    let body = json!({"email": user.email, "password": PASSWORD});
    let post = |path: &str| world.bearing(None).request(Method::POST, path).json(&body);
    for path in ["/api/console/login", "/api/console/setup", "/api/console/invitation"] {
        assert_eq!(answer(post(path)).await.expect(403)["error"], "Request refused", "{path}");
        let cross = post(path).header("x-identivia-console", "1").header("sec-fetch-site", "cross-site");
        answer(cross).await.expect(403);
    }
    let own = post("/api/console/login").header("x-identivia-console", "1").header("origin", &world.url);
    answer(own).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn https_cookie_is_bound_to_its_host() {
    let world = World::with(&["--public-url", "https://id.example.com"], false).await;
    let (user, secret) = add_user(&world, ConsoleRole::Reviewer).await;
    let body = json!({"email": user.email, "password": PASSWORD});
    let mut browser = Browser::new(&world);
    let login = browser.post("/api/console/login", body).await;
    let cookie = login.header("set-cookie");
    assert!(cookie.starts_with("__Host-identivia="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict; Secure"), "{cookie}");
    browser.post("/api/console/login/totp", json!({"code": secret.code_at(world.clock.now())})).await.expect(200);
    let plain = browser.caller.cookie.clone().unwrap().replace("__Host-", "");
    world.with_cookie(&plain).get("/api/console/me").await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn own_account_is_changed_and_another_authenticator_needs_a_fresh_factor() {
    let world = World::new().await;
    let (user, secret) = add_user(&world, ConsoleRole::Reviewer).await;
    let mut browser = Browser::new(&world);
    browser.sign_in(&user.email, PASSWORD, &secret).await;
    let changed = json!({"name": " Kofi ", "language": "de", "shortcuts": false});
    let changed = browser.caller.patch("/api/console/me", changed).await.expect(200);
    assert_eq!((&changed["data"]["name"], &changed["data"]["language"]), (&json!("Kofi"), &json!("de")));
    for wrong in
        [json!({"name": " "}), json!({"language": "xx"}), json!({"shortcuts": 1}), json!({"name": "x".repeat(256)})]
    {
        browser.caller.patch("/api/console/me", wrong).await.expect(400);
    }
    assert!(changed["data"]["permissions"].as_array().unwrap().contains(&json!("reviews:decide")));
    world.clock.advance(301);
    assert_eq!(browser.post("/api/console/me/totp", json!({})).await.expect(403)["code"], "step_up_required");
    assert_eq!(browser.post("/api/console/me/recovery_codes", json!({})).await.expect(403)["code"], "step_up_required");
    browser.post("/api/console/step_up", json!({"code": secret.code_at(world.clock.now())})).await.expect(200);
    let (next, _) = browser.enrol().await;
    world.clock.advance(60);
    let mut other = Browser::new(&world);
    other.post("/api/console/login", json!({"email": user.email, "password": PASSWORD})).await.expect(200);
    let old = json!({"code": secret.code_at(world.clock.now())});
    other.post("/api/console/login/totp", old).await.expect(401);
    other.post("/api/console/login/totp", json!({"code": next.code_at(world.clock.now())})).await.expect(200);
    assert!(token_of("http://x/console/setup#token=abc") == "abc");
}

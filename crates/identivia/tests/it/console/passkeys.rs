//! Signing in with passkeys: what is accepted, and that anything which is wrong gets the answer of a wrong password.

use identivia::domain::console::challenge::MAX_CHALLENGES;
use identivia::domain::console::password::hash_password;
use identivia::records::console_challenge::{ChallengePurpose, ConsoleChallenge};
use identivia::records::console_session::SessionStage;
use identivia::records::console_user::{ConsoleRole, ConsoleUser, ConsoleUserStatus};
use identivia::store::console::UserWrite;
use reqwest::Method;
use serde_json::{Value, json};

use super::Browser;
use super::authenticator::{Authenticator, Lie, ORIGIN, PRESENT_ONLY, VERIFIED_ONLY, encode};
use crate::world::{Answer, World, answer};

pub(super) const PASSWORD: &str = "gravel-lantern-otter";

/// A server with a name for which there are passkeys.
pub(super) async fn named_world(more: &[&str]) -> World {
    World::with(&[&["--public-url", ORIGIN], more].concat(), false).await
}

/// A stored user without a second factor.
pub(super) async fn add_user(world: &World, role: ConsoleRole) -> ConsoleUser {
    let mut user = world.new_console_user(role, None);
    user.password = Some(hash_password(PASSWORD).unwrap());
    world.app.console.add_user(&user, &UserWrite::default(), &[]).await.unwrap().unwrap();
    user
}

/// A user with a passkey, and the browser in which they have just added it.
pub(super) async fn add_passkey_user<'a>(
    world: &'a World,
    role: ConsoleRole,
    authenticator: &mut Authenticator,
) -> (ConsoleUser, Browser<'a>) {
    let user = add_user(world, role).await;
    let mut browser = Browser::new(world);
    let login = json!({"email": user.email, "password": PASSWORD});
    let body = browser.post("/api/console/login", login).await.expect(200);
    assert_eq!(body["data"]["stage"], "enrol_factor");
    add_passkey(&mut browser, authenticator, &Lie::default()).await.expect(200);
    (user, browser)
}

pub(super) async fn add_passkey(browser: &mut Browser<'_>, authenticator: &mut Authenticator, lie: &Lie) -> Answer {
    let options = browser.post("/api/console/me/passkeys/start", json!({})).await.expect(200);
    let body = authenticator.create(&options, lie);
    browser.post("/api/console/me/passkeys/finish", body).await
}

pub(super) async fn sign_in(browser: &mut Browser<'_>, authenticator: &mut Authenticator, lie: &Lie) -> Answer {
    let options = browser.post("/api/console/login/passkey/start", json!({})).await.expect(200);
    let body = authenticator.get(&options, lie);
    browser.post("/api/console/login/passkey/finish", body).await
}

/// The one answer to everything that is wrong at a sign-in.
pub(super) fn expect_refused(answer: Answer, case: &str) {
    assert_eq!(answer.header("set-cookie"), "", "{case}");
    let message = "Check what you have typed, and try again";
    let body = answer.expect(401);
    assert_eq!(body, json!({"error": "Wrong e-mail, password or code", "message": message}), "{case}");
}

#[tokio::test(flavor = "multi_thread")]
async fn first_user_adds_a_passkey_and_signs_in_with_it() {
    let world = named_world(&[]).await;
    let mut browser = Browser::new(&world);
    let state = browser.caller.get("/api/console/state").await.expect(200);
    assert_eq!(state["data"]["passkeys"], true);
    let link = world.app.console.offer_setup_link(world.clock.now()).await.unwrap().unwrap();
    let form = json!({"token": link.as_text(), "name": "Ama", "email": "ama@example.com", "password": PASSWORD});
    browser.post("/api/console/setup", form).await.expect(200);
    let mut authenticator = Authenticator::new();
    let added = add_passkey(&mut browser, &mut authenticator, &Lie::default()).await.expect(200);
    assert_eq!((&added["data"]["stage"], &added["data"]["passkey"]["name"]), (&json!("full"), &json!("Key")));
    assert_eq!(added["data"]["recovery_codes"].as_array().unwrap().len(), 10);
    let me = browser.caller.get("/api/console/me").await.expect(200);
    let factors = &me["data"]["factors"];
    assert_eq!((&factors["totp"], &factors["recovery_codes_left"]), (&json!(false), &json!(10)));
    assert_eq!(factors["passkeys"][0]["last_used"], json!(null));
    assert!(me["data"]["session"]["step_up_until"].is_string());
    browser.post("/api/console/logout", json!({})).await.expect(200);

    world.clock.advance(60);
    let options = browser.post("/api/console/login/passkey/start", json!({})).await.expect(200);
    assert_eq!(options["data"]["public_key"]["allowCredentials"], json!([]), "it tells nothing of users");
    let body = authenticator.get(&options, &Lie::default());
    let signed_in = browser.post("/api/console/login/passkey/finish", body).await.expect(200);
    assert_eq!(signed_in["data"]["stage"], "full");
    let me = browser.caller.get("/api/console/me").await.expect(200);
    assert!(me["data"]["factors"]["passkeys"][0]["last_used"].is_string());
    assert_eq!(me["data"]["email"], "ama@example.com");
    let users = browser.caller.get("/api/console/users").await.expect(200);
    assert_eq!(users["data"][0]["factors"], json!(["passkey"]));
    assert!(users["data"][0]["last_sign_in"].is_string());
    let kinds: Vec<String> = world.events().await.into_iter().map(|(kind, ..)| kind).collect();
    let expected = ["console.set_up", "factor.added", "session.started", "session.ended", "session.started"];
    assert_eq!(kinds, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_algorithm_that_is_asked_for_signs_in() {
    let world = named_world(&[]).await;
    for mut authenticator in [Authenticator::with_ed25519(), Authenticator::with_rsa()] {
        add_passkey_user(&world, ConsoleRole::Auditor, &mut authenticator).await;
        sign_in(&mut Browser::new(&world), &mut authenticator, &Lie::default()).await.expect(200);
        let forged = Lie { forges: true, ..Lie::default() };
        expect_refused(sign_in(&mut Browser::new(&world), &mut authenticator, &forged).await, "forged");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_in_with_one_thing_wrong_is_refused() {
    let world = named_world(&[]).await;
    let mut authenticator = Authenticator::new();
    add_passkey_user(&world, ConsoleRole::Admin, &mut authenticator).await;
    let mut other = Authenticator::new();
    let (other_user, _) = add_passkey_user(&world, ConsoleRole::Auditor, &mut other).await;
    let honest = Lie::default;
    let cases = [
        ("another origin", Lie { origin: Some("https://id.example.org"), ..honest() }),
        ("http", Lie { origin: Some("http://id.example.com"), ..honest() }),
        ("another port", Lie { origin: Some("https://id.example.com:8443"), ..honest() }),
        ("in a frame of another site", Lie { cross_origin: true, ..honest() }),
        ("another server", Lie { server: Some("example.com"), ..honest() }),
        ("a challenge that was not given", Lie { challenge: Some(encode(&[7; 32])), ..honest() }),
        ("no challenge", Lie { challenge: Some(String::new()), ..honest() }),
        ("made for a new passkey", Lie { kind: Some("webauthn.create"), ..honest() }),
        ("not verified", Lie { flags: Some(PRESENT_ONLY), ..honest() }),
        ("not present", Lie { flags: Some(VERIFIED_ONLY), ..honest() }),
        ("other bytes signed", Lie { forges: true, ..honest() }),
        ("unknown credential", Lie { credential: Some(vec![9; 32]), ..honest() }),
        ("another's credential", Lie { credential: Some(other.credential.clone()), ..honest() }),
        ("named another user", Lie { user_handle: Some(encode(other_user.id.as_str().as_bytes())), ..honest() }),
        ("named nobody of ours", Lie { user_handle: Some(encode(b"nobody")), ..honest() }),
        ("named no user", Lie { user_handle: Some(String::new()), ..honest() }),
        ("bytes behind the data", Lie { surplus: vec![0], ..honest() }),
    ];
    for (case, lie) in cases {
        expect_refused(sign_in(&mut Browser::new(&world), &mut authenticator, &lie).await, case);
        sign_in(&mut Browser::new(&world), &mut authenticator, &honest()).await.expect(200);
        // Failures of the address are forgotten.
        world.clock.advance(2_000);
    }
    let mut unknown = Authenticator::new();
    let options = Browser::new(&world).post("/api/console/login/passkey/start", json!({})).await.expect(200);
    let body = unknown.get(&options, &honest());
    expect_refused(Browser::new(&world).post("/api/console/login/passkey/finish", body).await, "a stranger's passkey");
    let stranger =
        json!({"credential_id": "!", "client_data_json": "e30", "authenticator_data": "e30=", "signature": 1});
    let body = Browser::new(&world).post("/api/console/login/passkey/finish", stranger).await.expect(400);
    assert_eq!(body["fields"].as_object().unwrap().len(), 3, "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn challenge_counts_once_and_for_five_minutes() {
    let world = named_world(&[]).await;
    let mut authenticator = Authenticator::new();
    add_passkey_user(&world, ConsoleRole::Reviewer, &mut authenticator).await;
    let mut browser = Browser::new(&world);
    let start = async || Browser::new(&world).post("/api/console/login/passkey/start", json!({})).await.expect(200);
    let options = start().await;
    let body = authenticator.get(&options, &Lie::default());
    browser.post("/api/console/login/passkey/finish", body.clone()).await.expect(200);
    expect_refused(Browser::new(&world).post("/api/console/login/passkey/finish", body).await, "the same bytes");
    let body = authenticator.get(&options, &Lie::default());
    expect_refused(Browser::new(&world).post("/api/console/login/passkey/finish", body).await, "the same challenge");
    // A failure uses the challenge up too.
    let options = start().await;
    let forged = authenticator.get(&options, &Lie { forges: true, ..Lie::default() });
    expect_refused(Browser::new(&world).post("/api/console/login/passkey/finish", forged).await, "forged");
    let body = authenticator.get(&options, &Lie::default());
    expect_refused(Browser::new(&world).post("/api/console/login/passkey/finish", body).await, "after a failure");
    // Of two answers at once, one counts.
    world.clock.advance(2_000);
    let options = start().await;
    let (one, other) = (authenticator.get(&options, &Lie::default()), authenticator.get(&options, &Lie::default()));
    let (mut first, mut second) = (Browser::new(&world), Browser::new(&world));
    let path = "/api/console/login/passkey/finish";
    let (one, other) = tokio::join!(first.post(path, one), second.post(path, other));
    assert!(one.status != 200 || other.status != 200, "{} {}", one.body, other.body);
    for (seconds, status) in [(299, 200), (300, 401)] {
        world.clock.advance(2_000);
        let options = start().await;
        world.clock.advance(seconds);
        let body = authenticator.get(&options, &Lie::default());
        let answered = Browser::new(&world).post(path, body).await;
        assert_eq!(answered.status, status, "{seconds}: {}", answered.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn counter_that_goes_backwards_is_refused_and_audited() {
    let world = named_world(&[]).await;
    let mut authenticator = Authenticator::new();
    let (user, _) = add_passkey_user(&world, ConsoleRole::Reviewer, &mut authenticator).await;
    sign_in(&mut Browser::new(&world), &mut authenticator, &Lie { count: Some(10), ..Lie::default() })
        .await
        .expect(200);
    for count in [0, 9, 10] {
        let lie = Lie { count: Some(count), ..Lie::default() };
        expect_refused(sign_in(&mut Browser::new(&world), &mut authenticator, &lie).await, "backwards");
    }
    let forged = Lie { count: Some(3), forges: true, ..Lie::default() };
    expect_refused(sign_in(&mut Browser::new(&world), &mut authenticator, &forged).await, "forged");
    let events = world.events().await;
    let copies: Vec<_> = events.iter().filter(|(kind, ..)| kind == "passkey.counter_went_back").collect();
    assert_eq!(copies.len(), 3, "a wrong signature tells nothing of the counter");
    assert_eq!(copies[0].1, user.id.to_string());
    sign_in(&mut Browser::new(&world), &mut authenticator, &Lie { count: Some(11), ..Lie::default() })
        .await
        .expect(200);

    let mut without_counter = Authenticator::new();
    without_counter.count = 0;
    add_passkey_user(&world, ConsoleRole::Reviewer, &mut without_counter).await;
    for _ in 0..2 {
        let lie = Lie { count: Some(0), ..Lie::default() };
        sign_in(&mut Browser::new(&world), &mut without_counter, &lie).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn disabled_user_cannot_sign_in() {
    let world = named_world(&[]).await;
    let mut authenticator = Authenticator::new();
    let (user, browser) = add_passkey_user(&world, ConsoleRole::Reviewer, &mut authenticator).await;
    let root = world.sign_in(ConsoleRole::SuperAdmin, None).await;
    let path = format!("/api/console/users/{}", user.id);
    root.browser.patch(&path, json!({"disabled": true})).await.expect(200);
    browser.caller.get("/api/console/me").await.expect(401);
    expect_refused(sign_in(&mut Browser::new(&world), &mut authenticator, &Lie::default()).await, "disabled");
    root.browser.patch(&path, json!({"disabled": false})).await.expect(200);
    let stored = world.app.console.user(user.id).await.unwrap().unwrap();
    assert_eq!(stored.status, ConsoleUserStatus::Active);
    sign_in(&mut Browser::new(&world), &mut authenticator, &Lie::default()).await.expect(200);
    root.browser.delete(&path).await.expect(200);
    expect_refused(sign_in(&mut Browser::new(&world), &mut authenticator, &Lie::default()).await, "deleted");
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_with_a_passkey_count_for_the_account() {
    let world = named_world(&[]).await;
    let mut authenticator = Authenticator::new();
    let (user, _) = add_passkey_user(&world, ConsoleRole::Reviewer, &mut authenticator).await;
    let forged = Lie { forges: true, ..Lie::default() };
    for _ in 0..5 {
        expect_refused(sign_in(&mut Browser::new(&world), &mut authenticator, &forged).await, "forged");
    }
    let blocked = sign_in(&mut Browser::new(&world), &mut authenticator, &Lie::default()).await;
    assert_eq!(blocked.header("retry-after"), "30");
    assert_eq!(blocked.expect(429)["error"], "Too many failures");
    let login = json!({"email": user.email, "password": PASSWORD});
    Browser::new(&world).post("/api/console/login", login).await.expect(429);
    world.clock.advance(31);
    sign_in(&mut Browser::new(&world), &mut authenticator, &Lie::default()).await.expect(200);
    let failures = world.events().await.into_iter().filter(|(kind, ..)| kind == "sign_in.failed");
    let details: Vec<_> = failures.map(|(_, actor, detail)| (actor, detail)).collect();
    assert_eq!(details, [(user.id.to_string(), "passkey".to_owned())], "the first of an hour");
}

#[tokio::test(flavor = "multi_thread")]
async fn challenges_that_wait_are_limited_for_each_address() {
    let world = named_world(&[]).await;
    let mut authenticator = Authenticator::new();
    add_passkey_user(&world, ConsoleRole::Reviewer, &mut authenticator).await;
    let path = "/api/console/login/passkey/start";
    let first = Browser::new(&world).post(path, json!({})).await.expect(200);
    for _ in 1..30 {
        Browser::new(&world).post(path, json!({})).await.expect(200);
    }
    let refused = Browser::new(&world).post(path, json!({})).await;
    assert_eq!(refused.header("retry-after"), "60");
    assert_eq!(refused.expect(429)["error"], "Too many sign-ins at once");
    let body = authenticator.get(&first, &Lie::default());
    let mut browser = Browser::new(&world);
    browser.post("/api/console/login/passkey/finish", body).await.expect(200);
    Browser::new(&world).post(path, json!({})).await.expect(200);
    Browser::new(&world).post(path, json!({})).await.expect(429);
    browser.post("/api/console/step_up/passkey/start", json!({})).await.expect(200);
    world.clock.advance(301);
    Browser::new(&world).post(path, json!({})).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn challenges_that_wait_are_limited_in_all() {
    let world = named_world(&[]).await;
    let (console, now) = (&world.app.console, world.clock.now());
    let draw = |holder: String| ConsoleChallenge::draw(ChallengePurpose::SignIn, holder, None, now).0;
    for hundred in 0..MAX_CHALLENGES / 100 {
        let offers = (0..100).map(|one| async move {
            let challenge = draw(format!("session {hundred} {one}"));
            console.offer_challenge_to_session(&challenge, now).await.unwrap();
        });
        futures_util::future::join_all(offers).await;
    }
    let path = "/api/console/login/passkey/start";
    Browser::new(&world).post(path, json!({})).await.expect(429);
    world.clock.advance(301);
    Browser::new(&world).post(path, json!({})).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_password_a_passkey_stands_in_for_the_code() {
    let world = named_world(&[]).await;
    let mut authenticator = Authenticator::new();
    let (user, _) = add_passkey_user(&world, ConsoleRole::Reviewer, &mut authenticator).await;
    let login = json!({"email": user.email, "password": PASSWORD});
    let mut browser = Browser::new(&world);
    let body = browser.post("/api/console/login", login.clone()).await.expect(200);
    assert_eq!(body["data"]["stage"], "factor");
    browser.post("/api/console/me/passkeys/start", json!({})).await.expect(409);
    let half = browser.caller.cookie.clone().unwrap();
    // An authenticator that stores nothing names no user: the session does.
    let nameless = Lie { user_handle: Some(String::new()), ..Lie::default() };
    let options = browser.post("/api/console/login/passkey/start", json!({})).await.expect(200);
    assert_eq!(options["data"]["public_key"]["allowCredentials"][0]["id"], encode(&authenticator.credential));
    let body = authenticator.get(&options, &nameless);
    expect_refused(Browser::new(&world).post("/api/console/login/passkey/finish", body).await, "another browser");
    let options = browser.post("/api/console/login/passkey/start", json!({})).await.expect(200);
    let body = authenticator.get(&options, &Lie::default());
    let elsewhere = Browser::new(&world).post("/api/console/login/passkey/finish", body).await;
    expect_refused(elsewhere, "the half session's challenge without that session");
    let options = Browser::new(&world).post("/api/console/login/passkey/start", json!({})).await.expect(200);
    let body = authenticator.get(&options, &nameless);
    let unnamed = browser.post("/api/console/login/passkey/finish", body).await;
    expect_refused(unnamed, "a challenge for anybody, and a passkey that names nobody");
    sign_in(&mut browser, &mut authenticator, &nameless).await.expect(200);
    browser.caller.get("/api/profiles").await.expect(200);
    world.with_cookie(&half).get("/api/console/me").await.expect(401);
    let sessions = world.app.console.sessions_of(user.id).await.unwrap();
    assert!(sessions.iter().all(|session| session.stage == SessionStage::Full), "the half session has ended");

    let mut other = Authenticator::new();
    add_passkey_user(&world, ConsoleRole::Reviewer, &mut other).await;
    let mut browser = Browser::new(&world);
    browser.post("/api/console/login", login).await.expect(200);
    expect_refused(sign_in(&mut browser, &mut other, &Lie::default()).await, "another's passkey after the password");
}

#[tokio::test(flavor = "multi_thread")]
async fn passkeys_are_off_at_an_address_without_a_name() {
    let world = World::new().await;
    let state = Browser::new(&world).caller.get("/api/console/state").await.expect(200);
    assert_eq!(state["data"]["passkeys"], false);
    let refused = Browser::new(&world).post("/api/console/login/passkey/start", json!({})).await.expect(409);
    assert_eq!(refused["error"], "Passkeys are off");
    let person = world.sign_in(ConsoleRole::Reviewer, None).await;
    person.browser.post("/api/console/me/passkeys/start", json!({})).await.expect(409);
}

#[tokio::test(flavor = "multi_thread")]
async fn passkey_sign_in_of_another_site_is_refused() {
    let world = named_world(&[]).await;
    for path in ["/api/console/login/passkey/start", "/api/console/login/passkey/finish"] {
        let request = world.bearing(None).request(Method::POST, path).json(&json!({}));
        let cross = request.header("x-identivia-console", "1").header("sec-fetch-site", "cross-site");
        let body: Value = answer(cross).await.expect(403);
        assert_eq!(body["error"], "Request refused", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn own_passkey_is_renamed_and_no_other_one() {
    let world = named_world(&[]).await;
    let mut authenticator = Authenticator::new();
    let (user, browser) = add_passkey_user(&world, ConsoleRole::Auditor, &mut authenticator).await;
    let me = browser.caller.get("/api/console/me").await.expect(200)["data"].clone();
    let id = me["factors"]["passkeys"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/console/me/passkeys/{id}");
    let renamed = browser.caller.patch(&path, json!({"name": "  Work \u{1F511} laptop "})).await.expect(200);
    assert_eq!(renamed["data"]["name"], "Work \u{1F511} laptop");
    let after = browser.caller.get("/api/console/me").await.expect(200)["data"].clone();
    assert_eq!(after["factors"]["passkeys"], json!([renamed["data"]]), "the session stays");
    for name in [json!(""), json!("  "), json!(null), json!(7), json!("a\u{0}b"), json!("x".repeat(61))] {
        let refused = browser.caller.patch(&path, json!({"name": name})).await.expect(400);
        assert!(refused["fields"]["name"].is_string() || refused["required"] == json!(["name"]), "{refused}");
    }
    browser.caller.patch(&path, json!({})).await.expect(400);
    let other = world.console(ConsoleRole::SuperAdmin).await;
    other.patch(&path, json!({"name": "Mine"})).await.expect(404);
    browser.caller.patch("/api/console/me/passkeys/nothing", json!({"name": "Mine"})).await.expect(404);
    let stored = world.app.console.user(user.id).await.unwrap().unwrap();
    assert_eq!(stored.passkeys[0].name, "Work \u{1F511} laptop");
    let trail = world.operator().get("/api/audit_events?kind=account.changed").await.expect(200)["data"].clone();
    assert_eq!(trail[0]["detail"], "name of a passkey", "without the name: {trail}");
}

//! Passkeys as factors of an account: adding, confirming, removing and resetting them.

use identivia::records::console_user::ConsoleRole;
use serde_json::json;

use super::Browser;
use super::authenticator::{Authenticator, Lie, ORIGIN, PRESENT_ONLY, VERIFIED_ONLY};
use super::passkeys::{PASSWORD, add_passkey, add_passkey_user, add_user, expect_refused, named_world, sign_in};

#[tokio::test(flavor = "multi_thread")]
async fn new_passkey_with_one_thing_wrong_is_refused() {
    let world = named_world(&[]).await;
    let user = add_user(&world, ConsoleRole::Reviewer).await;
    let mut browser = Browser::new(&world);
    browser.post("/api/console/login", json!({"email": user.email, "password": PASSWORD})).await.expect(200);
    let honest = Lie::default;
    // A statement of a maker, and one by the new key with a wrong signature.
    let of_maker = vec![0xa1, 0x63, b'x', b'5', b'c', 0x80];
    let wrong = vec![0xa2, 0x63, b'a', b'l', b'g', 0x26, 0x63, b's', b'i', b'g', 0x41, 0];
    let cases = [
        ("origin", Lie { origin: Some("https://id.example.org"), ..honest() }),
        ("server", Lie { server: Some("example.com"), ..honest() }),
        ("challenge", Lie { challenge: Some(super::authenticator::encode(&[7; 32])), ..honest() }),
        ("purpose", Lie { kind: Some("webauthn.get"), ..honest() }),
        ("not verified", Lie { flags: Some(PRESENT_ONLY), ..honest() }),
        ("not present", Lie { flags: Some(VERIFIED_ONLY), ..honest() }),
        ("cross origin", Lie { cross_origin: true, ..honest() }),
        ("a statement with none", Lie { attestation: Some(("none", of_maker.clone())), ..honest() }),
        ("a maker's statement", Lie { attestation: Some(("packed", of_maker)), ..honest() }),
        ("a wrong statement", Lie { attestation: Some(("packed", wrong)), ..honest() }),
        ("another format", Lie { attestation: Some(("fido-u2f", vec![0xa0])), ..honest() }),
        ("bytes behind the data", Lie { surplus: vec![0], ..honest() }),
    ];
    let mut authenticator = Authenticator::new();
    for (case, lie) in cases {
        let refused = add_passkey(&mut browser, &mut authenticator, &lie).await;
        assert_eq!(refused.expect(400)["error"], "Passkey was not accepted", "{case}");
    }
    for part in ["", "AAAA", "!"] {
        let body = json!({"client_data_json": part, "attestation_object": part});
        browser.post("/api/console/me/passkeys/finish", body).await.expect(400);
    }
    assert!(world.app.console.user(user.id).await.unwrap().unwrap().passkeys.is_empty());
    let own_statement = Lie { attestation: Some(("packed", Vec::new())), ..honest() };
    add_passkey(&mut browser, &mut authenticator, &own_statement).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn challenge_of_a_new_passkey_is_for_its_session_and_counts_once() {
    let world = named_world(&[]).await;
    let (one, other) = (add_user(&world, ConsoleRole::Reviewer).await, add_user(&world, ConsoleRole::Reviewer).await);
    let (mut browser, mut foreign) = (Browser::new(&world), Browser::new(&world));
    browser.post("/api/console/login", json!({"email": one.email, "password": PASSWORD})).await.expect(200);
    foreign.post("/api/console/login", json!({"email": other.email, "password": PASSWORD})).await.expect(200);
    let (start, finish) = ("/api/console/me/passkeys/start", "/api/console/me/passkeys/finish");
    let mut authenticator = Authenticator::new();
    let options = browser.post(start, json!({})).await.expect(200);
    let body = authenticator.create(&options, &Lie::default());
    foreign.post(finish, body.clone()).await.expect(400);
    browser.post(finish, body).await.expect(400);
    let options = browser.post(start, json!({})).await.expect(200);
    let newer = browser.post(start, json!({})).await.expect(200);
    browser.post(finish, authenticator.create(&options, &Lie::default())).await.expect(400);
    world.clock.advance(299);
    let body = authenticator.create(&newer, &Lie::default());
    browser.post(finish, body.clone()).await.expect(200);
    browser.post(finish, body).await.expect(400);
    let late = foreign.post(start, json!({})).await.expect(200);
    world.clock.advance(300);
    let late = Authenticator::new().create(&late, &Lie::default());
    let refused = foreign.post(finish, late).await;
    assert!([400, 401].contains(&refused.status), "{}", refused.body);
    // One challenge is good for nothing else.
    let options = browser.post("/api/console/login/passkey/start", json!({})).await.expect(200);
    let body = authenticator.get(&options, &Lie::default());
    expect_refused(browser.post("/api/console/step_up/passkey/finish", body).await, "a challenge to sign in");
    let options = browser.post("/api/console/step_up/passkey/start", json!({})).await.expect(200);
    let body = authenticator.get(&options, &Lie::default());
    expect_refused(browser.post("/api/console/login/passkey/finish", body).await, "a challenge to confirm");
}

#[tokio::test(flavor = "multi_thread")]
async fn passkey_belongs_to_one_user_and_there_are_at_most_ten() {
    let world = named_world(&[]).await;
    let mut authenticator = Authenticator::new();
    let (_, mut browser) = add_passkey_user(&world, ConsoleRole::Reviewer, &mut authenticator).await;
    let again = add_passkey(&mut browser, &mut authenticator, &Lie::default()).await.expect(409);
    assert_eq!(again["error"], "Passkey is registered already");
    let other = add_user(&world, ConsoleRole::Reviewer).await;
    let mut foreign = Browser::new(&world);
    foreign.post("/api/console/login", json!({"email": other.email, "password": PASSWORD})).await.expect(200);
    add_passkey(&mut foreign, &mut authenticator, &Lie::default()).await.expect(409);
    for number in 1..10 {
        let added = add_passkey(&mut browser, &mut Authenticator::new(), &Lie::default()).await.expect(200);
        assert_eq!(added["data"]["recovery_codes"], json!([]), "{number}: they have some");
    }
    let refused = browser.post("/api/console/me/passkeys/start", json!({})).await.expect(409);
    assert_eq!(refused["error"], "Too many passkeys");
    let me = browser.caller.get("/api/console/me").await.expect(200);
    assert_eq!(me["data"]["factors"]["passkeys"].as_array().unwrap().len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn passkey_confirms_and_another_one_needs_a_fresh_factor() {
    let world = named_world(&[]).await;
    let mut authenticator = Authenticator::new();
    let (user, mut browser) = add_passkey_user(&world, ConsoleRole::SuperAdmin, &mut authenticator).await;
    let mut elsewhere = Browser::new(&world);
    sign_in(&mut elsewhere, &mut authenticator, &Lie::default()).await.expect(200);
    world.clock.advance(301);
    let refused = browser.post("/api/console/me/passkeys/start", json!({})).await.expect(403);
    assert_eq!(refused["code"], "step_up_required");
    let options = browser.post("/api/console/step_up/passkey/start", json!({})).await.expect(200);
    let stale = browser.caller.cookie.clone().unwrap();
    let not_verified = authenticator.get(&options, &Lie { flags: Some(PRESENT_ONLY), ..Lie::default() });
    expect_refused(browser.post("/api/console/step_up/passkey/finish", not_verified).await, "not verified");
    let options = browser.post("/api/console/step_up/passkey/start", json!({})).await.expect(200);
    let other_name = Lie { user_handle: Some(super::authenticator::encode(b"somebodyelse123")), ..Lie::default() };
    let body = authenticator.get(&options, &other_name);
    expect_refused(browser.post("/api/console/step_up/passkey/finish", body).await, "named another user");
    let options = browser.post("/api/console/step_up/passkey/start", json!({})).await.expect(200);
    let body = authenticator.get(&options, &Lie::default());
    expect_refused(elsewhere.post("/api/console/step_up/passkey/finish", body).await, "another session of the user");
    let options = browser.post("/api/console/step_up/passkey/start", json!({})).await.expect(200);
    let body = authenticator.get(&options, &Lie::default());
    let confirmed = browser.post("/api/console/step_up/passkey/finish", body).await.expect(200);
    assert!(confirmed["data"]["step_up_until"].is_string());
    world.with_cookie(&stale).get("/api/console/me").await.expect(401);
    browser.post("/api/console/users", json!({"email": "x@example.com", "role": "auditor"})).await.expect(201);
    let mut second = Authenticator::new();
    add_passkey(&mut browser, &mut second, &Lie::default()).await.expect(200);
    elsewhere.caller.get("/api/console/me").await.expect(401);
    sign_in(&mut Browser::new(&world), &mut second, &Lie::default()).await.expect(200);
    let mut stranger = Authenticator::new();
    let (_, mut other) = add_passkey_user(&world, ConsoleRole::Admin, &mut stranger).await;
    let options = other.post("/api/console/step_up/passkey/start", json!({})).await.expect(200);
    let body = second.get(&options, &Lie { user_handle: Some(String::new()), ..Lie::default() });
    expect_refused(other.post("/api/console/step_up/passkey/finish", body).await, "another's passkey");
    let totp_only = world.sign_in_user(world.new_console_user(ConsoleRole::Reviewer, None)).await;
    totp_only.browser.post("/api/console/step_up/passkey/start", json!({})).await.expect(409);
    assert!(world.events().await.iter().any(|(kind, actor, detail)| {
        kind == "session.confirmed" && *actor == user.id.to_string() && detail == "passkey"
    }));
}

#[tokio::test(flavor = "multi_thread")]
async fn last_second_factor_stays_while_one_is_required() {
    let world = named_world(&[]).await;
    let (mut one, mut two) = (Authenticator::new(), Authenticator::new());
    let (user, mut browser) = add_passkey_user(&world, ConsoleRole::Reviewer, &mut one).await;
    add_passkey(&mut browser, &mut two, &Lie::default()).await.expect(200);
    let mut elsewhere = Browser::new(&world);
    sign_in(&mut elsewhere, &mut one, &Lie::default()).await.expect(200);
    let stored = world.app.console.user(user.id).await.unwrap().unwrap();
    let paths: Vec<String> =
        stored.passkeys.iter().map(|passkey| format!("/api/console/me/passkeys/{}", passkey.id)).collect();
    let stranger = world.sign_in(ConsoleRole::SuperAdmin, None).await;
    stranger.browser.delete(&paths[0]).await.expect(404);
    world.clock.advance(301);
    assert_eq!(browser.delete(&paths[0]).await.expect(403)["code"], "step_up_required");
    let options = browser.post("/api/console/step_up/passkey/start", json!({})).await.expect(200);
    let body = two.get(&options, &Lie::default());
    browser.post("/api/console/step_up/passkey/finish", body).await.expect(200);
    browser.delete(&paths[0]).await.expect(200);
    elsewhere.caller.get("/api/console/me").await.expect(401);
    expect_refused(sign_in(&mut Browser::new(&world), &mut one, &Lie::default()).await, "removed");
    assert_eq!(browser.delete(&paths[1]).await.expect(409)["error"], "Last second factor");
    browser.delete(&paths[0]).await.expect(404);
    browser.enrol().await;
    browser.delete(&paths[1]).await.expect(200);
    let me = browser.caller.get("/api/console/me").await.expect(200);
    assert_eq!(me["data"]["factors"]["passkeys"], json!([]));
    // A removed passkey can be added again, by anybody.
    add_passkey_user(&world, ConsoleRole::Reviewer, &mut Authenticator::new()).await;
    add_passkey(&mut browser, &mut one, &Lie::default()).await.expect(200);
    let removed = world.events().await.into_iter().filter(|(kind, ..)| kind == "factor.removed").count();
    assert_eq!(removed, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn reset_factors_removes_passkeys() {
    let world = named_world(&[]).await;
    let mut authenticator = Authenticator::new();
    let (user, browser) = add_passkey_user(&world, ConsoleRole::Reviewer, &mut authenticator).await;
    let root = world.sign_in(ConsoleRole::SuperAdmin, None).await;
    let path = format!("/api/console/users/{}/reset_factors", user.id);
    let reset = root.browser.post(&path, json!({})).await.expect(200);
    assert_eq!(reset["data"]["factors"], json!([]));
    browser.caller.get("/api/console/me").await.expect(401);
    expect_refused(sign_in(&mut Browser::new(&world), &mut authenticator, &Lie::default()).await, "reset");
    let mut again = Browser::new(&world);
    let login = json!({"email": user.email, "password": PASSWORD});
    let body = again.post("/api/console/login", login).await.expect(200);
    assert_eq!(body["data"]["stage"], "enrol_factor");
    add_passkey(&mut again, &mut authenticator, &Lie::default()).await.expect(200);
    assert_eq!(
        authenticator.create(
            &again.post("/api/console/me/passkeys/start", json!({})).await.expect(200),
            &Lie { origin: Some(ORIGIN), ..Lie::default() }
        )["name"],
        "Key"
    );
}

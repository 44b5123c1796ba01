//! `CONSOLE_REQUIRE_MFA=false`: a password alone signs in and confirms, and only for users who have nothing else.

use identivia::domain::console::session::ConsoleToken;
use identivia::records::console_session::{ConsoleSession, SessionStage};
use identivia::records::console_user::ConsoleRole;
use identivia::store::console::UserWrite;
use serde_json::json;

use super::Browser;
use super::authenticator::{Authenticator, Lie};
use super::passkeys::{PASSWORD, add_passkey, add_user, expect_refused, named_world};
use crate::world::World;

const OFF: [&str; 2] = ["--console-require-mfa", "false"];

#[tokio::test(flavor = "multi_thread")]
async fn password_alone_signs_in_and_confirms() {
    let world = named_world(&OFF).await;
    let link = world.app.console.offer_setup_link(world.clock.now()).await.unwrap().unwrap();
    let form = json!({"token": link.as_text(), "name": "Ama", "email": "ama@example.com", "password": PASSWORD});
    let mut browser = Browser::new(&world);
    assert_eq!(browser.post("/api/console/setup", form).await.expect(200)["data"]["stage"], "full");
    browser.caller.get("/api/profiles").await.expect(200);
    let mut browser = Browser::new(&world);
    let login = json!({"email": "ama@example.com", "password": PASSWORD});
    assert_eq!(browser.post("/api/console/login", login).await.expect(200)["data"]["stage"], "full");
    let invited = json!({"email": "kofi@example.com", "role": "auditor"});
    let made = browser.post("/api/console/users", invited.clone()).await.expect(201);
    let token = super::token_of(made["invitation_url"].as_str().unwrap()).to_owned();
    world.clock.advance(301);
    let other = json!({"email": "x@example.com", "role": "auditor"});
    assert_eq!(browser.post("/api/console/users", other.clone()).await.expect(403)["code"], "step_up_required");
    let missing = browser.post("/api/console/step_up", json!({"code": "000000"})).await.expect(400);
    assert_eq!(missing["required"], json!(["password"]));
    let wrong = browser.post("/api/console/step_up", json!({"password": "wrong-wrong-wrong"})).await;
    expect_refused(wrong, "wrong password");
    browser.post("/api/console/step_up", json!({"password": PASSWORD})).await.expect(200);
    browser.post("/api/console/users", other).await.expect(201);

    let mut kofi = Browser::new(&world);
    let form = json!({"token": token, "name": "Kofi", "password": PASSWORD});
    assert_eq!(kofi.post("/api/console/invitation", form).await.expect(200)["data"]["stage"], "full");
    kofi.caller.get("/api/console/me").await.expect(200);
    let started = world
        .events()
        .await
        .into_iter()
        .filter(|(kind, _, detail)| kind == "session.started" && detail == "password alone");
    assert_eq!(started.count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_a_second_factor_is_asked_for_it() {
    let world = named_world(&OFF).await;
    let user = add_user(&world, ConsoleRole::Reviewer).await;
    let login = json!({"email": user.email, "password": PASSWORD});
    let mut browser = Browser::new(&world);
    browser.post("/api/console/login", login.clone()).await.expect(200);
    let mut authenticator = Authenticator::new();
    add_passkey(&mut browser, &mut authenticator, &Lie::default()).await.expect(200);
    let mut other = Browser::new(&world);
    assert_eq!(other.post("/api/console/login", login).await.expect(200)["data"]["stage"], "factor");
    other.caller.get("/api/profiles").await.expect(403);
    let by_password = browser.post("/api/console/step_up", json!({"password": PASSWORD})).await.expect(400);
    assert_eq!(by_password["required"], json!(["code"]));
    let id = world.app.console.user(user.id).await.unwrap().unwrap().passkeys[0].id;
    browser.delete(&format!("/api/console/me/passkeys/{id}")).await.expect(200);
    browser.post("/api/console/step_up", json!({"password": PASSWORD})).await.expect(200);
}

/// Stores a session that began with a password alone.
async fn open_password_session(world: &World) -> ConsoleToken {
    let user = world.new_console_user(ConsoleRole::SuperAdmin, None);
    let address = String::new();
    let (session, token) =
        ConsoleSession::begin(&user, SessionStage::Full, address, "Test".to_owned(), world.clock.now());
    let session = ConsoleSession { password_only: true, ..session };
    let write = UserWrite { opens: Some(&session), ..UserWrite::default() };
    world.app.console.add_user(&user, &write, &[]).await.unwrap().unwrap();
    token
}

#[tokio::test(flavor = "multi_thread")]
async fn session_of_a_password_alone_ends_when_a_second_factor_is_required() {
    for (flags, status) in [(&OFF[..], 200), (&[], 401)] {
        let world = named_world(flags).await;
        let token = open_password_session(&world).await;
        let answered = world.browser_with(&token).get("/api/console/me").await;
        assert_eq!(answered.status, status, "{}", answered.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn password_does_not_confirm_where_a_second_factor_is_required() {
    let world = named_world(&[]).await;
    let person = world.sign_in(ConsoleRole::Reviewer, None).await;
    let refused = person.browser.post("/api/console/step_up", json!({"password": PASSWORD})).await.expect(400);
    assert_eq!(refused["required"], json!(["code"]));
}

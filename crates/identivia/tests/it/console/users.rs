//! Users of the console: invitations, roles and teams, what ends sessions, and who may manage whom.

use identivia::records::console_user::ConsoleRole;
use serde_json::{Value, json};

use super::{Browser, SignedIn, token_of};
use crate::world::{Caller, World};

const PASSWORD: &str = "gravel-lantern-otter";

fn path_of(user: &Value) -> String {
    format!("/api/console/users/{}", user["id"].as_str().unwrap())
}

async fn invite(admin: &Caller<'_>, email: &str, role: &str) -> (Value, String) {
    let made = admin.post("/api/console/users", json!({"email": email, "role": role})).await.expect(201);
    (made["data"].clone(), made["invitation_url"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn invitation_is_accepted_once_within_72_hours() {
    let world = World::new().await;
    let admin = world.console(ConsoleRole::SuperAdmin).await;
    let (user, url) = invite(&admin, "Kofi@Example.com", "reviewer").await;
    assert_eq!((&user["email"], &user["status"]), (&json!("kofi@example.com"), &json!("invited")));
    assert!(url.starts_with(&format!("{}/console/invitation#token=", world.url)), "{url}");
    let form = |url: &str| json!({"token": token_of(url), "name": "Kofi", "password": PASSWORD});
    let mut browser = Browser::new(&world);
    assert_eq!(browser.post("/api/console/invitation", form(&url)).await.expect(200)["data"]["stage"], "enrol_factor");
    let (secret, _) = browser.enrol().await;
    Browser::new(&world).post("/api/console/invitation", form(&url)).await.expect(403);
    let listed = admin.get("/api/console/users").await.expect(200);
    let entry = listed["data"].as_array().unwrap().iter().find(|entry| entry["id"] == user["id"]).unwrap();
    assert_eq!((&entry["status"], &entry["factors"]), (&json!("active"), &json!(["totp"])));
    assert!(!listed.to_string().contains("argon2") && !listed.to_string().contains("sealed"), "{listed}");
    world.clock.advance(30);
    Browser::new(&world).sign_in("kofi@example.com", PASSWORD, &secret).await;

    let (late, late_url) = invite(&admin, "late@example.com", "auditor").await;
    let again = admin.post(&format!("{}/invite", path_of(&late)), json!({})).await.expect(200);
    let again = again["invitation_url"].as_str().unwrap();
    Browser::new(&world).post("/api/console/invitation", form(&late_url)).await.expect(403);
    world.clock.advance(72 * 3_600 + 1);
    Browser::new(&world).post("/api/console/invitation", form(again)).await.expect(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn admins_manage_reviewers_and_auditors_and_nobody_themselves() {
    let world = World::new().await;
    let root = world.sign_in(ConsoleRole::SuperAdmin, None).await;
    let admin = world.sign_in(ConsoleRole::Admin, None).await;
    for (role, status) in [("reviewer", 201), ("auditor", 201), ("admin", 403), ("super_admin", 403), ("king", 400)] {
        let body = json!({"email": format!("{role}@example.com"), "role": role});
        let answered = admin.browser.post("/api/console/users", body).await;
        assert_eq!(answered.status, status, "{role}: {}", answered.body);
    }
    let other = world.sign_in(ConsoleRole::Admin, None).await;
    let reviewer = world.sign_in(ConsoleRole::Reviewer, None).await;
    let path = |person: &SignedIn<'_>| format!("/api/console/users/{}", person.user.id);
    for (person, change, status) in [
        (&other, json!({"name": "x"}), 403),
        (&root, json!({"disabled": true}), 403),
        (&admin, json!({"role": "super_admin"}), 403),
        (&reviewer, json!({"role": "admin"}), 403),
        (&reviewer, json!({"senior": true}), 200),
    ] {
        let answered = admin.browser.patch(&path(person), change.clone()).await;
        assert_eq!(answered.status, status, "{change}: {}", answered.body);
    }
    assert_eq!(
        root.browser.patch(&path(&root), json!({"role": "admin"})).await.expect(403)["error"],
        "Not your own account"
    );
    root.browser.delete(&path(&root)).await.expect(403);
    for role in [ConsoleRole::Reviewer, ConsoleRole::Auditor] {
        let person = world.console(role).await;
        person.get("/api/console/users").await.expect(403);
        person.post("/api/console/users", json!({"email": "x@example.com", "role": "auditor"})).await.expect(403);
    }
    let taken = json!({"email": "REVIEWER@example.com", "role": "auditor"});
    assert_eq!(root.browser.post("/api/console/users", taken).await.expect(409)["error"], "E-mail address is taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn last_super_admin_stays() {
    let world = World::new().await;
    let one = world.sign_in(ConsoleRole::SuperAdmin, None).await;
    let two = world.sign_in(ConsoleRole::SuperAdmin, None).await;
    let path = |person: &SignedIn<'_>| format!("/api/console/users/{}", person.user.id);
    // Each demotes the other at once: one of them stays a super admin.
    let demote = json!({"role": "auditor"});
    let (paths, bodies) = ((path(&two), path(&one)), (demote.clone(), demote));
    let (first, second) = tokio::join!(one.browser.patch(&paths.0, bodies.0), two.browser.patch(&paths.1, bodies.1));
    let demoted = [first.status, second.status].into_iter().filter(|status| *status == 200).count();
    assert_eq!(demoted, 1, "{} {}", first.body, second.body);
    let root = if first.status == 200 { &one } else { &two };
    root.browser.get("/api/console/users").await.expect(200);
    let only = world.app.console.find_other_super_admin(root.user.id).await.unwrap();
    assert_eq!(only, None);
    let third = world.sign_in(ConsoleRole::SuperAdmin, None).await;
    third.browser.patch(&path(root), json!({"disabled": true})).await.expect(200);
    root.browser.get("/api/console/me").await.expect(401);
    let fourth = world.new_console_user(ConsoleRole::SuperAdmin, None);
    let fourth = world.sign_in_user(fourth).await;
    fourth.browser.delete(&path(&third)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_role_other_teams_and_disabling_end_sessions() {
    let world = World::new().await;
    let root = world.sign_in(ConsoleRole::SuperAdmin, None).await;
    for (change, status) in [
        (json!({"name": "Another"}), 200),
        (json!({"role": "auditor"}), 401),
        (json!({"teams": ["red"]}), 401),
        (json!({"senior": true}), 401),
        (json!({"disabled": true}), 401),
    ] {
        let person = world.sign_in(ConsoleRole::Reviewer, None).await;
        let path = format!("/api/console/users/{}", person.user.id);
        root.browser.patch(&path, change.clone()).await.expect(200);
        assert_eq!(person.browser.get("/api/console/me").await.status, status, "{change}");
    }
    let person = world.sign_in(ConsoleRole::Reviewer, None).await;
    let path = format!("/api/console/users/{}", person.user.id);
    root.browser.post(&format!("{path}/reset_factors"), json!({})).await.expect(200);
    person.browser.get("/api/console/me").await.expect(401);
    let super_teams = json!({"email": "s@example.com", "role": "super_admin", "teams": ["red"]});
    root.browser.post("/api/console/users", super_teams).await.expect(400);
    for teams in [json!("red"), json!([""]), json!([1]), json!(vec!["t"; 101])] {
        root.browser.patch(&path, json!({"teams": teams})).await.expect(400);
    }
    let details: Vec<String> = world
        .events()
        .await
        .into_iter()
        .filter(|(kind, ..)| kind == "user.changed")
        .map(|(.., detail)| detail)
        .collect();
    assert!(
        details.contains(&"role reviewer to auditor".to_owned()) && details.contains(&"teams".to_owned()),
        "{details:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn admin_of_some_teams_manages_their_people_only() {
    let world = World::new().await;
    let red = world.sign_in(ConsoleRole::Admin, Some(&["red"])).await;
    let own = world.sign_in(ConsoleRole::Reviewer, Some(&["red"])).await;
    let both = world.sign_in(ConsoleRole::Reviewer, Some(&["red", "blue"])).await;
    let every = world.sign_in(ConsoleRole::Reviewer, None).await;
    let listed = red.browser.get("/api/console/users").await.expect(200);
    for (person, is_reached) in [(&own, true), (&both, false), (&every, false)] {
        let path = format!("/api/console/users/{}", person.user.id);
        let answered = red.browser.patch(&path, json!({"name": "x"})).await;
        assert_eq!(answered.status, if is_reached { 200 } else { 404 }, "{}", answered.body);
        assert_eq!(listed.to_string().contains(&person.user.email), is_reached);
    }
    let path = format!("/api/console/users/{}", own.user.id);
    red.browser.patch(&path, json!({"teams": null})).await.expect(403);
    red.browser.patch(&path, json!({"teams": ["red", "blue"]})).await.expect(403);
    let (user, _) = invite(&red.browser, "new@example.com", "reviewer").await;
    assert_eq!(user["teams"], json!(["red"]), "those of who invites");
    let wider = json!({"email": "wider@example.com", "role": "reviewer", "teams": null});
    red.browser.post("/api/console/users", wider).await.expect(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_changed_only_with_a_fresh_factor() {
    let world = World::new().await;
    let root = world.sign_in(ConsoleRole::SuperAdmin, None).await;
    let person = world.sign_in(ConsoleRole::Reviewer, None).await;
    let path = format!("/api/console/users/{}", person.user.id);
    world.clock.advance(301);
    root.browser.get("/api/console/users").await.expect(200);
    for refused in [
        root.browser.patch(&path, json!({"senior": true})).await,
        root.browser.delete(&path).await,
        root.browser.post(&format!("{path}/reset_factors"), json!({})).await,
        root.browser.post("/api/console/users", json!({"email": "x@example.com", "role": "auditor"})).await,
    ] {
        assert_eq!(refused.expect(403)["code"], "step_up_required");
    }
}

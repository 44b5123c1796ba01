//! Who gets in with a provider: invitations, claims that give roles, connecting and disconnecting, and confirming again.

use identivia::domain::console::password::hash_password;
use identivia::records::console_link::{ConsoleLink, LinkPurpose};
use identivia::records::console_user::{ConsoleRole, ConsoleUser, ConsoleUserStatus};
use identivia::store::console::UserWrite;
use reqwest::Method;
use serde_json::json;

use super::{ACCEPT, OidcWorld, ProviderBrowser, is_active};

#[tokio::test(flavor = "multi_thread")]
async fn person_without_account_is_told_what_to_do_and_email_connects_nobody() {
    let at = OidcWorld::start(&[]).await;
    let local = at.world.sign_in(ConsoleRole::SuperAdmin, None).await.user;
    at.claims(json!({"email": local.email, "email_verified": true, "groups": ["boss"]}));
    let mut browser = at.browser();
    browser.sign_in().await.expect_page(403, "ask an administrator for an invitation");
    assert!(browser.session.is_none() && at.world.app.console.count_users(9).await.unwrap() == 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn claim_gives_a_new_person_their_role_but_not_the_account_of_an_address() {
    let at = OidcWorld::with_roles().await;
    let local = at.world.sign_in(ConsoleRole::SuperAdmin, None).await.user;
    let mut browser = at.browser();
    for (claims, text) in [
        (json!({"groups": ["idv-admins"], "email": local.email}), "exists already"),
        (json!({"groups": ["idv-admins"]}), "no verified e-mail address"),
        (
            json!({"groups": ["idv-admins"], "email": "a@b.example", "email_verified": false}),
            "no verified e-mail address",
        ),
        (json!({"groups": ["others"], "email": "a@b.example"}), "ask an administrator for an invitation"),
    ] {
        at.claims(claims);
        browser.sign_in().await.expect_page(403, text);
    }
    assert_eq!(at.world.app.console.count_users(9).await.unwrap(), 1);
    at.claims(json!({"groups": ["idv-reviewers", "idv-admins"], "email": "Ama@b.example", "name": "Ama O."}));
    browser.sign_in().await.expect_page(200, "signed in");
    let me = browser.caller().get("/api/console/me").await.expect(200)["data"].clone();
    assert_eq!((&me["role"], &me["email"], &me["name"]), (&json!("admin"), &json!("ama@b.example"), &json!("Ama O.")));
    let users = browser.caller().get("/api/console/users").await.expect(200);
    assert_eq!(users["data"][0]["factors"], json!(["oidc"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn role_follows_the_claim_ends_older_sessions_and_keeps_the_last_super_admin() {
    let at = OidcWorld::with_roles().await;
    let claims = |groups: &[&str]| at.claims(json!({"groups": groups, "email": "ama@b.example"}));
    claims(&["boss"]);
    let mut first = at.browser();
    first.sign_in().await.expect_page(200, "signed in");
    claims(&["idv-reviewers"]);
    let mut second = at.browser();
    second.sign_in().await.expect_page(200, "signed in");
    assert_eq!(second.caller().get("/api/console/me").await.expect(200)["data"]["role"], "super_admin", "the last one");
    first.caller().get("/api/console/me").await.expect(200);

    at.world.sign_in(ConsoleRole::SuperAdmin, None).await;
    at.browser().sign_in().await.expect_page(200, "signed in");
    first.caller().get("/api/console/me").await.expect(401);
    second.sign_in().await.expect_page(200, "signed in");
    assert_eq!(second.caller().get("/api/console/me").await.expect(200)["data"]["role"], "reviewer");
    let changed = "role super_admin to reviewer, by a claim of the provider".to_owned();
    assert!(at.trail().await.contains(&("user.changed".to_owned(), changed)));

    claims(&[]);
    at.browser().sign_in().await.expect_page(403, "give you no role here any more");
    second.caller().get("/api/console/me").await.expect(401);
    claims(&["idv-reviewers"]);
    second.sign_in().await.expect_page(200, "signed in");
}

#[tokio::test(flavor = "multi_thread")]
async fn claim_changes_no_role_of_an_invited_user() {
    let at = OidcWorld::with_roles().await;
    let (user, mut browser) = at.joined("ama", ConsoleRole::Auditor).await;
    for groups in [json!(["boss"]), json!([])] {
        at.claims(json!({"groups": groups, "email": "ama@b.example"}));
        browser.sign_in().await.expect_page(200, "signed in");
        let me = browser.caller().get("/api/console/me").await.expect(200)["data"].clone();
        assert_eq!((&me["role"], &me["id"]), (&json!("auditor"), &json!(user.id)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invitation_is_bound_once_and_only_while_the_user_is_invited() {
    let at = OidcWorld::start(&[]).await;
    let (user, token) = at.invite("kofi@example.com", ConsoleRole::Reviewer).await;
    let mut browser = at.browser();
    for wrong in ["", "x", &"A".repeat(43)] {
        let (status, _) = browser.change(Method::POST, ACCEPT, json!({"token": wrong})).await;
        assert!([400, 403].contains(&status), "{wrong}");
    }
    at.claims(json!({"sub": "kofi", "name": "Kofi A."}));
    let (mut one, mut two) = (at.browser(), at.browser());
    let first = one.post(ACCEPT, json!({"token": token})).await;
    let second = two.post(ACCEPT, json!({"token": token})).await;
    one.come_back(&first).await.expect_page(200, "signed in");
    at.claims(json!({"sub": "thief"}));
    two.come_back(&second).await.expect_page(403, "used or too old");
    assert!(two.session.is_none() && is_active(&at, &user).await);
    let stored = at.world.app.console.user(user.id).await.unwrap().unwrap();
    assert_eq!((stored.name.as_str(), stored.oidc_subject.as_deref()), ("Kofi A.", Some("kofi")));
    let (status, _) = browser.change(Method::POST, ACCEPT, json!({"token": token})).await;
    assert_eq!(status, 403, "used");

    // The same person cannot be another user too.
    let (other, token) = at.invite("other@example.com", ConsoleRole::Reviewer).await;
    at.claims(json!({"sub": "kofi"}));
    let query = browser.post(ACCEPT, json!({"token": token})).await;
    browser.come_back(&query).await.expect_page(403, "connected to another account");
    assert!(!is_active(&at, &other).await);

    // A link that sets a new password does not replace the second factor.
    let mut joined = at.world.new_console_user(ConsoleRole::Reviewer, None);
    joined.password = Some(hash_password("gravel-lantern-otter").unwrap());
    let (link, token) = ConsoleLink::draw(LinkPurpose::Invitation, Some(joined.id), at.world.clock.now());
    let with = UserWrite { offers: Some(&link), ..UserWrite::default() };
    at.world.app.console.add_user(&joined, &with, &[]).await.unwrap().unwrap();
    let (status, body) = browser.change(Method::POST, ACCEPT, json!({"token": token.as_text()})).await;
    assert_eq!((status, &body["error"]), (403, &json!("Link is not valid")));
}

#[tokio::test(flavor = "multi_thread")]
async fn disabled_user_does_not_get_in_and_a_deleted_one_can_be_invited_again() {
    let at = OidcWorld::start(&[]).await;
    let admin = at.world.sign_in(ConsoleRole::SuperAdmin, None).await.browser;
    let (user, mut browser) = at.joined("ama", ConsoleRole::Reviewer).await;
    let path = format!("/api/console/users/{}", user.id);
    admin.patch(&path, json!({"disabled": true})).await.expect(200);
    browser.caller().get("/api/console/me").await.expect(401);
    browser.sign_in().await.expect_page(403, "account here is disabled");
    let enabled = admin.patch(&path, json!({"disabled": false})).await.expect(200);
    assert_eq!(enabled["data"]["status"], "active");
    browser.sign_in().await.expect_page(200, "signed in");
    admin.delete(&path).await.expect(200);
    browser.sign_in().await.expect_page(403, "ask an administrator for an invitation");
    let (_, token) = at.invite("ama2@example.com", ConsoleRole::Auditor).await;
    let query = browser.post(ACCEPT, json!({"token": token})).await;
    browser.come_back(&query).await.expect_page(200, "signed in");
}

/// The browser of a local user with a password who is signed in.
async fn local_browser<'a>(
    at: &'a OidcWorld,
    change: impl FnOnce(&mut ConsoleUser),
) -> (ConsoleUser, ProviderBrowser<'a>) {
    let mut user = at.world.new_console_user(ConsoleRole::Admin, None);
    user.password = Some(hash_password("gravel-lantern-otter").unwrap());
    change(&mut user);
    let signed_in = at.world.sign_in_user(user).await;
    let mut browser = at.browser();
    browser.session.clone_from(&signed_in.browser.cookie);
    (signed_in.user, browser)
}

#[tokio::test(flavor = "multi_thread")]
async fn provider_is_connected_and_disconnected_with_a_fresh_factor() {
    let at = OidcWorld::start(&[]).await;
    let (user, mut browser) = local_browser(&at, |_| ()).await;
    let connect = "/api/console/me/oidc/sso";
    at.world.clock.advance(301);
    let (status, body) = browser.change(Method::POST, connect, json!({})).await;
    assert_eq!((status, &body["code"]), (403, &json!("step_up_required")));

    let (user, mut browser) = (user, local_browser(&at, |_| ()).await.1);
    drop(user);
    let (status, body) = browser.change(Method::DELETE, "/api/console/me/oidc", json!({})).await;
    assert_eq!((status, &body["error"]), (404, &json!("No provider is connected")));
    let query = browser.post(connect, json!({"return_to": "/console/account"})).await;
    browser.come_back(&query).await.expect_page(200, "href=\"/console/account\"");
    let me = browser.caller().get("/api/console/me").await.expect(200)["data"].clone();
    assert_eq!((&me["factors"]["provider"]["id"], &me["factors"]["password"]), (&json!("sso"), &json!(true)));
    let (status, _) = browser.change(Method::POST, connect, json!({})).await;
    assert_eq!(status, 409, "one provider");
    let mut elsewhere = at.browser();
    elsewhere.sign_in().await.expect_page(200, "signed in");
    assert_eq!(elsewhere.caller().get("/api/console/me").await.expect(200)["data"]["id"], me["id"]);

    // Another user cannot take the same person.
    let (_, mut other) = local_browser(&at, |_| ()).await;
    let query = other.post(connect, json!({})).await;
    other.come_back(&query).await.expect_page(403, "connected to another account");

    let (status, _) = browser.change(Method::DELETE, "/api/console/me/oidc", json!({})).await;
    assert_eq!(status, 200);
    elsewhere.caller().get("/api/console/me").await.expect(401);
    elsewhere.sign_in().await.expect_page(403, "ask an administrator for an invitation");
    browser.caller().get("/api/console/me").await.expect(200);
    let kinds: Vec<String> = at.trail().await.into_iter().map(|(kind, _)| kind).collect();
    assert!(kinds.contains(&"factor.added".to_owned()) && kinds.contains(&"factor.removed".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn session_that_ends_meanwhile_connects_nothing() {
    let at = OidcWorld::start(&[]).await;
    let (user, mut browser) = local_browser(&at, |_| ()).await;
    let query = browser.post("/api/console/me/oidc/sso", json!({})).await;
    // As another password or another role does.
    let (console, now) = (&at.world.app.console, at.world.clock.now());
    let ended = user.clone().with_sessions_ended();
    console.replace_user(&user, ended, &UserWrite::default(), now, &[]).await.unwrap().unwrap();
    browser.come_back(&query).await.expect_page(403, "session here has ended");
    assert!(at.world.app.console.user(user.id).await.unwrap().unwrap().oidc_subject.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_way_in_cannot_be_disconnected_and_the_provider_confirms_again() {
    let at = OidcWorld::start(&[]).await;
    let (user, mut browser) = at.joined("ama", ConsoleRole::SuperAdmin).await;
    let (status, body) = browser.change(Method::DELETE, "/api/console/me/oidc", json!({})).await;
    assert_eq!((status, &body["code"]), (403, &json!("step_up_required")), "the provider has not asked just now");
    let (status, started) =
        browser.change(Method::POST, "/api/console/step_up/oidc", json!({"return_to": "/console/users"})).await;
    let url = started["data"]["url"].as_str().unwrap();
    assert!(status == 200 && url.contains("prompt=login") && url.contains("max_age=0"), "{url}");
    let now = at.world.clock.now().seconds();
    for (claims, text) in [
        (json!({}), "did not ask who you are again"),
        (json!({"auth_time": now - 61}), "did not ask who you are again"),
        (json!({"sub": "another", "auth_time": now}), "Another person has signed in"),
    ] {
        at.claims(claims);
        let query = browser.post("/api/console/step_up/oidc", json!({})).await;
        browser.come_back(&query).await.expect_page(403, text);
        assert_eq!(browser.change(Method::DELETE, "/api/console/me/oidc", json!({})).await.0, 403);
    }
    at.claims(json!({"sub": "ama", "auth_time": now}));
    let query = browser.post("/api/console/step_up/oidc", json!({"return_to": "/console/users"})).await;
    browser.come_back(&query).await.expect_page(200, "href=\"/console/users\"");
    let (status, body) = browser.change(Method::DELETE, "/api/console/me/oidc", json!({})).await;
    assert_eq!((status, &body["error"]), (409, &json!("Only way to sign in")));
    let (status, _) =
        browser.change(Method::POST, "/api/console/users", json!({"email": "n@b.example", "role": "auditor"})).await;
    assert_eq!(status, 201, "the confirmation counts");
    assert_eq!(user.status, ConsoleUserStatus::Active);

    // Who was asked just now need not confirm.
    let mut fresh = at.browser();
    at.claims(json!({"sub": "ama", "auth_time": at.world.clock.now().seconds()}));
    fresh.sign_in().await.expect_page(200, "signed in");
    let me = fresh.caller().get("/api/console/me").await.expect(200)["data"].clone();
    assert!(me["session"]["step_up_until"].is_string(), "{me}");
}

#[tokio::test(flavor = "multi_thread")]
async fn local_user_without_provider_cannot_confirm_with_one() {
    let at = OidcWorld::start(&[]).await;
    let (_, mut browser) = local_browser(&at, |_| ()).await;
    let (status, body) = browser.change(Method::POST, "/api/console/step_up/oidc", json!({})).await;
    assert_eq!((status, &body["error"]), (404, &json!("No provider is connected")));
    let (status, body) = browser.change(Method::POST, "/api/console/me/oidc/other", json!({})).await;
    assert_eq!((status, &body["error"]), (404, &json!("Provider not found")));
}

#[tokio::test(flavor = "multi_thread")]
async fn teams_follow_the_claim_and_values_that_name_no_team_are_ignored() {
    let at = OidcWorld::start(&["--oidc-teams-claim", "org.teams"]).await;
    let operator = at.world.operator();
    for team in ["red", "blue"] {
        operator.post("/api/profiles/create", json!({"userID": team, "team": team})).await.expect(201);
    }
    let (user, mut first) = at.joined("ama", ConsoleRole::Reviewer).await;
    assert_eq!(user.teams, None, "no claim: what the invitation said");
    let claims = |teams: serde_json::Value| at.claims(json!({"sub": "ama", "org": {"teams": teams}}));
    for (named, teams) in [
        (json!(["red", "no-team", "CANARY", 7]), json!(["red"])),
        (json!(["blue", "red"]), json!(["blue", "red"])),
        (json!("blue"), json!(["blue"])),
    ] {
        claims(named);
        let mut browser = at.browser();
        browser.sign_in().await.expect_page(200, "signed in");
        assert_eq!(browser.caller().get("/api/console/me").await.expect(200)["data"]["teams"], teams);
        first.caller().get("/api/console/me").await.expect(401);
        first = browser;
    }
    let seen = first.caller().get("/api/profiles").await.expect(200)["data"].clone();
    assert_eq!((seen.as_array().unwrap().len(), &seen[0]["team"]), (1, &json!("blue")), "{seen}");
    // The same teams: older sessions stay. No claim, or one of another form: the teams stay.
    for claims in [json!({"org": {"teams": ["blue"]}}), json!({}), json!({"org": {"teams": null}}), json!({"org": 1})] {
        let mut claims = claims;
        claims["sub"] = json!("ama");
        at.claims(claims);
        let mut browser = at.browser();
        browser.sign_in().await.expect_page(200, "signed in");
        assert_eq!(browser.caller().get("/api/console/me").await.expect(200)["data"]["teams"], json!(["blue"]));
        first.caller().get("/api/console/me").await.expect(200);
    }
    claims(json!(["no-team"]));
    first.sign_in().await.expect_page(200, "signed in");
    assert_eq!(first.caller().get("/api/console/me").await.expect(200)["data"]["teams"], json!([]));
    assert_eq!(first.caller().get("/api/profiles").await.expect(200)["data"], json!([]), "none");
    let trail = at.trail().await;
    let changed = trail.iter().filter(|(_, detail)| detail == "teams, by a claim of the provider").count();
    assert_eq!(changed, 4, "{trail:?}");
    assert!(!format!("{trail:?}").contains("CANARY"));
}

#[tokio::test(flavor = "multi_thread")]
async fn teams_claim_limits_new_users_of_a_role_claim_and_no_super_admin() {
    let roles = ["--oidc-role-claim", "groups", "--oidc-roles", "boss=super_admin,idv=reviewer"];
    let at = OidcWorld::start(&[&roles[..], &["--oidc-teams-claim", "teams"]].concat()).await;
    at.world.operator().post("/api/profiles/create", json!({"userID": "a", "team": "red"})).await.expect(201);
    for (subject, claims, teams) in [
        ("one", json!({"groups": ["idv"]}), json!([])),
        ("two", json!({"groups": ["idv"], "teams": ["red", "grey"]}), json!(["red"])),
        ("three", json!({"groups": ["boss"], "teams": ["red"]}), json!(null)),
    ] {
        let mut claims = claims;
        (claims["sub"], claims["email"]) = (json!(subject), json!(format!("{subject}@b.example")));
        at.claims(claims);
        let mut browser = at.browser();
        browser.sign_in().await.expect_page(200, "signed in");
        assert_eq!(browser.caller().get("/api/console/me").await.expect(200)["data"]["teams"], teams, "{subject}");
    }
}

/// The identity's id is a hash: it alone lets nobody in.
#[tokio::test(flavor = "multi_thread")]
async fn identity_counts_only_while_the_user_is_that_person() {
    let at = OidcWorld::start(&[]).await;
    let (user, mut browser) = at.joined("ama", ConsoleRole::Reviewer).await;
    browser.sign_in().await.expect_page(200, "signed in");
    let (console, now) = (&at.world.app.console, at.world.clock.now());
    let stored = console.user(user.id).await.unwrap().unwrap();
    let another = ConsoleUser { oidc_subject: Some("another".to_owned()), ..stored.clone() };
    console.replace_user(&stored, another, &UserWrite::default(), now, &[]).await.unwrap().unwrap();
    at.browser().sign_in().await.expect_page(403, "ask an administrator for an invitation");
}

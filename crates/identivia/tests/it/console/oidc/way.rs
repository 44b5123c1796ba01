//! The way to a provider and back: what the browser sends and keeps, caches, and what a provider is asked for.

use std::collections::HashMap;

use identivia::records::console_user::ConsoleRole;
use serde_json::json;

use super::{ACCEPT, OidcWorld};
use crate::services::oidc_provider::{CLIENT_SECRET, TestKey, Trouble};

#[tokio::test(flavor = "multi_thread")]
async fn invited_person_joins_with_the_provider_and_signs_in_again() {
    let at = OidcWorld::start(&["--oidc-name", "Work account"]).await;
    let state = at.browser().caller().get("/api/console/state").await.expect(200);
    assert_eq!(state["data"]["providers"], json!([{"id": "sso", "name": "Work account"}]));
    assert_eq!(at.provider.count("/discovery"), 0, "nothing is called at start");
    let (user, mut browser) = at.joined("ama", ConsoleRole::Reviewer).await;
    assert_eq!((user.oidc_subject.as_deref(), user.name.as_str()), (Some("ama"), "Person"));
    let me = browser.caller().get("/api/console/me").await.expect(200)["data"].clone();
    assert_eq!((&me["email"], &me["factors"]["totp"]), (&json!("ama@example.com"), &json!(false)));
    assert_eq!(me["factors"]["provider"], json!({"id": "sso", "name": "Work account"}));

    browser = at.browser();
    at.claims(json!({"amr": ["pwd", "otp"], "email": "another@example.com"}));
    let done = browser.sign_in().await;
    done.expect_page(200, "<a id=\"continue\" href=\"/console/queue\">");
    let policy = done.header("content-security-policy");
    assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
    assert!(done.text.contains("src=\"/console/sign-in.js\"") && !done.text.contains("<script>"));
    let cookies: Vec<_> = done.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap()).collect();
    assert!(cookies[0].starts_with("identivia=") && cookies[0].contains("SameSite=Strict"), "{cookies:?}");
    assert!(cookies[1].starts_with("identivia-oidc=;") && cookies[1].contains("Max-Age=0"), "{cookies:?}");
    browser.caller().get("/api/profiles").await.expect(200);
    for path in ["/console/sign-in.js", "/console/sign-in.css"] {
        assert_eq!(browser.open(path).await.status, 200);
    }
    assert_eq!((at.provider.count("/discovery"), at.provider.count("/jwks")), (1, 1), "both are cached");
    let trail = at.trail().await;
    let started: Vec<_> =
        trail.iter().filter(|(kind, _)| kind == "session.started").map(|(_, detail)| detail).collect();
    assert_eq!(started, ["with sso", "with sso, amr pwd otp"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn request_to_the_provider_has_all_parameters_and_the_cookie_is_lax() {
    let at = OidcWorld::start(&[]).await;
    let mut browser = at.browser();
    let started = browser.open("/api/console/oidc/sso/start").await;
    let cookie = started.header("set-cookie");
    assert!(cookie.starts_with("identivia-oidc="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; Max-Age=600; HttpOnly; SameSite=Lax"), "{cookie}");
    let (url, query) = started.header("location").split_once('?').unwrap();
    assert_eq!(url, format!("{}/authorize", at.provider.url));
    let sent: HashMap<_, _> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    assert_eq!(sent["redirect_uri"], format!("{}/api/console/oidc/sso/callback", at.world.url));
    assert_eq!((sent["scope"].as_str(), sent.contains_key("prompt")), ("openid profile email", false));
    let secret = cookie.split(['=', ';']).nth(1).unwrap();
    assert!(!query.contains(secret) && !query.contains(CLIENT_SECRET));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_accepted_algorithm_and_both_ways_to_show_the_secret_work() {
    for (key, method) in [
        (TestKey::rs(), "client_secret_basic"),
        (TestKey::es(), "client_secret_post"),
        (TestKey::ed(), "client_secret_post"),
    ] {
        let at = OidcWorld::start(&[]).await;
        at.provider.change(|script| {
            script.keys.insert(0, ("key-0".to_owned(), key));
            script.discovery = json!({"token_endpoint_auth_methods_supported": [method]});
        });
        at.joined("ama", ConsoleRole::Auditor).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn new_key_is_looked_for_at_most_once_a_minute_and_an_old_one_forgotten_within_an_hour() {
    let at = OidcWorld::start(&[]).await;
    let (_, mut browser) = at.joined("ama", ConsoleRole::Reviewer).await;
    let use_key = |name: &str| {
        at.provider.change(|script| script.keys = vec![(name.to_owned(), TestKey::es())]);
    };
    use_key("key-2");
    browser.sign_in().await.expect_page(400, "could not be accepted");
    assert_eq!(at.provider.count("/jwks"), 1, "the keys were read a moment ago");
    at.world.clock.advance(60);
    browser.sign_in().await.expect_page(200, "signed in");
    assert_eq!(at.provider.count("/jwks"), 2);
    for name in ["key-3", "key-4"] {
        use_key(name);
        browser.sign_in().await.expect_page(400, "could not be accepted");
    }
    assert_eq!(at.provider.count("/jwks"), 2);
    at.world.clock.advance(3_600);
    browser.sign_in().await.expect_page(200, "signed in");
    assert_eq!((at.provider.count("/jwks"), at.provider.count("/discovery")), (3, 2));
    at.world.clock.advance(3_600);
    browser.sign_in().await.expect_page(200, "signed in");
    assert_eq!(at.provider.count("/jwks"), 4, "known keys are read again too");
}

/// What a provider answers in place of a document or a token, and what the person then reads.
const TROUBLES: [(&str, Trouble, &str); 13] = [
    ("/discovery", Trouble::TooLarge, "does not answer"),
    ("/discovery", Trouble::Status(500, "CANARY"), "does not answer"),
    ("/discovery", Trouble::Status(404, "CANARY"), "has refused this server"),
    ("/discovery", Trouble::Status(200, "<p>CANARY"), "does not answer"),
    ("/discovery", Trouble::Hangs, "does not answer"),
    ("/token", Trouble::Status(503, "CANARY"), "does not answer"),
    (
        "/token",
        Trouble::Status(401, r#"{"error":"invalid_client","error_description":"CANARY"}"#),
        "has refused this server",
    ),
    ("/token", Trouble::Status(400, r#"{"error":"invalid_grant"}"#), "could not be accepted"),
    ("/token", Trouble::Status(200, r#"{"access_token":"CANARY"}"#), "does not answer"),
    ("/token", Trouble::TooLarge, "does not answer"),
    ("/token", Trouble::Hangs, "does not answer"),
    ("/jwks", Trouble::TooLarge, "does not answer"),
    ("/jwks", Trouble::Status(200, "[]"), "does not answer"),
];

#[tokio::test(flavor = "multi_thread")]
async fn provider_in_trouble_is_a_page_and_the_settings_show_it() {
    let at = OidcWorld::start(&[]).await;
    // Hours pass, and sessions end.
    let listed = async || {
        let admin = at.world.console(ConsoleRole::Admin).await;
        admin.get("/api/console/oidc").await.expect(200)["data"][0].clone()
    };
    assert_eq!(listed().await["last_try"], json!(null));
    let (_, mut browser) = at.joined("ama", ConsoleRole::Reviewer).await;
    let first = listed().await;
    assert_eq!((&first["last_try"]["works"], &first["gives_roles"]), (&json!(true), &json!(false)));
    assert_eq!(first["redirect_uri"], format!("{}/api/console/oidc/sso/callback", at.world.url));
    at.world.clock.advance(3_600);
    for (path, trouble, text) in TROUBLES {
        // Failures are remembered for seconds, and keys for an hour.
        at.world.clock.advance(3_600);
        if path == "/discovery" {
            at.provider.change(|script| script.at_path = HashMap::from([(path, trouble)]));
            let page = browser.open("/api/console/oidc/sso/start").await;
            assert!(page.text.contains(text) && page.header("location").is_empty(), "{path}: {}", page.text);
            let asked = at.provider.count("/discovery");
            browser.open("/api/console/oidc/sso/start").await;
            assert_eq!(at.provider.count("/discovery"), asked, "a failure is remembered for seconds");
        } else {
            let query = browser.start().await;
            at.provider.change(|script| script.at_path = HashMap::from([(path, trouble)]));
            let page = browser.come_back(&query).await;
            assert!(
                page.text.contains(text) && [400, 503].contains(&page.status),
                "{path}: {} {}",
                page.status,
                page.text
            );
            assert!(page.status != 503 || page.header("retry-after") == "60");
        }
        at.provider.change(|script| script.at_path.clear());
    }
    let last = listed().await;
    assert_eq!(
        last["last_try"],
        json!({"at": last["last_try"]["at"], "works": false, "problem": "its key set has no keys"})
    );
    at.world.clock.advance(3_600);
    browser.sign_in().await.expect_page(200, "signed in");
    assert_eq!(listed().await["last_try"]["works"], true);
    assert!(at.trail().await.iter().all(|(_, detail)| !detail.contains("CANARY")));
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_provider_and_provider_of_another_issuer_are_pages() {
    let at = OidcWorld::start(&[]).await;
    for path in [
        "/api/console/oidc/other/start",
        "/api/console/oidc/other/callback?code=a&state=b",
        "/api/console/oidc/%FF/start",
    ] {
        at.browser().open(path).await.expect_page(404, "does not know this sign-in service");
    }
    at.provider.change(|script| script.discovery = json!({"issuer": "https://evil.example"}));
    at.browser().open("/api/console/oidc/sso/start").await.expect_page(503, "does not answer");
    let (_, token) = at.invite("x@example.com", ConsoleRole::Auditor).await;
    let (status, body) = at.browser().change(reqwest::Method::POST, ACCEPT, json!({"token": token})).await;
    assert_eq!((status, &body["error"]), (503, &json!("Service unavailable")));
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_under_way_have_a_limit_for_each_address() {
    let at = OidcWorld::start(&[]).await;
    let mut browser = at.browser();
    for number in 0..50 {
        assert_eq!(browser.open("/api/console/oidc/sso/start").await.status, 303, "{number}");
    }
    let refused = browser.open("/api/console/oidc/sso/start").await;
    refused.expect_page(429, "Wait a few minutes");
    assert_eq!(refused.header("retry-after"), "60");
    at.world.clock.advance(600);
    assert_eq!(browser.open("/api/console/oidc/sso/start").await.status, 303, "they end by themselves");
}

//! What is refused on the way back from a provider: states, browsers, and every claim and signature that does not match.

use identivia::records::console_user::ConsoleRole;
use serde_json::json;

use super::OidcWorld;
use crate::services::oidc_provider::{Signing, TestKey};

const NOT_BEGUN: &str = "has ended, or was begun in another browser";

#[tokio::test(flavor = "multi_thread")]
async fn state_counts_once_in_the_browser_that_began_and_for_ten_minutes() {
    let at = OidcWorld::start(&[]).await;
    let (_, mut browser) = at.joined("ama", ConsoleRole::Reviewer).await;
    browser.session = None;
    let query = browser.start().await;

    at.browser().come_back(&query).await.expect_page(400, NOT_BEGUN);
    let mut other = at.browser();
    other.start().await;
    other.come_back(&query).await.expect_page(400, NOT_BEGUN);
    let wrong = query.replace("&state=", "&state=x");
    browser.come_back(&wrong).await.expect_page(400, NOT_BEGUN);
    browser.come_back("code=a").await.expect_page(400, NOT_BEGUN);
    assert_eq!((at.provider.count("/token"), &browser.session), (1, &None), "no code was exchanged");

    let cookie = browser.sign_in.clone();
    browser.come_back(&query).await.expect_page(200, "signed in");
    (browser.sign_in, browser.session) = (cookie, None);
    browser.come_back(&query).await.expect_page(400, NOT_BEGUN);
    assert_eq!((at.provider.count("/token"), &browser.session), (2, &None), "the state was used");

    let late = browser.start().await;
    at.world.clock.advance(600);
    browser.come_back(&late).await.expect_page(400, NOT_BEGUN);

    // The failures so far are forgotten.
    at.world.clock.advance(1_000);
    // The same way back twice at the same time: one gets in.
    let query = browser.start().await;
    let (mut one, mut two) = (at.browser(), at.browser());
    (one.sign_in, two.sign_in) = (browser.sign_in.clone(), browser.sign_in.clone());
    let (first, second) = tokio::join!(one.come_back(&query), two.come_back(&query));
    let mut statuses = [first.status, second.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_claim_that_does_not_match_is_refused_and_audited() {
    let at = OidcWorld::start(&[]).await;
    let (_, mut browser) = at.joined("ama", ConsoleRole::Reviewer).await;
    browser.session = None;
    // Times are in seconds from the sign-in on.
    for (claims, from_now, text) in [
        (json!({"nonce": "another"}), None, "could not be accepted"),
        (json!({"nonce": null}), None, "could not be accepted"),
        (json!({"aud": "another"}), None, "could not be accepted"),
        (json!({"aud": ["identivia", "another"]}), None, "could not be accepted"),
        (json!({"azp": "another"}), None, "could not be accepted"),
        (json!({"iss": "https://evil.example"}), None, "could not be accepted"),
        (json!({"at_hash": "77QmUPtjPfzWtF2AnpK9RQ"}), None, "could not be accepted"),
        (json!({"sub": null}), None, "could not be accepted"),
        (json!({}), Some(("exp", -120)), "clocks"),
        (json!({}), Some(("iat", 120)), "clocks"),
        (json!({}), Some(("iat", -120)), "clocks"),
    ] {
        let mut claims = claims;
        if let Some((name, seconds)) = from_now {
            claims[name] = json!(at.world.clock.now().seconds() + seconds);
        }
        at.claims(claims.clone());
        let page = browser.sign_in().await;
        assert!(page.status == 400 && page.text.contains(text), "{claims}: {} {}", page.status, page.text);
        assert!(browser.session.is_none() && browser.sign_in.is_none(), "{claims}");
        at.world.clock.advance(1_000);
        at.claims(json!({}));
    }
    browser.sign_in().await.expect_page(200, "signed in");
    let trail = at.trail().await;
    for detail in ["unknown account, sso, ID token not accepted", "unknown account, sso, times of the ID token"] {
        assert!(trail.contains(&("sign_in.failed".to_owned(), detail.to_owned())), "{trail:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn token_that_is_not_signed_by_a_published_key_is_refused() {
    let at = OidcWorld::start(&[]).await;
    let (_, mut browser) = at.joined("ama", ConsoleRole::Reviewer).await;
    browser.session = None;
    for signing in [Signing::None, Signing::Secret, Signing::PublicKey, Signing::OtherKey, Signing::Changed] {
        at.provider.change(|script| script.signing = signing);
        browser.sign_in().await.expect_page(400, "could not be accepted");
        assert!(browser.session.is_none());
        at.world.clock.advance(1_000);
    }
    // Two keys of one `kid`: the one of the other kind does not count.
    at.provider.change(|script| {
        script.signing = Signing::Right;
        script.keys.push(("key-1".to_owned(), TestKey::es()));
    });
    browser.sign_in().await.expect_page(200, "signed in");
}

#[tokio::test(flavor = "multi_thread")]
async fn answer_of_another_issuer_and_errors_of_the_provider_are_pages() {
    let at = OidcWorld::start(&[]).await;
    let (_, mut browser) = at.joined("ama", ConsoleRole::Reviewer).await;
    let state = |query: &str| query.split('&').find(|part| part.starts_with("state=")).unwrap().to_owned();
    let issuer: String = form_urlencoded::byte_serialize(at.provider.url.as_bytes()).collect();
    for (change, status, text) in [
        (format!("code=a&iss={}", "https://evil.example"), 400, "could not be accepted"),
        ("code=a".to_owned(), 400, "could not be accepted"),
        (format!("iss={issuer}"), 400, "could not be accepted"),
        (format!("code=a&code=b&iss={issuer}"), 400, "could not be accepted"),
        (format!("error=access_denied&error_description=CANARY&iss={issuer}"), 403, "was cancelled"),
        (format!("error=temporarily_unavailable&iss={issuer}"), 503, "does not answer"),
        (format!("error=unauthorized_client&iss={issuer}"), 503, "has refused this server"),
        (format!("error=CANARY%20text&iss={issuer}"), 503, "has refused this server"),
        ("error=access_denied&iss=https://evil.example".to_owned(), 400, "could not be accepted"),
    ] {
        let query = browser.start().await;
        let page = browser.come_back(&format!("{change}&{}", state(&query))).await;
        page.expect_page(status, text);
        assert!(page.text.contains("href=\"/console/\""), "a way back");
        browser.come_back(&query).await.expect_page(400, NOT_BEGUN);
        at.world.clock.advance(1_000);
    }
    assert!(at.trail().await.iter().any(|(_, detail)| detail == "unknown account, sso, cancelled at the provider"));
    let query = browser.start().await;
    browser.come_back(&query.replace("code=", "code=wrong")).await.expect_page(400, "could not be accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_of_an_address_make_it_wait_and_requests_without_the_cookie_do_not() {
    let at = OidcWorld::start(&[]).await;
    let (_, mut browser) = at.joined("ama", ConsoleRole::Reviewer).await;
    for _ in 0..10 {
        at.browser().come_back("code=a&state=b").await.expect_page(400, NOT_BEGUN);
    }
    at.claims(json!({"nonce": "another"}));
    for _ in 0..5 {
        browser.sign_in().await.expect_page(400, "could not be accepted");
    }
    at.claims(json!({}));
    let query = browser.start().await;
    browser.come_back(&query).await.expect_page(429, "Wait a few minutes");
    at.world.clock.advance(30);
    browser.sign_in().await.expect_page(200, "signed in");
}

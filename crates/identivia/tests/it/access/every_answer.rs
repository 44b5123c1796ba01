//! What every answer has, with and without a token: security headers, CORS, JSON errors, and probes that reveal nothing.

use reqwest::Method;
use serde_json::json;

use crate::world::{World, answer};

#[tokio::test(flavor = "multi_thread")]
async fn unknown_path_or_method_gets_a_json_error() {
    let world = World::new().await;
    let operator = world.operator();
    for path in ["/nope", "/api", "/api/profiles//", "/api//profiles", "/docs/../x"] {
        assert_eq!(operator.get(path).await.expect(404)["error"], "Not found", "{path}");
    }
    let wrong = answer(operator.request(Method::PUT, "/api/profiles/create")).await;
    assert_eq!(wrong.header("allow"), "POST");
    assert_eq!(wrong.expect(405)["error"], "Method not allowed");
    answer(operator.request(Method::TRACE, "/api/settings")).await.expect(405);
    answer(operator.request(Method::GET, "/api/auth/token")).await.expect(405);
    let page = answer(world.bearing(None).request(Method::PUT, "/docs")).await;
    assert_eq!(page.expect(405)["error"], "Method not allowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_security_headers_and_cors_for_the_client_origin_only() {
    let world = World::new().await;
    let ask = |method: Method, path: &str, origin: &str| {
        answer(world.bearing(None).request(method, path).header("origin", origin).header("x-request-id", "mine-1"))
    };
    for path in ["/health", "/nope", "/api/settings", "/docs"] {
        let allowed = ask(Method::GET, path, "https://app.example.com").await;
        assert_eq!(allowed.header("access-control-allow-origin"), "https://app.example.com", "{path}");
        assert!(allowed.header("vary").split(", ").any(|name| name == "Origin"), "{path}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            ("x-request-id", "mine-1"),
        ] {
            assert_eq!(allowed.header(name), value, "{path} {name}");
        }
        assert!(allowed.header("content-security-policy").contains("default-src 'none'"), "{path}");
        for origin in ["null", "https://app.example.com.evil.example", "http://app.example.com", "https://evil.example"]
        {
            assert_eq!(
                ask(Method::GET, path, origin).await.header("access-control-allow-origin"),
                "",
                "{path} {origin}"
            );
        }
    }
    let preflight = world.bearing(None).request(Method::OPTIONS, "/api/settings");
    let preflight =
        preflight.header("origin", "https://app.example.com").header("access-control-request-method", "PATCH");
    let preflight = answer(preflight).await;
    assert_eq!(preflight.status, 204);
    assert!(preflight.header("access-control-allow-methods").contains("PATCH"));
    assert_eq!(preflight.header("access-control-allow-credentials"), "");

    let unsafe_id = world.bearing(None).request(Method::GET, "/health").header("x-request-id", "a b\"c");
    let made = answer(unsafe_id).await;
    assert_eq!(made.header("x-request-id").len(), 20);
    for (length, answered) in [(128, 128), (129, 20)] {
        let sent = world.bearing(None).request(Method::GET, "/health").header("x-request-id", "i".repeat(length));
        assert_eq!(answer(sent).await.header("x-request-id").len(), answered);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn https_public_url_sends_strict_transport_security() {
    for (public_url, held) in
        [("https://id.example.com", "max-age=31536000; includeSubDomains"), ("http://id.example.com", "")]
    {
        let world = World::with(&["--public-url", public_url], false).await;
        let health = world.bearing(None).get("/health").await;
        assert_eq!(health.header("strict-transport-security"), held, "{public_url}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_need_no_token_and_reveal_nothing() {
    let world = World::new().await;
    for path in ["/health", "/livez", "/readyz"] {
        assert_eq!(world.bearing(None).get(path).await.expect(200), json!({"status": "OK"}), "{path}");
    }
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let sent = answer(browser.get(format!("{}/", world.url)).header("accept", "text/html,*/*")).await;
    assert_eq!((sent.status, sent.header("location")), (307, "/console/"));
}

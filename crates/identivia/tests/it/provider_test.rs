//! The test of a provider: what it calls, what it says, who may ask for it, and how often.

use std::sync::Arc;

use identivia::records::console_user::ConsoleRole;
use reqwest::Method;
use serde_json::{Value, json};

use crate::ground::Ground;
use crate::services::providers::Providers;
use crate::services::smtp::Smtp;
use crate::world::{Caller, World};

async fn test(caller: &Caller<'_>, provider: &str) -> Value {
    caller.post(&format!("/api/health/providers/{provider}/test"), json!({})).await.expect(200)["data"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_works_on_this_server_alone_has_nothing_to_call() {
    let world = World::new().await;
    let admin = world.console(ConsoleRole::Admin).await;
    for provider in ["liveness", "document_reader", "fingerprint", "mail"] {
        let tested = test(&admin, provider).await;
        assert_eq!((&tested["provider"], &tested["result"]), (&json!(provider), &json!("not_configured")));
        assert_eq!((&tested["problem"], &tested["remedy"]), (&Value::Null, &Value::Null));
    }
    for storage in ["records", "files"] {
        let tested = test(&admin, storage).await;
        assert_eq!((&tested["result"], &tested["problem"]), (&json!("ok"), &Value::Null), "{tested}");
        assert!(tested["duration_ms"].is_u64());
    }
    let unknown = admin.post("/api/health/providers/weather/test", json!({})).await.expect(404);
    assert_eq!(unknown["error"], "Provider cannot be tested");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_provider_is_called_and_its_refusal_is_explained_without_a_secret() {
    let providers = Providers::of_this_test().await;
    let ground = Arc::new(Ground::wanted().await);
    let world = World::with_providers(ground.clone(), &providers, &[], &[]).await;
    let admin = world.console(ConsoleRole::Admin).await;
    for (provider, called) in
        [("liveness", "rekognition"), ("document_reader", "openai"), ("fingerprint", "fingerprint")]
    {
        let tested = test(&admin, provider).await;
        assert_eq!((&tested["result"], &tested["remedy"]), (&json!("ok"), &Value::Null), "{tested}");
        assert_eq!(providers.calls(called).await.len(), 1, "{called}");
    }
    // Another server has turns of its own.
    let world = World::with_providers(ground, &providers, &[], &[]).await;
    let admin = world.console(ConsoleRole::Admin).await;
    for (provider, called, fault, setting) in [
        ("liveness", "rekognition", "unrecognized_client", "AWS_ACCESS_KEY_ID"),
        ("document_reader", "openai", "echo_key", "OPENAI_API_KEY"),
        ("fingerprint", "fingerprint", "hang", "FINGERPRINT_SECRET_KEY"),
    ] {
        providers.script(called, &[], fault).await;
        let tested = test(&admin, provider).await;
        assert_eq!(tested["result"], "failed", "{tested}");
        assert!(tested["remedy"].as_str().unwrap().contains(setting), "{tested}");
        assert!(!tested["problem"].as_str().unwrap().is_empty());
        for secret in providers.secrets() {
            assert!(!tested.to_string().contains(&secret), "{tested}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_server_is_asked_and_gets_no_message() {
    let smtp = Smtp::start().await;
    let (url, from) = smtp.flags();
    let world = World::with(&["--smtp-url", &url, "--mail-from", &from], false).await;
    assert_eq!(test(&world.console(ConsoleRole::SuperAdmin).await, "mail").await["result"], "ok");
    assert!(smtp.messages().is_empty());
    let world = World::with(&["--smtp-url", "smtp://127.0.0.1:1", "--mail-from", &from], false).await;
    let tested = test(&world.console(ConsoleRole::SuperAdmin).await, "mail").await;
    assert_eq!((&tested["result"], &tested["problem"]), (&json!("failed"), &json!("it cannot be reached")));
    assert!(tested["remedy"].as_str().unwrap().contains("SMTP_URL"));
}

#[tokio::test(flavor = "multi_thread")]
async fn second_test_within_ten_seconds_is_429_and_only_admins_may_ask() {
    let world = World::new().await;
    let admin = world.console(ConsoleRole::Admin).await;
    test(&admin, "records").await;
    let path = "/api/health/providers/records/test";
    let refused = admin.post(path, json!({})).await;
    assert_eq!((refused.status, &refused.body["error"]), (429, &json!("Provider was tested just now")));
    assert!((1..=10).contains(&refused.header("retry-after").parse::<u64>().unwrap()));
    test(&admin, "files").await;
    for role in [ConsoleRole::Reviewer, ConsoleRole::Auditor] {
        world.console(role).await.post(path, json!({})).await.expect(403);
    }
    world.machine("health:read", None).post(path, json!({})).await.expect(403);
    let foreign = world.bearing(None).request(Method::POST, path).header("cookie", admin.cookie.clone().unwrap());
    assert_eq!(foreign.send().await.unwrap().status(), 403, "a page of another site");
}

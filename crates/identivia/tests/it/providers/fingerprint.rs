//! Visitor data and Fingerprint's own record of it.

use std::time::Instant;

use futures_util::stream;
use futures_util::{FutureExt as _, StreamExt as _};
use serde_json::{Value, json};

use super::{Given, analysed_result, create_session, record_verification, start_given};
use crate::world::GIVEN_UP_WITHIN;

const EVENT: &str = "1708102555327.NLOjmg";
const VISITOR: &str = "Ibk1527CUFmcnjLwIs4A";

/// A record with that visitor data, and how it is listed.
async fn record_and_list(given: &Given, user: &str, fingerprint: &str) -> Value {
    let (id, _) = given.world.person(user).await;
    record_verification(&given.world.operator(), &id, "session", fingerprint).await.expect(201);
    let list = given.world.operator().get(&format!("/api/verification_history/{id}")).await.expect(200);
    list["data"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn visitor_data_is_compared_with_the_fingerprint_event() {
    let given = start_given(&[]).await;
    let now = given.world.clock.now().0;
    let claim = json!({"requestId": EVENT, "visitorId": VISITOR, "confidence": {"score": 0.99}}).to_string();
    let confirmed = record_and_list(&given, "confirmed", &claim).await;
    assert_eq!(confirmed["fingerprint_status"], "confirmed");
    assert_eq!(confirmed["fingerprint_event"]["identification"]["visitor_id"], VISITOR);
    let newer = json!({"event_id": EVENT, "visitor_id": VISITOR}).to_string();
    assert_eq!(record_and_list(&given, "newer agent", &newer).await["fingerprint_status"], "confirmed");

    let lie = json!({"requestId": EVENT, "visitorId": "somebody else's"}).to_string();
    assert_eq!(record_and_list(&given, "lie", &lie).await["fingerprint_status"], "contradicted");
    let made_up = json!({"requestId": "1708102555327.madeup", "visitorId": VISITOR}).to_string();
    let unknown = record_and_list(&given, "unknown", &made_up).await;
    assert_eq!((&unknown["fingerprint_status"], &unknown["fingerprint_event"]), (&json!("unknown"), &Value::Null));
    let old = json!({"event_id": "1.old", "visitor_id": VISITOR, "timestamp": now - 2 * 86_400_000});
    given.providers.event(old).await;
    let old = json!({"requestId": "1.old", "visitorId": VISITOR}).to_string();
    assert_eq!(record_and_list(&given, "old", &old).await["fingerprint_status"], "stale");
    let (other, _) = given.world.person("other").await;
    given
        .providers
        .event(json!({"event_id": "1.linked", "visitor_id": VISITOR, "timestamp": now, "linked_id": other}))
        .await;
    let linked = json!({"requestId": "1.linked", "visitorId": VISITOR}).to_string();
    assert_eq!(record_and_list(&given, "linked", &linked).await["fingerprint_status"], "contradicted");

    let asked = given.providers.calls("fingerprint").await.len();
    assert_eq!(record_and_list(&given, "open source", r#"{"visitorId":"v"}"#).await["fingerprint_status"], "unchecked");
    assert_eq!(
        record_and_list(&given, "path", r#"{"requestId":"../visitors/x"}"#).await["fingerprint_status"],
        "unchecked"
    );
    assert_eq!(record_and_list(&given, "none", "").await.get("fingerprint_status"), None);
    assert_eq!(given.providers.calls("fingerprint").await.len(), asked, "nothing to ask for");
    given.providers.assert_understood().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fingerprint_findings_are_hidden_from_a_flow_token() {
    let Given { world, providers } = start_given(&[]).await;
    let (id, browser) = world.person("one").await;
    let session = create_session(&browser).await;
    providers.finish(&session, analysed_result(95.5)).await;
    let claim = json!({"requestId": EVENT, "visitorId": VISITOR}).to_string();
    let made = record_verification(&browser, &id, &session, &claim).await.expect(201);
    assert!(!made.to_string().contains("fingerprint"), "{made}");
    let list = world.operator().get(&format!("/api/verification_history/{id}")).await.expect(200);
    assert_eq!(list["data"][0]["fingerprint_status"], "confirmed");
}

#[tokio::test(flavor = "multi_thread")]
async fn fingerprint_faults_do_not_delay_or_refuse_the_record() {
    let checks = [
        ("forbidden", "failed"),
        ("wrong_region", "failed"),
        ("subscription_not_active", "failed"),
        ("too_many_requests", "failed"),
        ("too_many_requests_long", "failed"),
        ("unavailable", "failed"),
        ("bad_request", "failed"),
        ("internal", "failed"),
        ("http_500", "failed"),
        ("http_503", "failed"),
        ("http_502_html", "failed"),
        ("hang", "failed"),
        ("slow_body", "failed"),
        ("reset", "failed"),
        ("reset_mid_body", "failed"),
        ("html", "failed"),
        ("truncated_json", "failed"),
        ("empty", "failed"),
        ("huge", "failed"),
        ("redirect", "failed"),
        ("redirect_307", "failed"),
        ("wrong_types", "failed"),
        ("wrong_json", "failed"),
        ("not_found", "unknown"),
        ("other_visitor", "contradicted"),
        ("other_event", "contradicted"),
        ("no_visitor", "contradicted"),
        ("other_linked_id", "confirmed"),
        ("old_event", "stale"),
        ("future_event", "stale"),
    ]
    .map(|(fault, status)| check_fingerprint(fault, status).boxed());
    stream::iter(checks).buffer_unordered(16).collect::<Vec<()>>().await;
}

async fn check_fingerprint(fault: &'static str, status: &'static str) {
    let claim = json!({"requestId": EVENT, "visitorId": VISITOR}).to_string();
    let given = start_given(&[]).await;
    given.providers.script("fingerprint", &[], fault).await;
    let begun = Instant::now();
    let listed = record_and_list(&given, "one", &claim).await;
    assert!(begun.elapsed() < GIVEN_UP_WITHIN, "{fault}: {:?}", begun.elapsed());
    assert_eq!(listed["fingerprint_status"], status, "{fault}");
    let calls = given.providers.calls("fingerprint").await.len();
    assert!((1..=3).contains(&calls), "{fault}: {calls} calls");
    assert!(!given.providers.trapped().await, "{fault}");
    given.providers.assert_understood().await;
}

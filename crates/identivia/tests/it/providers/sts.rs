//! Temporary credentials: what is asked of STS, what a browser gets, and how often.

use identivia::records::time::Millis;
use serde_json::json;

use super::{AWS_DEADLINE, AWS_FAULTS, Expected, Given, check_each_fault, start_given, start_given_with};
use crate::services::providers::Providers;
use crate::services::s3;

const TWO_ACTIONS: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["rekognition:StartFaceLivenessSession","rekognition:GetFaceLivenessSessionResults"],"Resource":"*"}]}"#;

#[tokio::test(flavor = "multi_thread")]
async fn long_lived_keys_get_a_federation_token_for_two_actions() {
    let Given { world, providers } = start_given(&[]).await;
    let (id, browser) = world.person("one").await;
    let body = browser.get("/api/aws/credentials").await;
    assert_eq!(body.header("cache-control"), "no-store");
    let body = body.expect(200);
    assert_eq!(body["success"], true);
    let data = body["data"].as_object().unwrap();
    assert_eq!(data.len(), 4);
    assert!(data["accessKeyId"].as_str().unwrap().starts_with("ASIA"));
    let expiration = data["expiration"].as_str().unwrap();
    assert!(expiration.len() == 24 && expiration.contains('T') && expiration.ends_with(".000Z"), "{expiration}");
    let life = Millis::parse(expiration).unwrap().0 - world.clock.now().0;
    assert!((880_000..=900_000).contains(&life), "{life}");
    let calls = providers.calls("sts").await;
    assert_eq!((calls.len(), &calls[0]["operation"]), (1, &json!("GetFederationToken")));
    assert_eq!(
        calls[0]["body"],
        json!({
            "DurationSeconds": 900, "Name": format!("identivia-{id}"), "Policy": TWO_ACTIONS,
        })
    );
    providers.assert_understood().await;
    let issued = world.events().await.into_iter().filter(|(kind, ..)| kind == "aws_credentials.issued").count();
    assert_eq!(issued, 1, "the audit trail tells who was given keys");

    let Given { world, providers } = start_given(&["--aws-credentials-actions", "start-only"]).await;
    world.operator().get("/api/aws/credentials").await.expect(200);
    let call = &providers.calls("sts").await[0];
    assert_eq!(call["body"]["Name"], "identivia");
    assert_eq!(call["body"]["Policy"], TWO_ACTIONS.replace(",\"rekognition:GetFaceLivenessSessionResults\"", ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn role_is_assumed_when_it_is_named_or_keys_are_temporary() {
    let role = "arn:aws:iam::123456789012:role/path/liveness";
    let Given { world, providers } = start_given(&["--aws-liveness-role-arn", role]).await;
    world.operator().get("/api/aws/credentials").await.expect(200);
    let calls = providers.calls("sts").await;
    assert_eq!(calls.len(), 1);
    assert_eq!(
        calls[0]["body"],
        json!({
            "DurationSeconds": 900, "RoleArn": role,
            "RoleSessionName": "identivia", "Policy": TWO_ACTIONS,
        })
    );
    providers.assert_understood().await;

    let providers = Providers::of_this_test().await.with_temporary_keys();
    let Given { world, providers } = start_given_with(providers, &[]).await;
    world.operator().get("/api/aws/credentials").await.expect(200);
    let calls = providers.calls("sts").await;
    let actions: Vec<_> = calls.iter().map(|call| call["operation"].as_str().unwrap()).collect();
    assert_eq!(actions, ["GetCallerIdentity", "AssumeRole"]);
    assert_eq!(calls[1]["body"]["RoleArn"], "arn:aws:iam::123456789012:role/identivia");
    providers.assert_understood().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flow_token_gets_credentials_five_times_in_three_minutes() {
    let Given { world, providers } = start_given(&[]).await;
    let (_, browser) = world.person("one").await;
    let (_, other) = world.person("two").await;
    let at_once = futures_util::future::join_all((0..12).map(|_| browser.get("/api/aws/credentials"))).await;
    assert_eq!(at_once.iter().filter(|answer| answer.status == 200).count(), 5);
    let refused = browser.get("/api/aws/credentials").await;
    let seconds: u64 = refused.header("retry-after").parse().unwrap();
    assert!((170..=180).contains(&seconds), "{seconds}");
    assert_eq!(refused.expect(429)["error"], "Too many requests");
    other.get("/api/aws/credentials").await.expect(200);
    for _ in 0..6 {
        world.operator().get("/api/aws/credentials").await.expect(200); // a trusted server has its own reasons
    }
    assert_eq!(providers.calls("sts").await.len(), 12);
    world.clock.advance(181);
    browser.get("/api/aws/credentials").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn credential_faults_have_their_status_in_time() {
    let own = [
        ("malformed_policy", 502),
        ("packed_policy", 502),
        ("region_disabled", 502),
        ("no_credentials", 502),
        ("bad_expiration", 502),
        ("xml_entities", 502),
    ];
    let not_sts = ["provisioned_throughput", "namespaced_error", "wrong_types", "wrong_json"];
    let shared = AWS_FAULTS.iter().copied().filter(|(fault, _)| !not_sts.contains(fault));
    let faults: Vec<Expected> = shared.chain(own).collect();
    check_each_fault("sts", &faults, AWS_DEADLINE, async |given| {
        given.world.operator().get("/api/aws/credentials").await
    })
    .await;
}

/// Moto checks the shapes of requests but not the policies in them.
#[tokio::test(flavor = "multi_thread")]
async fn credentials_come_from_an_independent_sts_server() {
    let moto = s3::bucket().await;
    for (role, prefix) in [("", "AKIA"), ("arn:aws:iam::123456789012:role/liveness", "ASIA")] {
        let flags = ["--aws-endpoint-url-sts", &moto.endpoint, "--aws-liveness-role-arn", role];
        let Given { world, .. } = start_given(&flags).await;
        let body = world.operator().get("/api/aws/credentials").await.expect(200);
        let id = body["data"]["accessKeyId"].as_str().unwrap();
        assert!(id.starts_with(prefix), "{id}");
        assert!(Millis::parse(body["data"]["expiration"].as_str().unwrap()).unwrap() > world.clock.now());
    }
}

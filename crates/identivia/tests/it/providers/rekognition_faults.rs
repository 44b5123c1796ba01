//! Rekognition Face Liveness when it fails: status codes, retries, values out of range.

use std::time::Instant;

use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::json;

use super::{
    AWS_DEADLINE, AWS_FAULTS, Expected, Given, analysed_result, check_each_fault, create_session, results_path,
    start_given,
};

#[tokio::test(flavor = "multi_thread")]
async fn session_creation_faults_have_their_status_in_time() {
    check_each_fault("rekognition", AWS_FAULTS, AWS_DEADLINE, async |given| {
        given.world.operator().post("/api/face-liveness/session", json!({})).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn session_result_faults_have_their_status_and_change_nothing() {
    let faults: Vec<Expected> = AWS_FAULTS.iter().copied().chain([("session_not_found", 404)]).collect();
    let checks = faults.into_iter().map(async |(fault, status)| {
        let Given { world, providers } = start_given(&[]).await;
        let operator = world.operator();
        let session = create_session(&operator).await;
        providers.finish(&session, analysed_result(95.5)).await;
        providers.script_of("rekognition", "GetFaceLivenessSessionResults", fault).await;
        let begun = Instant::now();
        let refused = operator.get(&results_path(&session)).await;
        assert_eq!(refused.status, status, "{fault}: {}", refused.body);
        assert!(begun.elapsed() < AWS_DEADLINE, "{fault}");
        let asked = providers.calls_of("rekognition", "GetFaceLivenessSessionResults").await.len();
        assert!((1..=3).contains(&asked), "{fault}: {asked} calls");
        assert!(world.stored_files().await.is_empty(), "{fault}");
        providers.script_of("rekognition", "GetFaceLivenessSessionResults", "ok").await;
        let healed = operator.get(&results_path(&session)).await.expect(200);
        assert_eq!(healed["data"]["confidenceScore"], 95.5, "{fault}");
    });
    stream::iter(checks).buffer_unordered(16).collect::<Vec<()>>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn brief_faults_are_retried_with_one_request_token() {
    let Given { world, providers } = start_given(&[]).await;
    for faults in [&["http_500", "reset"][..], &["throttled", "throttled"], &["truncated_json"], &["clock_skew"]] {
        let before = providers.calls("rekognition").await.len();
        if faults == ["truncated_json"] {
            // What cannot be read may have been done: it is not tried again.
            providers.script("rekognition", faults, "ok").await;
            world.operator().post("/api/face-liveness/session", json!({})).await.expect(502);
            continue;
        }
        providers.script("rekognition", faults, "ok").await;
        create_session(&world.operator()).await;
        let calls = providers.calls("rekognition").await.split_off(before);
        assert_eq!(calls.len(), faults.len() + 1, "{faults:?}");
        let tokens: Vec<_> = calls.iter().map(|call| &call["body"]["ClientRequestToken"]).collect();
        assert!(tokens.iter().all(|token| *token == tokens[0]), "one token: AWS makes one session of them");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn confidence_out_of_range_is_502() {
    let Given { world, providers } = start_given(&[]).await;
    let operator = world.operator();
    let session = create_session(&operator).await;
    for confidence in [json!(100.5), json!(-1), json!("NaN"), json!("Infinity")] {
        let said = json!({"SessionId": session, "Status": "SUCCEEDED", "Confidence": confidence});
        providers.answer("rekognition", said).await;
        operator.get(&results_path(&session)).await.expect(502);
    }
    providers.answer("rekognition", json!({"SessionId": session, "Status": "BRAND_NEW"})).await;
    operator.get(&results_path(&session)).await.expect(502);
}

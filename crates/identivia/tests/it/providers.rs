//! AWS Face Liveness, AWS credentials, OpenAI's reading and Fingerprint, by the published models of each.

mod fingerprint;
mod openai;
mod rekognition;
mod rekognition_faults;
mod sts;
mod together;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream;
use futures_util::{FutureExt as _, StreamExt as _};
use reqwest::Method;
use serde_json::{Value, json};

use crate::command::Running;
use crate::ground::Ground;
use crate::services::providers::Providers;
use crate::world::{Answer, Caller, GIVEN_UP_WITHIN, World, answer, file, small_picture, texts};

/// A server with providers of its own.
struct Given {
    world: World,
    providers: Providers,
}

/// Sessions are not polled.
const NEVER: &[i64] = &[];

async fn start_given(flags: &[&str]) -> Given {
    let providers = Providers::of_this_test().await;
    start_given_with(providers, flags).await
}

async fn start_given_with(providers: Providers, flags: &[&str]) -> Given {
    let ground = Arc::new(Ground::wanted().await);
    let world = World::with_providers(ground, &providers, flags, NEVER).await;
    Given { world, providers }
}

async fn create_session(caller: &Caller<'_>) -> String {
    let made = caller.post("/api/face-liveness/session", json!({})).await.expect(200);
    made["sessionId"].as_str().unwrap().to_owned()
}

fn results_path(session: &str) -> String {
    format!("/api/face-liveness/results/{session}")
}

const JPEG: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/coded/baseline-420.jpg"));

/// What AWS says of a session that has gone well.
fn analysed_result(confidence: f64) -> Value {
    let image = |top: f64| json!({"Bytes": STANDARD.encode(JPEG), "BoundingBox": {"Width": 0.5, "Height": 0.6, "Left": 0.2, "Top": top}});
    json!({
        "Status": "SUCCEEDED", "Confidence": confidence, "ReferenceImage": image(0.1), "AuditImages": [image(0.3)],
        "Challenge": {"Type": "FaceMovementAndLightChallenge", "Version": "2.0.0"},
        "Feedback": [{"Code": "LOW_LIGHTING_DETECTED", "Message": "Too dark"}],
    })
}

async fn record_verification(caller: &Caller<'_>, id: &str, session: &str, fingerprint: &str) -> Answer {
    let form = texts(&[
        ("liveness_session_id", session),
        ("liveness_confidence", "99.9"),
        ("liveness_status", "live"),
        ("document_type", "passport"),
        ("fingerprint", fingerprint),
    ])
    .part("facial_photo", file(small_picture(1), "photo.png"))
    .part("document_front", file(small_picture(2), "front.png"));
    caller.form(Method::POST, &format!("/api/verification_history/{id}"), form).await
}

/// A token of the client that a first start has made.
async fn request_first_token(folder: &Path, server: &Running) -> String {
    let made: Value = serde_json::from_slice(&std::fs::read(folder.join("data/first-run.json")).unwrap()).unwrap();
    let body = json!({"client_id": made["client_id"], "client_secret": made["client_secret"]});
    let post = reqwest::Client::new().post(format!("{}/api/auth/token", server.url)).json(&body);
    answer(post).await.expect(200)["access_token"].as_str().unwrap().to_owned()
}

/// A fault, and the status that it comes to.
type Expected = (&'static str, u16);

const AWS_FAULTS: &[Expected] = &[
    ("access_denied", 403),
    ("namespaced_error", 503),
    ("throttled", 503),
    ("throttled_500", 503),
    ("provisioned_throughput", 503),
    ("internal", 502),
    ("http_500", 502),
    ("http_503", 502),
    ("http_502_html", 502),
    ("hang", 502),
    ("slow_body", 502),
    ("reset", 502),
    ("reset_mid_body", 502),
    ("html", 502),
    ("truncated_json", 502),
    ("empty", 502),
    ("not_utf8", 502),
    ("huge", 502),
    ("huge_chunked", 502),
    ("redirect", 502),
    ("redirect_307", 502),
    ("wrong_types", 502),
    ("wrong_json", 502),
    ("clock_skew_forever", 502),
    ("unrecognized_client", 502),
    ("expired_token", 502),
    ("invalid_parameter", 502),
    ("invalid_signature", 502),
    ("unknown_error", 502),
];

/// Runs a check of each fault, with a server of its own, some at a time.
async fn check_each_fault(
    provider: &'static str,
    faults: &[Expected],
    deadline: Duration,
    ask: impl AsyncFn(&Given) -> Answer,
) {
    let check = async |(fault, status): &Expected| {
        let given = start_given(&[]).await;
        given.providers.script(provider, &[], fault).await;
        let begun = Instant::now();
        let answer = ask(&given).await;
        let (took, calls) = (begun.elapsed(), given.providers.calls(provider).await.len());
        assert_eq!(answer.status, *status, "{fault}: {}", answer.body);
        assert!(took < deadline, "{fault}: {took:?}");
        assert!((1..=3).contains(&calls), "{fault}: {calls} calls");
        if *status == 503 {
            let seconds: u64 = answer.header("retry-after").parse().unwrap();
            assert!((1..=60).contains(&seconds), "{fault}: {seconds}");
        }
        let said = String::from_utf8_lossy(&answer.bytes);
        let secrets = given.providers.secrets().into_iter().chain(["arn:aws".to_owned(), "123456789012".to_owned()]);
        for hidden in secrets {
            assert!(!said.contains(&hidden), "{fault}: {said}");
        }
        assert!(!given.providers.trapped().await, "{fault}: a redirect was followed");
        given.providers.assert_understood().await;
    };
    // Boxed: so many at once would not fit on a test's stack.
    stream::iter(faults.iter().map(|fault| check(fault).boxed_local())).buffer_unordered(6).collect::<Vec<()>>().await;
}

const AWS_DEADLINE: Duration = GIVEN_UP_WITHIN;

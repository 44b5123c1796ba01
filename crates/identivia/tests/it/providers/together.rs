//! What all providers have in common: the health report, `check --live`, and what no log holds.

use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::json;

use super::{Given, request_first_token, results_path, start_given};
use crate::command::{Running, run, text};
use crate::services::providers::Providers;
use crate::world::{answer, file, picture, small_picture, texts};

#[tokio::test(flavor = "multi_thread")]
async fn health_report_has_each_providers_state_and_caches_it() {
    let Given { world, providers } = start_given(&[]).await;
    let report = world.operator().get("/").await.expect(200);
    for status in ["aws_faceliveness_status", "openai_status", "fingerprint_status"] {
        assert_eq!(report[status], "configured", "{status}");
    }
    for secret in providers.secrets() {
        assert!(!report.to_string().contains(&secret));
    }
    let reports = (0..8).map(|_| async { world.operator().get("/").await.expect(200) });
    futures_util::future::join_all(reports).await;
    for provider in ["rekognition", "openai", "fingerprint"] {
        assert_eq!(providers.calls(provider).await.len(), 1, "{provider}");
    }
    providers.assert_understood().await;

    let Given { world, providers } = start_given(&[]).await;
    providers.script("rekognition", &[], "unrecognized_client").await;
    providers.script("openai", &[], "echo_key").await;
    providers.script("fingerprint", &[], "hang").await;
    let report = world.operator().get("/").await.expect(200);
    assert_eq!(report["status"], "OK", "our own part works");
    for status in ["aws_faceliveness_status", "openai_status", "fingerprint_status"] {
        assert_eq!(report[status], "error", "{status}");
    }
    for secret in providers.secrets() {
        assert!(!report.to_string().contains(&secret));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn providers_are_not_called_through_an_environment_proxy() {
    let providers = Providers::of_this_test().await;
    let proxy = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let asked = tokio::spawn(async move { proxy.accept().await.is_ok() });
    let proxies = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let proxies = proxies.map(|name| (name, address.as_str()));
    let (said, well) = run_check_live(&providers, &proxies);
    assert!(well && !asked.is_finished(), "{said}");
}

/// What `identivia check --live` prints, and whether it finds all well.
fn run_check_live(providers: &Providers, more: &[(&str, &str)]) -> (String, bool) {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), |command| {
        command.args(["check", "--live"]).envs(providers.variables()).envs(more.iter().copied());
    });
    let said = text(&output.stdout) + &text(&output.stderr);
    for secret in providers.secrets() {
        assert!(!said.contains(&secret), "{said}");
    }
    (said, output.status.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn check_live_calls_each_provider_and_names_each_fault() {
    let providers = Providers::of_this_test().await;
    let (said, well) = run_check_live(&providers, &[]);
    assert!(well, "{said}");
    for line in [
        "clock          works: within",
        "face liveness  works: a session was made in us-east-1 and can be read",
        "credentials    works: temporary credentials were issued",
        "documents      works: o4-mini has read a picture, for 620 tokens",
        "fingerprint    works: the key is accepted",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    for (provider, calls) in [("rekognition", 2), ("sts", 1), ("openai", 1), ("fingerprint", 1)] {
        assert_eq!(providers.calls(provider).await.len(), calls, "{provider}");
    }
    providers.assert_understood().await;

    for (provider, fault, more, line) in [
        ("rekognition", "access_denied", &[][..], "AWS denies rekognition:CreateFaceLivenessSession: allow it in IAM"),
        (
            "rekognition",
            "access_denied",
            &[("AWS_REGION", "eu-central-1")],
            "eu-central-1 may have no Face Liveness; known to have it are us-east-1",
        ),
        ("rekognition", "unrecognized_client", &[], "AWS does not know AWS_ACCESS_KEY_ID"),
        ("rekognition", "invalid_signature", &[], "AWS_SECRET_ACCESS_KEY is not the secret of AWS_ACCESS_KEY_ID"),
        ("sts", "access_denied", &[], "AWS denies sts:GetFederationToken: allow it in IAM"),
        (
            "sts",
            "access_denied",
            &[("AWS_LIVENESS_ROLE_ARN", "arn:aws:iam::123456789012:role/liveness")],
            "AWS denies sts:AssumeRole: allow it for the user of the keys, and let arn:aws:iam::123456789012:role/liveness trust that user",
        ),
        ("openai", "ok", &[("OPENAI_MODEL", "no-such-model")], "OPENAI_MODEL: there is no model \"no-such-model\""),
        ("openai", "echo_key", &[], "OPENAI_API_KEY is refused"),
        ("openai", "insufficient_quota", &[], "the account has no quota left"),
        ("openai", "unsupported_schema", &[], "does not accept the request"),
        ("fingerprint", "wrong_region", &[], "FINGERPRINT_BASE_URL: the key is of another region"),
        ("fingerprint", "forbidden", &[], "FINGERPRINT_SECRET_KEY is refused"),
    ] {
        let providers = Providers::of_this_test().await;
        providers.script(provider, &[], fault).await;
        let (said, well) = run_check_live(&providers, more);
        assert!(!well && said.contains(line), "{provider} {fault}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_provider_answers_are_not_logged() {
    let (folder, providers) = (tempfile::tempdir().unwrap(), Providers::of_this_test().await);
    let server = Running::start(folder.path(), |command| {
        command.envs(providers.variables()).env("RUST_LOG", "trace");
    });
    let token = request_first_token(folder.path(), &server).await;
    let http = reqwest::Client::new();
    let call = |method: Method, path: &str| http.request(method, format!("{}{path}", server.url)).bearer_auth(&token);
    let made = answer(call(Method::POST, "/api/profiles/create").json(&json!({"userID": "u"}))).await.expect(201);
    let reading = || {
        let form = Form::new().text("full_name_hint", "CANARY-hint");
        call(Method::POST, "/api/ollama/document-analysis")
            .multipart(form.part("document_front", file(picture("passport.jpg"), "CANARY.jpg")))
    };
    let mut secrets = providers.secrets();
    for _ in 0..2 {
        // Once well, once with every provider refusing: what fails is logged with its cause.
        let made_session = answer(call(Method::POST, "/api/face-liveness/session")).await;
        if let Some(session) = made_session.body["sessionId"].as_str() {
            answer(call(Method::GET, &results_path(session))).await;
        }
        let credentials = answer(call(Method::GET, "/api/aws/credentials")).await;
        let issued = credentials.body["data"].as_object().into_iter().flatten();
        secrets.extend(
            issued.filter(|(name, _)| *name != "expiration").map(|(_, value)| value.as_str().unwrap().to_owned()),
        );
        answer(reading()).await;
        let form = texts(&[
            ("liveness_session_id", "CANARY-session"),
            ("liveness_confidence", "1"),
            ("liveness_status", "live"),
            ("document_type", "passport"),
            ("fingerprint", r#"{"requestId":"CANARY.event"}"#),
        ]);
        let form = form.part("facial_photo", file(small_picture(1), "a.png"));
        let form = form.part("document_front", file(small_picture(1), "a.png"));
        let path = format!("/api/verification_history/{}", made["id"].as_str().unwrap());
        answer(call(Method::POST, &path).multipart(form)).await.expect(201);
        answer(call(Method::GET, "/")).await;
        providers.script("rekognition", &[], "access_denied").await;
        providers.script("sts", &[], "access_denied").await;
        providers.script("openai", &[], "echo_key").await;
        providers.script("fingerprint", &[], "forbidden").await;
    }
    let (_, out, log) = server.stop();
    for cause in ["rekognition:CreateFaceLivenessSession", "sts:GetFederationToken", "401, invalid_api_key"] {
        assert!(log.contains(cause), "{cause} is not in the log: {log}");
    }
    secrets.extend(
        ["CANARY", "arn:aws", "123456789012", "John Doe", "A12345678", "Ibk1527CUFmcnjLwIs4A"].map(str::to_owned),
    );
    for hidden in secrets {
        assert!(!log.contains(&hidden) && !out.contains(&hidden), "{hidden} is in the log: {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_live_reads_the_discovery_document_of_the_sign_in_provider() {
    let providers = Providers::of_this_test().await;
    let provider = crate::services::oidc_provider::OidcProvider::start(identivia::clock::Clock::default()).await;
    let secret = ("OIDC_CLIENT_SECRET", crate::services::oidc_provider::CLIENT_SECRET);
    let check = |issuer: &str| {
        let more = [("OIDC_ISSUER", issuer), ("OIDC_CLIENT_ID", "identivia"), secret];
        let (said, well) = run_check_live(&providers, &more);
        assert!(!said.contains(secret.1), "{said}");
        (said, well)
    };
    let (said, well) = check(&provider.url);
    let line = format!("sign-in        works: the discovery document of sso at {} can be used", provider.url);
    assert!(well && said.contains(&line), "{said}");
    let unknown = format!("{}/nothing", provider.url);
    let closed = "http://127.0.0.1:9";
    for (issuer, problem) in [(unknown.as_str(), "has no discovery document; it must be"), (closed, "(sso)")] {
        let (said, well) = check(issuer);
        assert!(!well && said.contains(&format!("sign-in        FAILS: OIDC_ISSUER: {issuer}")), "{said}");
        assert!(said.contains(problem), "{said}");
    }
}

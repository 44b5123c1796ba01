//! What no log of the binary may contain.

use std::process::Command;

use identivia::telemetry::LogFormat;
use serde_json::json;

use super::{Running, text};
use crate::ground::Ground;
use crate::world::{picture, texts};

/// Opens a person's page and hands off to another device. Returns the secrets that were shown on the way.
async fn open_page_and_hand_off(server: &str, token: &str, made: &serde_json::Value) -> Vec<String> {
    let http = reqwest::Client::new();
    let (id, flow_token) = (made["id"].as_str().unwrap(), made["flow_token"].as_str().unwrap());
    let branding = json!({"value": {"name": "CANARY-brand", "color": "CANARY-color"}});
    http.put(format!("{server}/api/settings/branding")).bearer_auth(token).json(&branding).send().await.unwrap();
    http.get(format!("{server}/{id}?token={flow_token}")).send().await.unwrap();
    let redeem = async |code: &str| {
        let sent = http.post(format!("{server}/api/flow/redeem")).json(&json!({"code": code})).send().await;
        sent.unwrap().json::<serde_json::Value>().await.unwrap()
    };
    redeem("CANARY22").await;
    let offered = http.post(format!("{server}/api/flow/{id}/handoff")).bearer_auth(flow_token).send().await.unwrap();
    let offered: serde_json::Value = offered.json().await.unwrap();
    let code = offered["data"]["code"].as_str().unwrap().to_owned();
    let taken = redeem(&code).await["data"]["flow_token"].as_str().unwrap().to_owned();
    let details = json!({"name": "CANARY-draft", "address": "CANARY-address"});
    let put = http.put(format!("{server}/api/flow/{id}/details")).bearer_auth(&taken).json(&details);
    assert_eq!(put.send().await.unwrap().status(), 200);
    vec![taken, code.replace('-', ""), code]
}

/// Sends a person's values in each part of a request: forms, documents, paths, queries, headers, methods and tokens.
async fn send_canaries(server: &Running, token: &str, id: &str) {
    let http = reqwest::Client::new();
    let url = |path: &str| format!("{}{path}", server.url);
    let form = texts(&[("document_name", "CANARY-form"), ("face_liveness_result", "{\"CANARY\":1}")])
        .part("facial_photo", crate::world::file(picture("portrait.jpg"), "CANARY-file.jpg"));
    http.patch(url(&format!("/api/profiles/{id}"))).bearer_auth(token).multipart(form).send().await.unwrap();
    let step = json!({"previous_status": "canary_status", "new_status": "pending", "notes": "CANARY-notes"});
    http.post(url(&format!("/api/status_history/{id}"))).bearer_auth(token).json(&step).send().await.unwrap();
    http.get(url("/CANARY-path?token=CANARY-token")).header("x-canary", "CANARY-header").send().await.unwrap();
    let made_up = reqwest::Method::from_bytes(b"CANARY").unwrap();
    http.request(made_up, url("/api/settings")).send().await.unwrap();
    http.get(url("/api/profiles/CANARY-id")).bearer_auth("CANARY-bearer").send().await.unwrap();
    http.post(url("/api/profiles/create")).bearer_auth(token).body("{\"userID\": CANARY").send().await.unwrap();
    let passport = crate::world::file(picture("passport.jpg"), "CANARY-passport.jpg");
    let passport = reqwest::multipart::Form::new().part("document_front", passport);
    let analyse = http.post(url("/api/ollama/document-analysis")).bearer_auth(token).multipart(passport);
    assert!(analyse.send().await.unwrap().text().await.unwrap().contains("A12345678"), "it was read");
    let put = url("/api/settings/k");
    http.put(put).bearer_auth(token).json(&json!({"value": "CANARY-setting"})).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_a_person_sends_is_in_the_log_at_any_level() {
    let (folder, ground) = (tempfile::tempdir().unwrap(), Ground::wanted().await);
    let clients = json!([{"client_id": "tester", "client_secret": "CANARY-client-secret", "scopes":
        ["profiles:write", "profiles:read", "status_history:write", "verification_history:write", "settings:write",
        "documents:analyze"]}]);
    let server = Running::start(folder.path(), |command| {
        command.envs(ground.variables());
        command.env("RUST_LOG", "trace").env("JWT_SECRET", "CANARY-jwt-secret-CANARY-jwt-secret");
        command.env("JWT_CLIENTS_JSON", clients.to_string());
    });
    let http = reqwest::Client::new();
    let url = |path: &str| format!("{}{path}", server.url);
    let body = json!({"client_id": "tester", "client_secret": "CANARY-client-secret"});
    let answer = http.post(url("/api/auth/token")).json(&body).send().await.unwrap();
    let token = answer.json::<serde_json::Value>().await.unwrap()["access_token"].as_str().unwrap().to_owned();
    let wrong = json!({"client_id": "CANARY-client", "client_secret": "CANARY-wrong"});
    http.post(url("/api/auth/token?client_secret=CANARY-query")).json(&wrong).send().await.unwrap();

    let body = json!({"userID": "CANARY-user\r\nERROR forged line\u{1b}[31m", "name": "CANARY-name", "email": "CANARY@example.com",
        "documentNumber": "CANARY-number", "phoneNumber": "CANARY-phone"});
    let made = http.post(url("/api/profiles/create")).bearer_auth(&token).json(&body).send().await.unwrap();
    let made: serde_json::Value = made.json().await.unwrap();
    let id = made["id"].as_str().unwrap();
    send_canaries(&server, &token, id).await;
    let shown_once = open_page_and_hand_off(&server.url, &token, &made).await;
    // Once more while the store is away: what fails is logged with its cause.
    for away in [false, true] {
        if away && !ground.stop() {
            break;
        }
        let list = url("/api/profiles?q=CANARY-search&userID=CANARY-user");
        let listed = http.get(list).bearer_auth(&token).send().await.unwrap();
        assert_eq!(listed.status(), if away { 503 } else { 200 });
        http.post(url("/api/profiles/create")).bearer_auth(&token).json(&body).send().await.unwrap();
    }
    let (_, out, log) = server.stop();
    assert!(log.contains("/api/profiles/{id}") && log.lines().count() > 9, "the log is there: {log}");
    let flow_token = made["flow_token"].as_str().unwrap().to_owned();
    let hidden = ["CANARY", "canary", "forged line", "A12345678", "SPECIMEN"]
        .map(str::to_owned)
        .into_iter()
        .chain([token, flow_token])
        .chain(shown_once);
    for hidden in hidden.chain(ground.secrets()) {
        assert!(!log.contains(&hidden) && !out.contains(&hidden), "{hidden} is in the log: {log}{out}");
    }
}

/// Not a test by itself: the next test runs it in a separate process, since a process has one log.
#[test]
#[ignore = "run by debug_lines_of_other_crates_and_panic_messages_are_not_logged"]
fn logging_process() {
    let guard = identivia::telemetry::start_logs("trace".parse().unwrap(), LogFormat::Json);
    log_lines_of_other_crates();
    tracing::info!(target: "hyper::proto", "coarser");
    tracing::trace!(target: "identivia::http", "our own");
    let outcome = std::panic::catch_unwind(|| panic!("CANARY {}", std::process::id()));
    assert!(outcome.is_err());
    drop(guard);
}

fn log_lines_of_other_crates() {
    tracing::debug!(target: "hyper::proto", header = "CANARY", "finer");
    tracing::trace!(target: "rusqlite", "CANARY");
    tracing::warn!(target: "aws_config::imds::region", "CANARY in a whole answer");
}

#[test]
fn debug_lines_of_other_crates_and_panic_messages_are_not_logged() {
    let this = std::env::current_exe().unwrap();
    let arguments = ["--exact", "command::log_contents::logging_process", "--ignored", "--nocapture"];
    let output = Command::new(this).args(arguments).output().unwrap();
    let log = text(&output.stderr);
    assert!(output.status.success(), "{log}");
    for line in ["coarser", "our own", "a panic: please report it"] {
        assert!(log.contains(line), "{line} is not in the log: {log}");
    }
    assert!(!log.contains("CANARY"), "{log}");
}

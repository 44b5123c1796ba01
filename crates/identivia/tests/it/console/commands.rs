//! `identivia console` beside a running server, and what no log contains.

use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::{read_base32, token_of};
use crate::command::{Running, run, text};

const PASSWORD: &str = "CANARY-gravel-lantern";
const EMAIL: &str = "canary-ama@example.com";

/// Runs a command for the console on the folder of the server; gives what it prints.
fn run_console(folder: &std::path::Path, arguments: &[&str]) -> Result<String, String> {
    let output = run(folder, |command| {
        command.arg("console").args(arguments);
    });
    if output.status.success() { Ok(text(&output.stdout).trim().to_owned()) } else { Err(text(&output.stderr)) }
}

/// Sends what the console's page sends; gives the status, the cookie and the body.
async fn post(url: &str, path: &str, cookie: &str, body: Value) -> (u16, String, Value) {
    let mut headers = HeaderMap::new();
    headers.insert("x-identivia-console", HeaderValue::from_static("1"));
    headers.insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
    if !cookie.is_empty() {
        headers.insert("cookie", HeaderValue::from_str(cookie).unwrap());
    }
    let request = reqwest::Client::new().post(format!("{url}{path}")).headers(headers).json(&body);
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let cookie = answer.headers().get("set-cookie").map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let cookie = cookie.split(';').next().unwrap().to_owned();
    (status, cookie, answer.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_let_people_in_again_and_no_log_contains_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start(folder.path(), |command| {
        command.env("LOG_LEVEL", "debug");
    });
    let url = server.url.clone();
    let link = run_console(folder.path(), &["setup-link"]).unwrap();
    let setup_token = token_of(&link).to_owned();
    let form = json!({"token": setup_token, "name": "CANARY-Ama", "email": EMAIL, "password": PASSWORD});
    let (status, cookie, body) = post(&url, "/api/console/setup", "", form).await;
    assert_eq!(status, 200, "{body}");
    let (_, _, started) = post(&url, "/api/console/me/totp", &cookie, json!({})).await;
    let base32 = started["data"]["secret"].as_str().unwrap().to_owned();
    let now = identivia::clock::Clock::default().now();
    let code = read_base32(&base32).code_at(now);
    let (status, full, body) = post(&url, "/api/console/me/totp/confirm", &cookie, json!({"code": code})).await;
    assert_eq!(status, 200, "{body}");
    let recovery = body["data"]["recovery_codes"][0].as_str().unwrap().to_owned();
    assert!(run_console(folder.path(), &["setup-link"]).unwrap_err().contains("has users"));

    let link = run_console(folder.path(), &["reset-password", "Canary-Ama@example.com"]).unwrap();
    let (status, ..) = post(&url, "/api/console/step_up", &full, json!({"code": "000000"})).await;
    assert_eq!(status, 401, "the sessions have ended");
    let login = json!({"email": EMAIL, "password": PASSWORD});
    assert_eq!(post(&url, "/api/console/login", "", login).await.0, 401);
    let form = json!({"token": token_of(&link), "password": "CANARY-seven-kettles"});
    let (status, _, body) = post(&url, "/api/console/invitation", "", form).await;
    assert_eq!((status, &body["data"]["stage"]), (200, &json!("factor")), "{body}");
    assert!(run_console(folder.path(), &["reset-factors", EMAIL]).unwrap().contains("removed"));
    let login = json!({"email": EMAIL, "password": "CANARY-seven-kettles"});
    let (status, last, body) = post(&url, "/api/console/login", "", login).await;
    assert_eq!((status, &body["data"]["stage"]), (200, &json!("enrol_factor")), "{body}");
    assert!(run_console(folder.path(), &["reset-factors", "nobody@example.com"]).unwrap_err().contains("no user"));

    let (_, out, log) = server.stop();
    assert!(out.contains("Make the first user of the console within 60 minutes: http://127.0.0.1:"), "{out}");
    let value_of = |cookie: &str| cookie.split_once('=').unwrap().1.to_owned();
    let secrets = [
        setup_token,
        token_of(&link).to_owned(),
        base32,
        recovery,
        value_of(&cookie),
        value_of(&full),
        value_of(&last),
    ];
    for secret in secrets.iter().map(String::as_str).chain([PASSWORD, "CANARY", EMAIL, "seven-kettles"]) {
        assert!(!log.contains(secret), "the log contains {secret}");
    }
    assert!(log.contains("/api/console/login"), "requests are logged: {log}");
    let database = [std::fs::read(folder.path().join("data/identivia.db")).unwrap()].concat();
    let database = String::from_utf8_lossy(&database).into_owned();
    for secret in secrets.iter().map(String::as_str).chain([PASSWORD, "seven-kettles"]) {
        assert!(!database.contains(secret), "the database contains {secret}");
    }
}

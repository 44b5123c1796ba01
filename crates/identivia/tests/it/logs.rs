//! The log: who made a request and why it was refused, blocked addresses, and one line for each outage.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::command::Running;
use crate::services::postgres;
use crate::services::proxy::Proxy;
use crate::world::GIVEN_UP_WITHIN;

const CLIENTS: &str =
    r#"[{"client_id":"shop","client_secret":"shop-secret","scopes":["profiles:read","profiles:write"]}]"#;

async fn token(server: &Running) -> String {
    let body = json!({"client_id": "shop", "client_secret": "shop-secret"});
    let answer =
        reqwest::Client::new().post(format!("{}/api/auth/token", server.url)).json(&body).send().await.unwrap();
    answer.json::<Value>().await.unwrap()["access_token"].as_str().unwrap().to_owned()
}

/// The JSON lines of a log with that message.
fn lines_with(log: &str, message: &str) -> Vec<Value> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["message"] == message).collect()
}

fn start(folder: &std::path::Path, addresses: &str) -> Running {
    Running::start(folder, |command| {
        command.env("JWT_CLIENTS_JSON", CLIENTS).env("LOG_FORMAT", "json").env("LOG_ADDRESSES", addresses);
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn request_lines_name_client_profile_and_the_code_of_a_refusal_but_no_value() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path(), "shortened");
    let (http, token) = (reqwest::Client::new(), token(&server).await);
    let call = async |method: Method, path: &str, token: &str, body: Value| {
        let request = http.request(method, format!("{}{path}", server.url)).bearer_auth(token).json(&body);
        request.send().await.unwrap().json::<Value>().await.unwrap()
    };
    let made = call(Method::POST, "/api/profiles/create", &token, json!({"userID": "CANARY-user"})).await;
    let (id, link) = (made["id"].as_str().unwrap(), made["flow_token"].as_str().unwrap());
    call(Method::GET, &format!("/api/profiles/{id}"), &token, Value::Null).await;
    call(Method::GET, &format!("/api/flow/{id}"), link, Value::Null).await;
    call(Method::POST, "/api/profiles/create", &token, json!({"userID": "x", "email": "CANARY", "redirect_url": 7}))
        .await;
    call(Method::GET, "/api/profiles/janespecimen123", &token, Value::Null).await;
    call(Method::GET, "/api/settings", &token, Value::Null).await;
    let (_, _, log) = server.stop();
    let requests = lines_with(&log, "request");
    let read = requests.iter().find(|line| line["route"] == "/api/profiles/{id}").unwrap();
    assert_eq!((&read["caller"], &read["profile"]), (&json!("client shop"), &json!(id)), "{read}");
    assert_eq!(read["address"], "127.0.0.0/24");
    let flow = requests.iter().find(|line| line["route"] == "/api/flow/{id}").unwrap();
    assert_eq!((&flow["caller"], &flow["profile"]), (&json!("link"), &json!(id)), "{flow}");
    let refusals = lines_with(&log, "request refused");
    let invalid = refusals.iter().find(|line| line["code"] == "invalid_fields").unwrap();
    let fields = invalid["fields"].as_str().unwrap();
    assert!(fields.contains("email") && fields.contains("redirect_url"), "{invalid}");
    let unknown = refusals.iter().find(|line| line["code"] == "identivia_record_not_found").unwrap();
    assert!(unknown.get("profile").is_none(), "a path to no profile can hold anything: {unknown}");
    let scope = refusals.iter().find(|line| line["code"] == "insufficient_scope").unwrap();
    assert_eq!(scope["fields"], "settings:read");
    for value in ["CANARY", "janespecimen123", "127.0.0.1\"", &token, link] {
        assert!(!log.contains(value), "{value}: {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn blocked_address_is_a_warning_once_and_addresses_follow_the_setting() {
    for (setting, shown) in [("full", Some("127.0.0.1")), ("shortened", Some("127.0.0.0/24")), ("none", None)] {
        let folder = tempfile::tempdir().unwrap();
        let server = start(folder.path(), setting);
        let wrong = json!({"client_id": "shop", "client_secret": "CANARY"});
        for _ in 0..15 {
            let url = format!("{}/api/auth/token", server.url);
            reqwest::Client::new().post(url).json(&wrong).send().await.unwrap();
        }
        let (_, _, log) = server.stop();
        let blocked = lines_with(&log, "an address is blocked after too many failures");
        assert_eq!(blocked.len(), 1, "the first of five refusals: {log}");
        assert_eq!((&blocked[0]["level"], &blocked[0]["kind"]), (&json!("WARN"), &json!("client_secrets")));
        assert_eq!(blocked[0].get("address").and_then(Value::as_str), shown);
        let request = &lines_with(&log, "request refused")[0];
        assert_eq!(request.get("address").and_then(Value::as_str), shown);
        assert!(!log.contains("CANARY"), "{log}");
    }
}

/// Sends that many reads at once, and says how many were answered with 503.
async fn count_unavailable(url: &str, token: &str, count: usize) -> usize {
    let http = reqwest::Client::new();
    let reads = (0..count).map(|_| http.get(format!("{url}/api/profiles?limit=1")).bearer_auth(token).send());
    let answers = futures_util::future::join_all(reads).await;
    answers.into_iter().filter(|answer| answer.as_ref().is_ok_and(|answer| answer.status() == 503)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn outage_of_the_store_is_one_warning_and_its_end_one_line() {
    let url = postgres::database().await;
    let mut proxy = Proxy::before(&url).await;
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start(folder.path(), |command| {
        command.env("JWT_CLIENTS_JSON", CLIENTS).env("LOG_FORMAT", "json").env("DATABASE_URL", proxy.url(&url));
        command.env("JWT_SECRET", crate::world::SECRET);
    });
    let token = token(&server).await;
    assert_eq!(count_unavailable(&server.url, &token, 5).await, 0);
    proxy.refuse().await;
    let mut unavailable = 0;
    for _ in 0..10 {
        unavailable += count_unavailable(&server.url, &token, 20).await;
    }
    assert!(unavailable >= 150, "{unavailable}");
    proxy.pass().await;
    let begun = std::time::Instant::now();
    // An outage has ended once calls go well for two seconds.
    while begun.elapsed() < GIVEN_UP_WITHIN {
        let back = count_unavailable(&server.url, &token, 5).await;
        if back == 0 && begun.elapsed() > Duration::from_secs(4) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (_, _, log) = server.stop();
    let out = lines_with(&log, "a service is unavailable; further failures are counted, not logged");
    let back = lines_with(&log, "a service is available again");
    assert_eq!((out.len(), back.len()), (1, 1), "{out:?} {back:?}");
    assert_eq!((&out[0]["service"], &out[0]["level"]), (&json!("records"), &json!("WARN")));
    assert!(back[0]["failures"].as_u64().unwrap() >= 100, "{back:?}");
    let loud = log.lines().filter(|line| line.contains("\"WARN\"") || line.contains("\"ERROR\""));
    let others: Vec<&str> =
        loud.filter(|line| !line.contains("is unavailable") && !line.contains("is not set")).collect();
    assert!(others.len() <= 2, "everything else follows from the outage: {others:#?}");
    assert!(!log.contains(postgres::PASSWORD), "{log}");
}

//! `identivia demo-data`: what it writes, and which databases it refuses.

use std::collections::BTreeMap;
use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};

use crate::command::{self, Running, text};
use crate::ground::Ground;
use crate::world::{SECRET, answer};

const CLIENT: &str = r#"[{"client_id":"op","client_secret":"op-secret","scopes":["profiles:read","profiles:write","files:read","audit:read","analytics:read","verification_history:read","reviews:read"]}]"#;

/// A caller of a server of its own process.
struct Operator {
    http: reqwest::Client,
    server: Running,
    token: String,
}

impl Operator {
    async fn start(folder: &std::path::Path, ground: &Ground) -> Self {
        let server = Running::start(folder, |command| set_up(command, ground));
        let http = reqwest::Client::new();
        let credentials = json!({"client_id": "op", "client_secret": "op-secret"});
        let asked = http.post(format!("{}/api/auth/token", server.url)).json(&credentials);
        let token = answer(asked).await.expect(200)["access_token"].as_str().unwrap().to_owned();
        Self { http, server, token }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.server.url)).bearer_auth(&self.token)
    }

    async fn get(&self, path: &str) -> Value {
        answer(self.request(Method::GET, path)).await.expect(200)
    }
}

fn set_up(command: &mut Command, ground: &Ground) {
    command.env("JWT_SECRET", SECRET).env("JWT_CLIENTS_JSON", CLIENT).envs(ground.variables());
}

fn run_demo_data(folder: &std::path::Path, ground: &Ground) -> std::process::Output {
    command::run(folder, |command| {
        command.arg("demo-data");
        set_up(command, ground);
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_people_in_all_states_are_written_once() {
    let folder = tempfile::tempdir().unwrap();
    let ground = Ground::wanted().await;
    let output = run_demo_data(folder.path(), &ground);
    let said = text(&output.stdout);
    assert!(output.status.success() && said.contains("60 invented people"), "{said}{}", text(&output.stderr));

    let again = run_demo_data(folder.path(), &ground);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("the demo data is there already"), "{}", text(&again.stderr));

    let operator = Operator::start(folder.path(), &ground).await;
    let list = operator.get("/api/profiles?limit=100").await;
    let profiles = list["data"].as_array().unwrap();
    assert_eq!(profiles.len(), 60);
    let mut statuses: BTreeMap<&str, usize> = BTreeMap::new();
    for profile in profiles {
        assert!(profile["userID"].as_str().unwrap().starts_with("demo-person-"), "{profile}");
        *statuses.entry(profile["status"].as_str().unwrap()).or_default() += 1;
    }
    let expected = [
        ("in_review", 3),
        ("on_hold", 2),
        ("pending", 14),
        ("rejected", 6),
        ("resubmission_requested", 3),
        ("unverified", 15),
        ("verified", 17),
    ];
    assert_eq!(statuses.into_iter().collect::<Vec<_>>(), expected);

    check_reviews(&operator).await;

    let verified = profiles.iter().find(|profile| profile["status"] == "verified").unwrap();
    let id = verified["id"].as_str().unwrap();
    let records = operator.get(&format!("/api/verification_history/{id}")).await;
    let record = &records["data"][0];
    assert_eq!((&record["checks_status"], record["checks"].as_array().map(Vec::len)), (&json!("done"), Some(4)));
    let path = format!(
        "/api/files/verification_history/{}/{}",
        record["id"].as_str().unwrap(),
        record["facial_photo"].as_str().unwrap()
    );
    let picture = answer(operator.request(Method::GET, &path)).await;
    assert_eq!((picture.status, picture.header("content-type")), (200, "image/png"));
    let portrait = image::load_from_memory(&picture.bytes).unwrap();
    assert_eq!((portrait.width(), portrait.height()), (300, 300));

    // Its events are in the audit trail like those of real people.
    let events = operator.get(&format!("/api/audit_events?profile={id}&limit=100")).await;
    let kinds: Vec<_> =
        events["data"].as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!((kinds[0], kinds.last()), ("status.recorded", Some(&"profile.created")));
}

/// Reviews in every tab of the queue, decided by invented people who cannot sign in.
async fn check_reviews(operator: &Operator) {
    // They do not prevent the first user.
    assert_eq!(operator.get("/api/console/state").await["data"]["setup_needed"], true);
    let count = async |states: &str| {
        operator.get(&format!("/api/reviews?limit=100&state={states}")).await["data"].as_array().unwrap().len()
    };
    assert_eq!((count("second_look").await, count("escalated").await, count("waiting").await), (2, 1, 3));
    assert!(count("decided").await >= 12 && count("open").await >= 9);
    let audited = operator.get("/api/audit_events?limit=100&kind=review.*").await;
    let kinds: Vec<_> =
        audited["data"].as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap()).collect();
    for kind in ["review.claimed", "review.decided", "review.proposed", "review.escalated", "review.reopened"] {
        assert!(kinds.contains(&kind), "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn database_with_a_real_profile_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let ground = Ground::wanted().await;
    let operator = Operator::start(folder.path(), &ground).await;
    let made = answer(operator.request(Method::POST, "/api/profiles/create").json(&json!({"userID": "real"}))).await;
    made.expect(201);
    drop(operator);
    let refused = run_demo_data(folder.path(), &ground);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("has profiles that are no demo data"), "{}", text(&refused.stderr));
    let operator = Operator::start(folder.path(), &ground).await;
    assert_eq!(operator.get("/api/profiles").await["data"].as_array().unwrap().len(), 1, "nothing was written");
}

#[test]
fn a_running_server_keeps_the_command_off() {
    let folder = tempfile::tempdir().unwrap();
    let _server = Running::start(folder.path(), |command| set_up(command, &Ground::Sqlite));
    let refused = run_demo_data(folder.path(), &Ground::Sqlite);
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused.stdout));
}

//! The metrics: each that an alert rule or the documentation names is exported by a running server, and readiness answers in time.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::command::Running;
use crate::services::proxy::Proxy;
use crate::services::{postgres, s3};
use crate::world::World;

fn read_repository_file(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)).unwrap()
}

/// The names of our metrics in a text.
fn find_metric_names(text: &str) -> BTreeSet<String> {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let words = text.split(|letter: char| !is_name(letter));
    let prefixes =
        ["identivia_", "http_requests", "http_request_duration", "requests_refused", "process_", "event_readers"];
    let is_ours = |word: &&str| prefixes.iter().any(|prefix| word.starts_with(prefix));
    words.filter(is_ours).map(str::to_owned).collect()
}

/// What a server with metrics exports after a request.
async fn scrape(variables: &[(&str, String)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = Running::start(folder.path(), |command| {
        command.env("METRICS_ADDR", free.to_string()).envs(variables.iter().map(|(name, value)| (name, value)));
    });
    reqwest::get(format!("{}/readyz", server.url)).await.unwrap();
    let body = serde_json::json!({"client_id": "x", "client_secret": "y"});
    reqwest::Client::new().post(format!("{}/api/auth/token", server.url)).json(&body).send().await.unwrap();
    for _ in 0..250 {
        let page = reqwest::get(format!("http://{free}/metrics")).await.unwrap().text().await.unwrap();
        // The first counts of jobs come from tasks behind the start.
        if page.contains("identivia_file_intents") && page.contains("identivia_jobs_oldest_due_seconds") {
            server.stop();
            return page;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("jobs were not counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_of_an_alert_is_exported_and_documented() {
    let sqlite = scrape(&[]).await;
    let on_postgres = scrape(&[("DATABASE_URL", postgres::database().await)]).await;
    let exported = format!("{sqlite}{on_postgres}");
    let documented = find_metric_names(&read_repository_file("docs/metrics.md"));
    let alerts = find_metric_names(&read_repository_file("deploy/alerts.yml"));
    assert!(alerts.len() >= 15, "{alerts:?}");
    for name in &alerts {
        let family = name.trim_end_matches("_bucket");
        let is_exported = exported.lines().any(|line| line.starts_with(name.as_str()));
        assert!(is_exported, "{name} is exported by no server:\n{sqlite}");
        assert!(documented.contains(family), "docs/metrics.md does not explain {family}");
    }
    // Every exported metric is explained.
    for line in exported.lines().filter(|line| line.starts_with("# TYPE ")) {
        let name = line.split(' ').nth(2).unwrap();
        assert!(documented.contains(name), "docs/metrics.md does not explain {name}");
    }
    for (metric, at_least) in
        [("process_resident_memory_bytes", 1e6), ("identivia_disk_free_bytes", 1e6), ("identivia_engine_slots", 1.0)]
    {
        let line = sqlite.lines().find(|line| line.starts_with(&format!("{metric} "))).unwrap();
        assert!(line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() >= at_least, "{line}");
    }
    assert!(sqlite.contains("identivia_failed_logins_total{kind=\"client_secrets\"} 1"), "{sqlite}");
    assert!(on_postgres.contains("identivia_database_connections_limit 16"), "{on_postgres}");
    let started: f64 =
        sqlite.lines().find_map(|line| line.strip_prefix("process_start_time_seconds ")).unwrap().parse().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    assert!((now - started).abs() < 600.0, "{started} {now}");
}

#[test]
fn alert_rules_are_valid_and_each_action_is_documented() {
    let rules = read_repository_file("deploy/alerts.yml");
    let operations = read_repository_file("docs/operations.md");
    let anchors: BTreeSet<String> = operations
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .map(|title| {
            let title = title.trim_start_matches('#').trim().to_lowercase();
            let kept: String =
                title.chars().filter(|letter| letter.is_alphanumeric() || " -".contains(*letter)).collect();
            kept.replace(' ', "-")
        })
        .collect();
    for line in rules.lines().filter(|line| line.contains("action: ")) {
        let anchor = line.split('#').nth(1).unwrap().trim_end_matches('"');
        assert!(anchors.contains(anchor), "docs/operations.md has no heading for {anchor}: {anchors:?}");
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/alerts.yml");
    match Command::new("promtool").args(["check", "rules"]).arg(file).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(_) => eprintln!("promtool is not installed: the rules were not parsed"),
    }
}

/// Asks a server whether it is ready; the status and how long the answer took.
async fn ask_readiness(world: &World) -> (u16, Duration) {
    let begun = Instant::now();
    let answer = world.bearing(None).get("/readyz").await;
    (answer.status, begun.elapsed())
}

async fn expect_unready_in_time(world: &World, what: &str) {
    for _ in 0..3 {
        let (status, took) = ask_readiness(world).await;
        assert!(status == 503 && took < Duration::from_secs(2), "{what}: {status} after {took:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_answers_within_two_seconds_when_postgres_or_s3_hangs() {
    let (url, bucket) = (postgres::database().await, s3::bucket().await);
    let (mut database, mut files) = (Proxy::before(&url).await, Proxy::before(&bucket.endpoint).await);
    let files_url = format!("s3://{}/files", bucket.name);
    let (database_url, endpoint) = (database.url(&url), files.url(&bucket.endpoint));
    let flags = [
        "--database-url",
        &database_url,
        "--files-url",
        &files_url,
        "--aws-endpoint-url-s3",
        &endpoint,
        "--aws-access-key-id",
        &bucket.access_key,
        "--aws-secret-access-key",
        &bucket.secret_key,
    ];
    let world = World::with(&flags, true).await;
    assert_eq!(ask_readiness(&world).await.0, 200);
    files.hang().await;
    // The last look at the bucket is good for five seconds.
    tokio::time::sleep(Duration::from_secs(6)).await;
    expect_unready_in_time(&world, "S3").await;
    files.pass().await;
    database.hang().await;
    expect_unready_in_time(&world, "PostgreSQL").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_answers_within_two_seconds_when_pocketbase_hangs() {
    let service = crate::services::pocketbase::ready_made().await.1;
    let mut proxy = Proxy::before(&service.url).await;
    let url = proxy.url(&service.url);
    let flags = ["--pocketbase-url", &url, "--pb-user-email", &service.email, "--pb-user-password", &service.password];
    let world = World::with(&flags, true).await;
    assert_eq!(ask_readiness(&world).await.0, 200);
    proxy.hang().await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    expect_unready_in_time(&world, "PocketBase").await;
}

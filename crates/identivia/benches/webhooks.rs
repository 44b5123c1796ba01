//! Webhook deliveries per second to a receiver on this machine: `make bench`.
//!
//! The events are there before the measurement begins; then a replay makes them all due. Server and receiver share one process
//! and the machine. The folder is under `target`, on a real disk: each delivery is claimed and noted in the database.
//!
//! `WEBHOOK_EVENTS` is the number of events (5,000).
#![expect(clippy::print_stdout, reason = "the figures are what this program is for")]

use std::env;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use clap::Parser;
use futures_util::{StreamExt as _, stream};
use identivia::clock::Clock;
use identivia::config::{Config, Settings};
use identivia::server::{Server, StartOptions};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

const EVENTS: usize = 5_000;
const AIM: f64 = 1_000.0;
const SECRET: &str = "a client secret of the benchmark";
/// How much longer deliveries may take beside an endpoint that hangs.
const MOST_LONGER: f64 = 1.2;
/// The longest wait for the last delivery.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

#[derive(Parser)]
struct CommandLine {
    #[command(flatten)]
    settings: Settings,
}

fn main() -> anyhow::Result<()> {
    // `cargo test --benches` runs this too, without asking for a measurement.
    if !env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(measure_deliveries())
}

async fn measure_deliveries() -> anyhow::Result<()> {
    let events = env::var("WEBHOOK_EVENTS").map_or(Ok(EVENTS), |text| text.parse())?;
    let folder = tempfile::tempdir_in(Path::new(env!("CARGO_TARGET_TMPDIR")))?;
    let clients = json!([{"client_id": "bench", "client_secret": SECRET, "team": "bench",
        "scopes": ["profiles:write", "webhooks:read", "webhooks:write"]}]);
    let (data, clients) = (folder.path().join("data"), clients.to_string());
    let line = [
        "bench",
        "--data-dir",
        data.to_str().context("a path in UTF-8")?,
        "--port",
        "0",
        "--jwt-clients-json",
        &clients,
        "--webhooks-allow-nets",
        "127.0.0.0/8",
        "--webhooks-allow-http",
        "true",
    ];
    let config = Config::new(&CommandLine::parse_from(line).settings)?;
    let server = Server::start(config, StartOptions::default()).await?;
    let (_stop, stopped) = watch::channel(false);
    let base = format!("http://{}", server.address);
    tokio::spawn(server.run(stopped));
    let (receiver, received) = start_receiver(false).await?;

    let api = Api::sign_in(base).await?;
    let since = json!(Clock::default().now().plus_seconds(-60).rfc3339());
    let create = |number: usize| api.post("/api/profiles/create", json!({"userID": format!("u{number}")}));
    let created: Vec<_> = stream::iter(0..events).map(create).buffer_unordered(32).collect().await;
    created.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    let endpoint = make_endpoint(&api, &receiver).await?;
    let (alone, twice) = measure_replay(&api, &endpoint, &since, &received, events).await?;
    let rate = events as f64 / alone;
    println!("webhooks: {events} deliveries, {rate:.0}/s, {twice} sent twice");
    println!("aim: {AIM:.0}/s: {}", if rate >= AIM { "met" } else { "missed" });

    // All deliveries are due at once, so the last one's time is that of the 99th in a hundred.
    let (hanging, _) = start_receiver(true).await?;
    let hanging = make_endpoint(&api, &hanging).await?;
    replay(&api, &hanging, &since).await?;
    let (beside, twice) = measure_replay(&api, &endpoint, &since, &received, events).await?;
    let longer = beside / alone;
    println!(
        "beside an endpoint that hangs: {:.0}/s, {twice} sent twice, {longer:.2} times as long",
        events as f64 / beside
    );
    println!("aim: at most {MOST_LONGER}: {}", if longer <= MOST_LONGER { "met" } else { "missed" });
    Ok(())
}

async fn make_endpoint(api: &Api, receiver: &str) -> anyhow::Result<String> {
    let made = api.post("/api/webhooks", json!({"url": receiver})).await?;
    Ok(format!("/api/webhooks/{}", made["data"]["id"].as_str().context("an id")?))
}

async fn replay(api: &Api, endpoint: &str, since: &Value) -> anyhow::Result<u64> {
    let replayed = api.post(&format!("{endpoint}/replay"), json!({"since": since, "only": "all"})).await?;
    replayed["data"]["count"].as_u64().context("a count")
}

/// Makes all events due for an endpoint. Returns the seconds until the last has arrived, and how many came twice.
async fn measure_replay(
    api: &Api,
    endpoint: &str,
    since: &Value,
    received: &AtomicUsize,
    events: usize,
) -> anyhow::Result<(f64, usize)> {
    received.store(0, Ordering::Relaxed);
    let begun = Instant::now();
    ensure!(replay(api, endpoint, since).await? == events as u64, "not all events are due");
    while received.load(Ordering::Relaxed) < events {
        ensure!(begun.elapsed() < LONGEST_WAIT, "only {} of {events} arrived", received.load(Ordering::Relaxed));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let seconds = begun.elapsed().as_secs_f64();
    tokio::time::sleep(Duration::from_millis(500)).await;
    Ok((seconds, received.load(Ordering::Relaxed) - events))
}

/// A receiver that counts what it gets; one that hangs never answers.
async fn start_receiver(hangs: bool) -> anyhow::Result<(String, Arc<AtomicUsize>)> {
    let received = Arc::new(AtomicUsize::new(0));
    let count = move |State(received): State<Arc<AtomicUsize>>| async move {
        received.fetch_add(1, Ordering::Relaxed);
        if hangs {
            std::future::pending::<()>().await;
        }
        StatusCode::NO_CONTENT
    };
    let router = Router::new().fallback(count).with_state(received.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/hook", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok((url, received))
}

/// Calls of the API with a token.
struct Api {
    http: reqwest::Client,
    base: String,
    token: String,
}

impl Api {
    async fn sign_in(base: String) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let mut api = Self { http, base, token: String::new() };
        let issued = api.post("/api/auth/token", json!({"client_id": "bench", "client_secret": SECRET})).await?;
        issued["access_token"].as_str().context("a token")?.clone_into(&mut api.token);
        Ok(api)
    }

    async fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        let request = self.http.post(format!("{}{path}", self.base)).bearer_auth(&self.token).json(&body);
        let answer = request.send().await?;
        let status = answer.status();
        let body: Value = answer.json().await?;
        ensure!(status.is_success(), "{path}: {status} {body}");
        Ok(body)
    }
}

//! Times of every list over HTTP, at 1,000, 100,000 and 1,000,000 profiles: `make scale`.
//!
//! A line is a list of one person: of every team, of one team, of two, or of a team with few and old profiles. It is asked for
//! `SCALE_CALLS` (30) times after two calls that warm it up; the line has the median, the second longest and the database's
//! plan. `STORE=postgres` measures PostgreSQL, in a cluster that goes with this program. `SCALE` is the largest number of
//! profiles. A missed aim is printed, and ends the program with an error at the end.
#![expect(clippy::print_stdout, reason = "the figures are what this program is for")]

#[path = "console/database.rs"]
mod database;
#[path = "scale/explain.rs"]
mod explain;
#[path = "scale/fill.rs"]
mod fill;
#[path = "scale/lists.rs"]
mod lists;
#[path = "http/server_binary.rs"]
mod server_binary;
#[path = "console/stage.rs"]
mod stage;

use std::env;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use identivia::domain::console::session::ConsoleToken;
use identivia::records::console_user::ConsoleRole;
use reqwest::Client;
use reqwest::header::{COOKIE, HeaderMap, HeaderValue};

use crate::database::Database;
use crate::explain::Explainer;
use crate::stage::{Person, RunningServer, Service, add_people, create_folder, read_load};

const AIM: Duration = Duration::from_millis(5);

fn main() -> anyhow::Result<()> {
    // `cargo test --benches` runs this too, without asking for a measurement.
    if !env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(measure_all_sizes())
}

async fn measure_all_sizes() -> anyhow::Result<()> {
    let most = read_number("SCALE", 1_000_000)?;
    let mut missed = 0;
    for size in [1_000, 100_000, 1_000_000].into_iter().filter(|size| *size < most).chain([most]) {
        missed += measure_size(size).await?;
    }
    ensure!(missed == 0, "{missed} lists take longer than {} ms", AIM.as_millis());
    Ok(())
}

fn read_number(name: &str, usual: u64) -> anyhow::Result<u64> {
    Ok(env::var(name).map_or(Ok(usual), |text| text.parse())?)
}

fn people() -> Vec<Person> {
    let teams = |teams: &[&str]| Some(teams.iter().map(|team| (*team).to_owned()).collect());
    vec![
        ("every team", ConsoleRole::Admin, None),
        ("team-19", ConsoleRole::Reviewer, teams(&["team-19"])),
        ("two teams", ConsoleRole::Reviewer, teams(&["team-3", "team-19"])),
        ("tiny", ConsoleRole::Reviewer, teams(&["tiny"])),
    ]
}

/// Measures every list at one size; says how many miss the aim.
async fn measure_size(size: u64) -> anyhow::Result<usize> {
    let now = identivia::clock::Clock::default().now();
    let folder = create_folder()?;
    let data = folder.path().join("data");
    let service = Service::start(folder.path())?;
    let url = service.variables.get("DATABASE_URL");
    let callers = add_people(url, &data, people(), now).await?;
    fill::fill_database(&Database::find(url, &data), size, now.0).await?;
    let server = RunningServer::start(url, &data).await?;
    let explainer = Explainer::open(url, &data).await?;
    println!("{size} profiles, load average {}", read_load());
    println!("{:<11}{:<74}{:>9}{:>9}  plan", "caller", "list", "p50 ms", "p99 ms");
    let mut missed = 0;
    for ((name, token), (_, role, teams)) in callers.iter().zip(people()) {
        let http = sign_in(token)?;
        for path in lists::list_paths(now.0) {
            // Reviewers do not read the audit trail of others.
            if role != ConsoleRole::Admin && path.starts_with("/api/audit_events") {
                continue;
            }
            let Some([median, longest]) = measure_list(&http, &server.base, &path).await? else { continue };
            let plan = explainer.explain(&path, teams.as_deref()).await?;
            let verdict = if median <= AIM { "" } else { " MISSED" };
            missed += usize::from(median > AIM);
            let milliseconds = |time: Duration| time.as_secs_f64() * 1_000.0;
            println!(
                "{name:<11}{path:<74}{:>9.2}{:>9.2}  {plan}{verdict}",
                milliseconds(median),
                milliseconds(longest)
            );
        }
    }
    println!("load average at the end {}", read_load());
    Ok(missed)
}

fn sign_in(token: &ConsoleToken) -> anyhow::Result<Client> {
    let mut headers = HeaderMap::new();
    headers.insert(COOKIE, HeaderValue::from_str(&format!("identivia={}", token.as_text()))?);
    headers.insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
    headers.insert("x-identivia-console", HeaderValue::from_static("1"));
    Ok(Client::builder().default_headers(headers).build()?)
}

/// The median and the second longest of the times of a list; `None` where the caller does not reach the record.
async fn measure_list(http: &Client, base: &str, path: &str) -> anyhow::Result<Option<[Duration; 2]>> {
    let calls = usize::try_from(read_number("SCALE_CALLS", 30)?)?;
    let mut times = Vec::with_capacity(calls);
    for call in 0..calls + 2 {
        let begun = Instant::now();
        let answer = http.get(format!("{base}{path}")).send().await?;
        let status = answer.status();
        let body = answer.text().await?;
        let taken = begun.elapsed();
        if status == reqwest::StatusCode::NOT_FOUND {
            return Ok(None);
        }
        ensure!(status.is_success(), "{path} gave {status}: {body}");
        if call >= 2 {
            times.push(taken);
        }
    }
    times.sort();
    let median = times.get(times.len() / 2).copied().context("a call")?;
    Ok(Some([median, times.iter().rev().nth(1).copied().unwrap_or(median)]))
}

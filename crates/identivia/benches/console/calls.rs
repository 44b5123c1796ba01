//! The requests of the console that are measured, and their aims.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use identivia::domain::console::session::ConsoleToken;
use identivia::records::time::Millis;
use reqwest::header::{COOKIE, HeaderMap, HeaderValue};
use reqwest::{Client, Method};
use serde_json::{Value, json};

const CALLS: usize = 30;
const QUEUE_AIM: Duration = Duration::from_millis(100);
const REPORT_AIM: Duration = Duration::from_secs(1);

/// A person at the console.
pub(crate) struct Caller {
    name: &'static str,
    base: String,
    http: Client,
}

impl Caller {
    pub(crate) fn new(name: &'static str, base: &str, token: &ConsoleToken) -> anyhow::Result<Self> {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_str(&format!("identivia={}", token.as_text()))?);
        headers.insert("sec-fetch-site", HeaderValue::from_static("same-origin"));
        headers.insert("x-identivia-console", HeaderValue::from_static("1"));
        Ok(Self { name, base: base.to_owned(), http: Client::builder().default_headers(headers).build()? })
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<(Duration, Value)> {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let begun = Instant::now();
        let answer = request.send().await?;
        let status = answer.status();
        let body: Value = answer.json().await?;
        let taken = begun.elapsed();
        ensure!(status.is_success(), "{path} gave {status}: {body}");
        Ok((taken, body))
    }

    async fn measure_read(&self, path: &str, aim: Duration) -> anyhow::Result<Value> {
        let (_, first) = self.call(Method::GET, path, None).await?;
        let mut times = Vec::with_capacity(CALLS);
        for _ in 0..CALLS {
            times.push(self.call(Method::GET, path, None).await?.0);
        }
        self.print_line(&format!("GET {path}"), times, aim);
        Ok(first)
    }

    fn print_line(&self, name: &str, mut times: Vec<Duration>, aim: Duration) {
        times.sort();
        let milliseconds = |time: Duration| time.as_secs_f64() * 1_000.0;
        let most = times.last().copied().unwrap_or_default();
        let (median, most_text) =
            (milliseconds(times.get(times.len() / 2).copied().unwrap_or_default()), milliseconds(most));
        let verdict = if most <= aim { "ok" } else { "MISSED" };
        println!(
            "{:<11}{name:<92}p50 {median:>8.1} ms   max {most_text:>8.1} ms   aim {:>5.0}   {verdict}",
            self.name,
            milliseconds(aim)
        );
    }
}

/// The queue, with each of its filters, and the next review.
pub(crate) async fn measure_queue(caller: &Caller, now: Millis) -> anyhow::Result<()> {
    let page = caller.measure_read("/api/reviews?state=open&limit=50", QUEUE_AIM).await?;
    let cursor = page["next_cursor"].as_str().context("a second page")?;
    caller.measure_read(&format!("/api/reviews?state=open&limit=50&cursor={cursor}"), QUEUE_AIM).await?;
    caller.measure_read("/api/reviews/counts", QUEUE_AIM).await?;
    for filter in [
        "state=claimed,deciding&assignee=me",
        "state=second_look,escalated",
        "state=waiting",
        "state=decided",
        "state=open&country=DEU",
        "state=open&country=ISL",
        "state=open&document_type=driving_license",
        "state=open&finding=glare",
        "state=open&finding=screen",
        "state=open&team=team-3",
        "state=open&q=anna",
        "state=open&country=ISL&finding=screen",
        "country=ISL",
    ] {
        caller.measure_read(&format!("/api/reviews?{filter}&limit=50"), QUEUE_AIM).await?;
    }
    let due = now.plus_seconds(-86_400).to_string();
    caller.measure_read(&format!("/api/reviews?state=open&due_before={}&limit=50", &due[..10]), QUEUE_AIM).await?;
    measure_next(caller).await
}

/// The statistics, of 30 days and of a year.
pub(crate) async fn measure_reports(caller: &Caller, now: Millis) -> anyhow::Result<()> {
    let year = now.plus_seconds(-365 * 86_400).to_string();
    caller.measure_read("/api/analytics/overview", REPORT_AIM).await?;
    // Reviewers read the report of their own work alone.
    let reports: &[&str] = if caller.name == "two teams" {
        &["reviewers"]
    } else {
        &["funnel", "rates", "times", "reasons", "breakdown", "reviewers"]
    };
    for report in reports {
        caller.measure_read(&format!("/api/analytics/{report}"), REPORT_AIM).await?;
        caller.measure_read(&format!("/api/analytics/{report}?from={}", &year[..10]), REPORT_AIM).await?;
    }
    Ok(())
}

/// Claims the next review, and gives it back outside of the measured time.
async fn measure_next(caller: &Caller) -> anyhow::Result<()> {
    let mut times = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let (taken, case) = caller.call(Method::POST, "/api/reviews/next", Some(json!({}))).await?;
        times.push(taken);
        let (id, claim) = (case["data"]["id"].as_str().context("an id")?, &case["data"]["claim_id"]);
        caller.call(Method::POST, &format!("/api/reviews/{id}/release"), Some(json!({"claim_id": claim}))).await?;
    }
    caller.print_line("POST /api/reviews/next", times, QUEUE_AIM);
    Ok(())
}

//! Logs and metrics. Neither holds what a person sent: lines carry route templates, statuses, durations and request ids.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

use crate::config::LogFormat;
use crate::http::connection::accept::Answer;

/// Where the buckets of request durations end, in seconds.
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// The most log text that waits to be written, in bytes; what comes on top is counted and dropped.
const LOG_BYTES: usize = 8 * 1024 * 1024;
/// How long lines are gathered before they are written: one write a line costs more than the request it reports.
const LOG_PAUSE: Duration = Duration::from_millis(5);

/// Log lines on their way to standard error.
#[derive(Clone, Default)]
struct LogBuffer(Arc<(Mutex<Lines>, Condvar)>);

#[derive(Default)]
struct Lines {
    text: Vec<u8>,
    dropped: u64,
    ended: bool,
}

impl LogBuffer {
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what has gathered, again and again, until the guard is dropped.
    fn write_out(&self) {
        let mut spare = Vec::new();
        loop {
            let waiting = self.0.1.wait_while(self.lines(), |lines| lines.text.is_empty() && !lines.ended);
            drop(waiting);
            thread::sleep(LOG_PAUSE);
            let mut lines = self.lines();
            std::mem::swap(&mut lines.text, &mut spare);
            let (dropped, ended) = (std::mem::take(&mut lines.dropped), lines.ended);
            drop(lines);
            let mut out = std::io::stderr().lock();
            // Nobody can be told that the log cannot be written.
            let _ = out.write_all(&spare);
            if dropped > 0 {
                let _ = writeln!(out, "{dropped} log lines were dropped: standard error is too slow");
            }
            spare.clear();
            if ended {
                return;
            }
        }
    }
}

impl std::io::Write for LogBuffer {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        let mut lines = self.lines();
        if lines.text.len() + line.len() > LOG_BYTES {
            lines.dropped += 1;
            return Ok(line.len());
        }
        let was_empty = lines.text.is_empty();
        lines.text.extend_from_slice(line);
        drop(lines);
        if was_empty {
            self.0.1.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Keeps the log going; dropping it writes the last lines.
pub struct LogGuard(LogBuffer, Option<thread::JoinHandle<()>>);

impl Drop for LogGuard {
    fn drop(&mut self) {
        self.0.lines().ended = true;
        self.0.0.1.notify_one();
        if let Some(writer) = self.1.take() {
            let _ = writer.join();
        }
    }
}

/// Starts logging to standard error. Lines are written by a thread of their own.
pub fn start_logs(filter: &str, format: LogFormat) -> LogGuard {
    let buffer = LogBuffer::default();
    let theirs = buffer.clone();
    let writer = thread::Builder::new().name("log".to_owned()).spawn(move || theirs.write_out());
    let guard = LogGuard(buffer.clone(), writer.ok());
    let writer = move || buffer.clone();
    let wanted: Targets = filter.parse().unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO));
    // Other crates' finer lines can quote what was sent (headers, values, statements), so they are never written; nor is
    // anything of the AWS SDK's, whose warnings quote whole answers of whatever issues credentials.
    let safe = tracing_subscriber::filter::filter_fn(|metadata| {
        let (target, is_fine) = (metadata.target(), *metadata.level() > tracing::Level::INFO);
        target.starts_with("identivia") || !(is_fine || target.starts_with("aws_"))
    });
    let layer = tracing_subscriber::fmt::layer().with_writer(writer).with_target(false);
    // Filters of the whole registry are asked once a place in the code; a layer's own would be asked for each line.
    let registry = tracing_subscriber::registry().with(wanted).with(safe);
    match format {
        LogFormat::Json => {
            registry.with(layer.json().flatten_event(true).with_current_span(false).with_span_list(false)).init();
        }
        LogFormat::Pretty => {
            let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
            registry.with(layer.with_ansi(colours)).init();
        }
    }
    std::panic::set_hook(Box::new(|panic| {
        // The place only: a panic's message may hold what was being worked on.
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a panic: please report it");
    }));
    guard
}

/// Starts counting.
///
/// # Errors
/// When counting has been started before.
pub fn start_metrics() -> anyhow::Result<PrometheusHandle> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full("http_request_duration_seconds".to_owned()), &BUCKETS)?;
    Ok(builder.install_recorder()?)
}

/// Counts one request. Its labels are made anew each time, so it is only called while somebody asks for metrics.
pub fn measure(method: &'static str, route: &str, status: StatusCode, took: Duration) {
    let labels =
        || [("method", method.to_owned()), ("route", route.to_owned()), ("status", status.as_u16().to_string())];
    metrics::counter!("http_requests_total", &labels()).increment(1);
    metrics::histogram!("http_request_duration_seconds", &labels()).record(took.as_secs_f64());
}

/// Answers `GET /metrics` on the second address, and nothing else.
#[derive(Clone)]
pub struct MetricsPage(pub PrometheusHandle);

impl Answer for MetricsPage {
    async fn answer(self, request: hyper::Request<Incoming>, _: SocketAddr) -> Response {
        if request.uri().path() != "/metrics" || request.method() != Method::GET {
            return StatusCode::NOT_FOUND.into_response();
        }
        ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], self.0.render()).into_response()
    }
}

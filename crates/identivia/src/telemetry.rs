//! Logs and metrics. Neither holds what a person sent: lines carry route templates, statuses, durations and request ids.

use std::net::SocketAddr;
use std::time::Duration;

use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

use crate::config::LogFormat;
use crate::http::server::Answer;

/// Where the buckets of request durations end, in seconds.
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// Starts logging to standard error. Lines are written by a thread of their own; dropping the guard writes the last.
pub fn start_logs(filter: &str, format: LogFormat) -> WorkerGuard {
    let (writer, guard) = tracing_appender::non_blocking(std::io::stderr());
    let wanted: Targets = filter.parse().unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO));
    // Other crates' finer lines can quote what was sent (headers, values, statements), so they are never written.
    let safe = tracing_subscriber::filter::filter_fn(|metadata| {
        metadata.target().starts_with("identivia") || *metadata.level() <= tracing::Level::INFO
    });
    let layer = tracing_subscriber::fmt::layer().with_writer(writer).with_target(false);
    let registry = tracing_subscriber::registry();
    match format {
        LogFormat::Json => {
            let json = layer.json().flatten_event(true).with_current_span(false).with_span_list(false);
            registry.with(json.with_filter(safe).with_filter(wanted)).init();
        }
        LogFormat::Pretty => {
            let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
            registry.with(layer.with_ansi(colours).with_filter(safe).with_filter(wanted)).init();
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

/// Counts one request. Costs next to nothing while metrics are off.
pub fn measure(method: &Method, route: &str, status: StatusCode, took: Duration) {
    let labels = || {
        [("method", method.as_str().to_owned()), ("route", route.to_owned()), ("status", status.as_u16().to_string())]
    };
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

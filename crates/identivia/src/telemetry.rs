//! Logs and metrics. Lines carry route templates, statuses, durations and ids, and of a caller's address what a setting allows.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use axum::http::StatusCode;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

/// Upper bounds of the buckets of durations, in seconds.
const DURATION_BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// The most log text that waits to be written, in bytes. Further lines are counted and dropped.
const MAX_BUFFERED_BYTES: usize = 8 * 1024 * 1024;
/// The log thread collects lines for this long before it writes: one write a line costs more than the reported request.
const WRITE_INTERVAL: Duration = Duration::from_millis(5);

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Pretty,
    Json,
}

/// How much of a caller's address is in log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoggedAddresses {
    Full,
    /// The network: /24 of IPv4, /48 of IPv6.
    Shortened,
    None,
}

impl LoggedAddresses {
    /// The text of an address in a log line; `None` where addresses are not logged.
    #[must_use]
    pub fn to_text(self, address: IpAddr) -> Option<String> {
        match (self, address) {
            (Self::None, _) => None,
            (Self::Full, address) => Some(address.to_string()),
            (Self::Shortened, IpAddr::V4(address)) => {
                Some(format!("{}/24", Ipv4Addr::from(u32::from(address) & 0xFFFF_FF00)))
            }
            (Self::Shortened, IpAddr::V6(address)) => {
                Some(format!("{}/48", Ipv6Addr::from(u128::from(address) & (u128::MAX << 80))))
            }
        }
    }
}

/// Log lines on their way to standard error.
#[derive(Clone, Default)]
struct LogBuffer(Arc<(Mutex<BufferedLines>, Condvar)>);

#[derive(Default)]
struct BufferedLines {
    text: Vec<u8>,
    dropped: u64,
    ended: bool,
}

impl LogBuffer {
    fn lock_lines(&self) -> MutexGuard<'_, BufferedLines> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes collected lines to standard error, again and again, until the guard is dropped.
    fn write_lines_until_end(&self) {
        let mut spare = Vec::new();
        loop {
            let waiting = self.0.1.wait_while(self.lock_lines(), |lines| lines.text.is_empty() && !lines.ended);
            drop(waiting);
            thread::sleep(WRITE_INTERVAL);
            let mut lines = self.lock_lines();
            std::mem::swap(&mut lines.text, &mut spare);
            let (dropped, ended) = (std::mem::take(&mut lines.dropped), lines.ended);
            drop(lines);
            let mut out = std::io::stderr().lock();
            // A failed write to the log has no place to be reported.
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
        let mut lines = self.lock_lines();
        if lines.text.len() + line.len() > MAX_BUFFERED_BYTES {
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

/// Keeps the log thread running. Dropping the guard writes the last lines.
pub struct LogGuard(LogBuffer, Option<thread::JoinHandle<()>>);

impl Drop for LogGuard {
    fn drop(&mut self) {
        self.0.lock_lines().ended = true;
        self.0.0.1.notify_one();
        if let Some(writer) = self.1.take() {
            let _ = writer.join();
        }
    }
}

/// Starts logging to standard error. A separate thread writes the lines.
pub fn start_logs(filter: Targets, format: LogFormat) -> LogGuard {
    let buffer = LogBuffer::default();
    let thread_buffer = buffer.clone();
    let writer = thread::Builder::new().name("log".to_owned()).spawn(move || thread_buffer.write_lines_until_end());
    let guard = LogGuard(buffer.clone(), writer.ok());
    let writer = move || buffer.clone();
    // Debug and trace lines of other crates can quote headers, values and statements, so they are never written. Neither
    // are any lines of the AWS SDK: its warnings quote whole answers of credential services.
    let safe = tracing_subscriber::filter::filter_fn(|metadata| {
        let (target, is_fine) = (metadata.target(), *metadata.level() > tracing::Level::INFO);
        target.starts_with("identivia") || !(is_fine || target.starts_with("aws_"))
    });
    let layer = tracing_subscriber::fmt::layer().with_writer(writer).with_target(false);
    // The registry asks its filters once per log statement. A layer's own filter would run for each line.
    let registry = tracing_subscriber::registry().with(filter).with(safe);
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
        // The location only: a panic's message may hold personal data.
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a panic: please report it");
    }));
    guard
}

/// Installs the process's metrics recorder.
///
/// # Errors
/// When the process has a recorder already.
pub fn start_metrics() -> anyhow::Result<PrometheusHandle> {
    // Without buckets the recorder would export quantiles, which cannot be added up over servers.
    let builder =
        PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &DURATION_BUCKETS)?;
    Ok(builder.install_recorder()?)
}

/// Counts a refusal of a request or connection, by its reason.
pub fn count_refusal(reason: &'static str) {
    metrics::counter!("requests_refused_total", "reason" => reason).increment(1);
}

/// Counts one request. Each call allocates labels, so callers skip it while metrics are off.
pub fn count_request(method: &'static str, route: &str, status: StatusCode, took: Duration) {
    let labels =
        || [("method", method.to_owned()), ("route", route.to_owned()), ("status", status.as_u16().to_string())];
    metrics::counter!("http_requests_total", &labels()).increment(1);
    metrics::histogram!("http_request_duration_seconds", &labels()).record(took.as_secs_f64());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_logged_as_far_as_the_setting_allows() {
        let text = |logged: LoggedAddresses, address: &str| logged.to_text(address.parse().unwrap());
        let whole = "2001:db8:1:2:3:4:5:6";
        assert_eq!(text(LoggedAddresses::Full, whole).as_deref(), Some(whole));
        assert_eq!(text(LoggedAddresses::Shortened, whole).as_deref(), Some("2001:db8:1::/48"));
        assert_eq!(text(LoggedAddresses::Shortened, "203.0.113.77").as_deref(), Some("203.0.113.0/24"));
        assert_eq!(text(LoggedAddresses::None, "203.0.113.77"), None);
    }
}

//! Logs when something outside this program becomes unavailable, and when it is back: one line each, however many calls fail.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A success ends an outage only if no call has failed for so long. While some calls fail and others do not, the log stays quiet.
const QUIET_BEFORE_RETURN: Duration = Duration::from_secs(2);

/// An outage that has not ended.
struct Outage {
    since: Instant,
    last_failure: Instant,
    failures: u64,
}

/// What is known of one service outside this program.
pub struct Availability {
    service: &'static str,
    is_out: AtomicBool,
    outage: Mutex<Option<Outage>>,
}

impl Availability {
    /// A service that is available, as far as is known. The name is its label in metrics and log lines.
    #[must_use]
    pub fn new(service: &'static str) -> Self {
        metrics::gauge!("identivia_service_available", "service" => service).set(1.0);
        Self { service, is_out: AtomicBool::new(false), outage: Mutex::default() }
    }

    /// The name of the service.
    #[must_use]
    pub const fn service(&self) -> &'static str {
        self.service
    }

    /// Notes that a call went well.
    pub fn note_success(&self) {
        if self.is_out.load(Ordering::Relaxed) {
            self.note_success_at(Instant::now());
        }
    }

    /// Notes that a call has failed because of the service. The cause is in our own words.
    pub fn note_failure(&self, cause: impl Display) {
        if self.note_failure_at(Instant::now()) {
            let service = self.service;
            tracing::warn!(service, %cause, "a service is unavailable; further failures are counted, not logged");
        }
    }

    /// Notes a failure; says whether it is the first of an outage.
    fn note_failure_at(&self, now: Instant) -> bool {
        let mut outage = self.outage.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_out.store(true, Ordering::Relaxed);
        if let Some(outage) = outage.as_mut() {
            outage.last_failure = now;
            outage.failures += 1;
            return false;
        }
        *outage = Some(Outage { since: now, last_failure: now, failures: 1 });
        metrics::gauge!("identivia_service_available", "service" => self.service).set(0.0);
        true
    }

    /// Notes a success; says whether it has ended an outage.
    fn note_success_at(&self, now: Instant) -> bool {
        let mut outage = self.outage.lock().unwrap_or_else(PoisonError::into_inner);
        let is_quiet = |outage: &Outage| now.saturating_duration_since(outage.last_failure) >= QUIET_BEFORE_RETURN;
        let Some(ended) = outage.take_if(|outage| is_quiet(outage)) else { return false };
        self.is_out.store(false, Ordering::Relaxed);
        metrics::gauge!("identivia_service_available", "service" => self.service).set(1.0);
        let seconds = now.saturating_duration_since(ended.since).as_secs();
        tracing::info!(service = self.service, failures = ended.failures, seconds, "a service is available again");
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_one_line_and_ends_once_calls_go_well_again() {
        let service = Availability::new("test");
        let start = Instant::now();
        let after = |milliseconds| start + Duration::from_millis(milliseconds);
        assert!(!service.note_success_at(start), "it was never out");
        assert!(service.note_failure_at(start));
        // A hundred calls fail while others go well.
        for round in 1..100 {
            assert!(!service.note_failure_at(after(round * 100)));
            assert!(!service.note_success_at(after(round * 100 + 50)));
        }
        assert!(!service.note_success_at(after(11_899)));
        assert!(service.note_success_at(after(11_900)), "two seconds after the last failure");
        assert!(!service.note_success_at(after(12_000)));
        assert!(service.note_failure_at(after(12_100)), "another outage");
    }
}

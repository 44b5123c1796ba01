//! How an endpoint is doing: its failures in a row, the pauses that follow, the warnings, and when it is disabled.

use crate::records::outbox_event::EventId;
use crate::records::time::Millis;
use crate::records::webhook_delivery::DeliveryProgress;

/// Failures in a row from which on an endpoint gets one try at a time, with pauses.
pub const FAILURES_BEFORE_PAUSES: u32 = 5;
/// The first pause and the longest one, in seconds. Each pause is twice as long as the one before.
const FIRST_PAUSE: i64 = 5;
const LONGEST_PAUSE: i64 = 300;
/// The failed try of one event at which the other endpoints get a warning.
const TRIES_BEFORE_WARNING: u32 = 4;
const HOUR: i64 = 3_600;
/// How long an endpoint may fail, in seconds.
const MAX_FAILING: i64 = 120 * HOUR;
/// How long before it is disabled the last warning comes.
const LAST_WARNING: i64 = 24 * HOUR;
/// Two events that failed this far apart show that it is the endpoint, and not one event.
const APART: i64 = 12 * HOUR;

/// A try that has failed.
#[derive(Clone, Debug)]
pub struct FailedTry {
    pub event: EventId,
    /// The number of the try of this event.
    pub number: u32,
    pub at: Millis,
}

/// What follows from a failure, beside the next try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthStep {
    Nothing,
    /// The other endpoints get a warning that deliveries fail.
    Warn,
    /// They get a warning that the endpoint is disabled then.
    WarnLastTime {
        disabled_from: Millis,
    },
    /// The endpoint is disabled.
    Disable,
}

impl DeliveryProgress {
    /// Says whether something is remembered that a success ends.
    #[must_use]
    pub fn has_failures(&self) -> bool {
        self.failures > 0 || self.failing_since.is_some()
    }

    /// The same after a success: all failures are forgotten.
    #[must_use]
    pub fn after_success(&self, at: Millis) -> Self {
        Self { cursor: self.cursor.clone(), ..Self::new(self.id, at) }
    }

    /// The same after a failure, and what follows from it.
    #[must_use]
    pub fn after_failure(&self, failed: &FailedTry) -> (Self, HealthStep) {
        let mut next = self.clone();
        next.updated = failed.at;
        next.failures = self.failures.saturating_add(1);
        let since = *next.failing_since.get_or_insert(failed.at);
        let first = next.first_failed_event.get_or_insert_with(|| failed.event.clone());
        if *first != failed.event && failed.at >= since.plus_seconds(APART) {
            next.failed_again = true;
        }
        if next.failures >= FAILURES_BEFORE_PAUSES {
            let doublings = (next.failures - FAILURES_BEFORE_PAUSES).min(16);
            let pause = (FIRST_PAUSE << doublings).min(LONGEST_PAUSE);
            next.paused_until = Some(failed.at.plus_seconds(pause));
        }
        let step = next.find_step(failed, since);
        match step {
            HealthStep::Warn => next.warned_at = Some(failed.at),
            HealthStep::WarnLastTime { .. } => {
                next.warned_at.get_or_insert(failed.at);
                next.last_warned_at = Some(failed.at);
            }
            HealthStep::Nothing | HealthStep::Disable => {}
        }
        (next, step)
    }

    /// One failed event alone disables no endpoint, and none is disabled without a warning a day before.
    fn find_step(&self, failed: &FailedTry, since: Millis) -> HealthStep {
        let ends = since.plus_seconds(MAX_FAILING);
        match self.last_warned_at {
            Some(warned) => {
                let was_warned_in_time = failed.at >= warned.plus_seconds(LAST_WARNING);
                let is_over = failed.at >= ends && self.failed_again && was_warned_in_time;
                if is_over { HealthStep::Disable } else { HealthStep::Nothing }
            }
            None if failed.at >= ends.plus_seconds(-LAST_WARNING) => {
                HealthStep::WarnLastTime { disabled_from: ends.max(failed.at.plus_seconds(LAST_WARNING)) }
            }
            None if self.warned_at.is_none() && failed.number >= TRIES_BEFORE_WARNING => HealthStep::Warn,
            None => HealthStep::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::id::RecordId;

    const START: Millis = Millis(1_774_051_200_000);

    fn fresh() -> DeliveryProgress {
        DeliveryProgress::new(RecordId::random(), START)
    }

    fn fail(progress: &mut DeliveryProgress, event: &EventId, number: u32, hours: i64) -> HealthStep {
        let failed = FailedTry { event: event.clone(), number, at: START.plus_seconds(hours * HOUR) };
        let (next, step) = progress.after_failure(&failed);
        *progress = next;
        step
    }

    #[test]
    fn fourth_failure_of_an_event_warns_once() {
        let (mut progress, one, other) = (fresh(), EventId::random_at(START), EventId::random_at(START));
        let steps: Vec<_> = (1..=6).map(|number| fail(&mut progress, &one, number, 0)).collect();
        assert_eq!(steps.iter().position(|step| *step == HealthStep::Warn), Some(3));
        assert_eq!(steps.iter().filter(|step| **step != HealthStep::Nothing).count(), 1);
        assert_eq!(fail(&mut progress, &other, 4, 1), HealthStep::Nothing);
    }

    #[test]
    fn endpoint_that_fails_for_five_days_is_warned_and_disabled_a_day_later() {
        let (mut progress, one, other) = (fresh(), EventId::random_at(START), EventId::random_at(START));
        assert_eq!(fail(&mut progress, &one, 1, 0), HealthStep::Nothing);
        assert_eq!(fail(&mut progress, &other, 1, 95), HealthStep::Nothing);
        let disabled_from = START.plus_seconds(120 * HOUR);
        assert_eq!(fail(&mut progress, &other, 2, 96), HealthStep::WarnLastTime { disabled_from });
        assert_eq!(fail(&mut progress, &other, 3, 119), HealthStep::Nothing);
        assert_eq!(fail(&mut progress, &other, 4, 120), HealthStep::Disable);
    }

    #[test]
    fn late_warning_still_gives_a_day() {
        let (mut progress, one, other) = (fresh(), EventId::random_at(START), EventId::random_at(START));
        fail(&mut progress, &one, 1, 0);
        let disabled_from = START.plus_seconds(154 * HOUR);
        assert_eq!(fail(&mut progress, &other, 1, 130), HealthStep::WarnLastTime { disabled_from });
        assert_eq!(fail(&mut progress, &other, 2, 153), HealthStep::Nothing);
        assert_eq!(fail(&mut progress, &other, 3, 154), HealthStep::Disable);
    }

    #[test]
    fn one_event_alone_disables_nothing() {
        let (mut progress, one) = (fresh(), EventId::random_at(START));
        for hours in [0, 50, 96, 120, 140, 500] {
            assert_ne!(fail(&mut progress, &one, 2, hours), HealthStep::Disable, "{hours}");
        }
        assert_eq!(fail(&mut progress, &EventId::random_at(START), 1, 501), HealthStep::Disable);
    }

    #[test]
    fn pauses_double_and_end_with_a_success() {
        let (mut progress, one) = (fresh(), EventId::random_at(START));
        let mut pauses = Vec::new();
        for _ in 0..14 {
            fail(&mut progress, &one, 1, 0);
            pauses.push(progress.paused_until.map_or(0, |until| (until.0 - START.0) / 1_000));
        }
        assert_eq!(pauses, [0, 0, 0, 0, 5, 10, 20, 40, 80, 160, 300, 300, 300, 300]);
        let well = progress.after_success(START);
        assert!(!well.has_failures() && well.paused_until.is_none() && well.warned_at.is_none());
    }
}

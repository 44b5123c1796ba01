//! Metrics of the jobs, per kind: how many are due, the age of the oldest, how many run, how many runs have failed.

use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, gauge};
use tokio::sync::watch;

use super::claim::JobColumns;
use super::interval::wait_for_next_round;
use crate::clock::Clock;
use crate::records::FieldMap;
use crate::records::time::Millis;
use crate::store::{Query, Store, StoreError, parse_record};

/// How often due jobs are counted.
const COUNT_INTERVAL: Duration = Duration::from_secs(15);
/// The most due jobs that are counted.
const MAX_COUNTED: usize = 1_000;

/// Counts a job that starts to run, until this is dropped.
pub(super) struct RunningJob(&'static str);

impl RunningJob {
    pub(super) fn start(kind: &'static str) -> Self {
        gauge!("identivia_jobs_running", "kind" => kind).increment(1.0);
        Self(kind)
    }
}

impl Drop for RunningJob {
    fn drop(&mut self) {
        gauge!("identivia_jobs_running", "kind" => self.0).decrement(1.0);
    }
}

/// Counts a run that has failed or was postponed.
pub(super) fn count_failed_run(kind: &'static str) {
    counter!("identivia_jobs_failed_total", "kind" => kind).increment(1);
}

/// Counts the due jobs of one kind again and again, until `stop` becomes true.
pub(super) fn start_counting(
    kind: &'static str,
    columns: JobColumns,
    store: Arc<dyn Store>,
    clock: Clock,
    mut stop: watch::Receiver<bool>,
) {
    counter!("identivia_jobs_failed_total", "kind" => kind).absolute(0);
    gauge!("identivia_jobs_running", "kind" => kind).set(0.0);
    tokio::spawn(async move {
        loop {
            // While the store does not answer the last figures stay.
            if let Ok((count, oldest_seconds)) = count_due_jobs(&columns, store.as_ref(), clock.now()).await {
                gauge!("identivia_jobs_due", "kind" => kind).set(count as f64);
                gauge!("identivia_jobs_oldest_due_seconds", "kind" => kind).set(oldest_seconds);
            }
            if !wait_for_next_round(COUNT_INTERVAL, &mut stop).await {
                return;
            }
        }
    });
}

/// Returns the number of due jobs, up to 1,000, and for how many seconds the oldest has been due.
async fn count_due_jobs(columns: &JobColumns, store: &dyn Store, now: Millis) -> Result<(usize, f64), StoreError> {
    let oldest = store.read(columns.due_query(now).limited(1)).await?;
    let Some(oldest) = oldest.first() else { return Ok((0, 0.0)) };
    let fields: FieldMap = parse_record(&oldest.json)?;
    let since: Millis = match fields.get(columns.due) {
        Some(since) => parse_record(&since.to_string())?,
        None => now,
    };
    let due = store.read(Query { keys_only: true, ..columns.due_query(now).limited(MAX_COUNTED) }).await?;
    Ok((due.len(), (now.0 - since.0).max(0) as f64 / 1_000.0))
}

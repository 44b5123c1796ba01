//! Watches the backlog of deliveries: too many that are due, or one that should have been tried an hour ago, is a warning.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;

use super::delivery_job::leave_out_endpoints;
use super::{DeliveryJob, Webhooks};
use crate::jobs::interval::wait_for_next_round;
use crate::jobs::queue::JobKind as _;
use crate::store::{Query, StoreError};

/// How often the backlog is counted.
const INTERVAL: Duration = Duration::from_secs(60);
/// Deliveries that have been due for less than this are no backlog, in seconds.
const USUAL_WAIT: i64 = 60;
/// A delivery that has been due for so long is late, in seconds; so are all of more than so many.
const LONGEST_WAIT: i64 = 3_600;
const MOST_WAITING: usize = 100_000;

/// Looks at the backlog until `stop` becomes true.
pub(super) fn start_backlog_checks(webhooks: Arc<Webhooks>, mut stop: watch::Receiver<bool>) {
    tokio::spawn(async move {
        while wait_for_next_round(INTERVAL, &mut stop).await {
            // While the store cannot be read the last word holds.
            let _ = webhooks.check_backlog().await;
        }
    });
}

impl Webhooks {
    /// Says whether deliveries are late.
    #[must_use]
    pub fn is_late(&self) -> bool {
        self.is_late.load(Ordering::Relaxed)
    }

    /// Looks at the deliveries that are due. Those of disabled endpoints wait for their teams.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn check_backlog(&self) -> Result<(), StoreError> {
        let is_late = self.count_waiting(LONGEST_WAIT, 1).await? > 0
            || (self.count_waiting(USUAL_WAIT, 1).await? > 0
                && self.count_waiting(USUAL_WAIT, MOST_WAITING + 1).await? > MOST_WAITING);
        if is_late && !self.is_late.swap(is_late, Ordering::Relaxed) {
            tracing::warn!(
                "webhook deliveries are late: a receiver is down, or this server does not keep up; see docs/webhooks.md"
            );
        }
        self.is_late.store(is_late, Ordering::Relaxed);
        Ok(())
    }

    /// Counts deliveries that have been due for that many seconds, up to a limit.
    async fn count_waiting(&self, seconds: i64, limit: usize) -> Result<usize, StoreError> {
        let query = DeliveryJob::COLUMNS.due_query(self.clock.now().plus_seconds(-seconds)).limited(limit);
        let query = leave_out_endpoints(query, &self.board.list_disabled());
        Ok(self.deliveries.read(Query { keys_only: true, ..query }).await?.len())
    }
}

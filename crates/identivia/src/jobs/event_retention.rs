//! Event retention: removes outbox events that are older than the operator keeps them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::Clock;
use crate::jobs::interval::wait_for_next_round;
use crate::store::warn_unless_outage;
use crate::store::{Store, StoreError};

/// How often old events are sought.
const INTERVAL: Duration = Duration::from_secs(600);

/// Removes old events until the server stops.
pub fn start_event_retention(store: Arc<dyn Store>, clock: Clock, days: i64, mut stop: watch::Receiver<bool>) {
    tokio::spawn(async move {
        while wait_for_next_round(INTERVAL, &mut stop).await {
            if let Err(error) = remove_old_events(&store, &clock, days).await {
                warn_unless_outage!(error, "old events could not be removed; the next run tries again");
            }
        }
    });
}

/// Removes all events that are older than that; returns how many.
///
/// # Errors
/// When the store cannot do it now.
pub async fn remove_old_events(store: &Arc<dyn Store>, clock: &Clock, days: i64) -> Result<usize, StoreError> {
    let before = clock.now().plus_days(-days);
    let mut all = 0;
    loop {
        let removed = store.remove_events_before(before).await?;
        all += removed;
        if removed == 0 {
            return Ok(all);
        }
    }
}

//! Reading retention: removes kept document readings that are old, too many, or without a profile.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::jobs::interval::wait_for_next_round;
use crate::providers::documents::kept_readings::KeptReadings;
use crate::store::warn_unless_outage;

/// How often old readings are sought.
const INTERVAL: Duration = Duration::from_secs(600);

/// Removes old readings until the server stops.
pub fn start_reading_retention(readings: Arc<KeptReadings>, mut stop: watch::Receiver<bool>) {
    tokio::spawn(async move {
        while wait_for_next_round(INTERVAL, &mut stop).await {
            if let Err(error) = readings.remove_old_readings().await {
                warn_unless_outage!(error, "old document readings could not be removed; the next run tries again");
            }
        }
    });
}

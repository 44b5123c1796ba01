//! Removes deliveries that have ended, and attempts, when they are old.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::Webhooks;
use crate::jobs::interval::wait_for_next_round;
use crate::store::StoreError;
use crate::store::warn_unless_outage;

/// How often old deliveries are sought.
const INTERVAL: Duration = Duration::from_secs(600);
/// How long attempts are kept, in days.
const ATTEMPTS_KEPT_DAYS: i64 = 7;

/// Removes old deliveries until `stop` becomes true.
pub(super) fn start_delivery_retention(webhooks: Arc<Webhooks>, mut stop: watch::Receiver<bool>) {
    tokio::spawn(async move {
        while wait_for_next_round(INTERVAL, &mut stop).await {
            if let Err(error) = webhooks.remove_old_deliveries().await {
                warn_unless_outage!(error, "old webhook deliveries could not be removed; the next run tries again");
            }
        }
    });
}

impl Webhooks {
    /// Removes all deliveries and attempts that are old; returns how many.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn remove_old_deliveries(&self) -> Result<usize, StoreError> {
        let before = |days: i64| self.clock.now().plus_days(-days);
        let mut all = 0;
        loop {
            let deliveries = self.deliveries.remove_deliveries_before(before(self.settings.kept_days)).await?;
            let kept_days = ATTEMPTS_KEPT_DAYS.min(self.settings.kept_days);
            let attempts = self.deliveries.remove_attempts_before(before(kept_days)).await?;
            all += deliveries + attempts;
            if deliveries + attempts == 0 {
                return Ok(all);
            }
        }
    }
}

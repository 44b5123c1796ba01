//! Waits between rounds of background work, until the server stops.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// Waits until the next round of work is due; `false` when the server stops first.
pub(crate) async fn wait_for_next_round(interval: Duration, stop: &mut watch::Receiver<bool>) -> bool {
    timeout(interval, stop.wait_for(|is_stopping| *is_stopping)).await.is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(1);
    /// Far longer than a test may take: only the end of the server ends such a wait.
    const LONG: Duration = Duration::from_secs(3_600);

    #[tokio::test]
    async fn rounds_end_when_the_server_stops_or_its_sender_is_gone() {
        let (sender, mut stop) = watch::channel(false);
        assert!(wait_for_next_round(SHORT, &mut stop).await);
        sender.send_replace(true);
        assert!(!wait_for_next_round(LONG, &mut stop).await);
        let (sender, mut stop) = watch::channel(false);
        drop(sender);
        assert!(!wait_for_next_round(LONG, &mut stop).await);
    }
}

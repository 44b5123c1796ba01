//! Waits for the signal that stops a command: SIGTERM, or SIGINT (Ctrl-C).

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

/// Listens from now on. What it returns ends with the first signal.
pub(super) fn listen_for_stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

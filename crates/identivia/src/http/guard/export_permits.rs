//! Permits of exports: a few at once, because each reads many records.

use std::sync::Arc;

use axum::http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::error::ApiError;

/// Exports that run at once on this server.
const MAX_EXPORTS: usize = 2;
/// Seconds after which a caller tries again.
const RETRY_AFTER_SECONDS: u64 = 10;

/// The permits of this server.
#[derive(Clone)]
pub(crate) struct ExportPermits(Arc<Semaphore>);

impl Default for ExportPermits {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_EXPORTS)))
    }
}

impl ExportPermits {
    /// Takes a permit until it is dropped, or refuses the caller.
    pub(crate) fn acquire_export(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        self.0.clone().try_acquire_owned().map_err(|_| {
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, "Too many exports")
                .with_message("Two exports run at once; try again when one has ended")
                .retry_after(RETRY_AFTER_SECONDS)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_exports_run_at_once() {
        let permits = ExportPermits::default();
        let running: Vec<_> = (0..2).map(|_| permits.acquire_export().unwrap()).collect();
        assert_eq!(permits.acquire_export().unwrap_err().status(), StatusCode::TOO_MANY_REQUESTS);
        drop(running);
        assert!(permits.acquire_export().is_ok());
    }
}

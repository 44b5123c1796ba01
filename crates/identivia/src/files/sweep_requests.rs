//! Requests to the file sweep: failed uploads and replaced files, on their way from requests to the job that removes them.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::store::FileIntent;

/// A request to the file sweep.
#[derive(Clone, Debug)]
pub enum SweepRequest {
    /// Remove an upload's files: no record will ever name them.
    RemoveFiles(FileIntent),
    /// Remove the files of the upload with this mark, unless a record names them by now.
    MarkForRemoval(String),
}

/// The requests that the sweep has not handled yet. The next start sweeps the files of requests that are lost when the
/// process ends.
#[derive(Default)]
pub struct SweepRequests {
    waiting: Mutex<Vec<SweepRequest>>,
    wake: Notify,
}

impl SweepRequests {
    /// Adds a request and wakes the sweep.
    pub fn add_request(&self, request: SweepRequest) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        self.wake_sweep();
    }

    /// Wakes the sweep, because a change has marked files for removal.
    pub fn wake_sweep(&self) {
        self.wake.notify_one();
    }

    /// Takes all requests.
    #[must_use]
    pub fn take_requests(&self) -> Vec<SweepRequest> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts requests back that could not be handled now. This does not wake the sweep.
    pub fn return_requests(&self, requests: Vec<SweepRequest>) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).extend(requests);
    }

    /// Says whether requests wait.
    #[must_use]
    pub fn has_requests(&self) -> bool {
        !self.waiting.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// The signal that the sweep waits for.
    #[must_use]
    pub fn wake_signal(&self) -> &Notify {
        &self.wake
    }
}

//! A file backend whose outages are logged once, and whose operations are measured.

use std::fs::File;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use futures_util::stream::BoxStream;

use super::backend::{FileBackend, ListedFile, OpenFile, StoreOutcome, StoredPath};
use super::error::FilesError;
use crate::availability::Availability;
use crate::records::id::RecordId;
use crate::store::{Collection, FileIntent};

/// A backend behind measurements.
pub struct WatchedBackend {
    backend: Arc<dyn FileBackend>,
    availability: Availability,
}

impl WatchedBackend {
    /// Watches a backend.
    #[must_use]
    pub fn new(backend: Arc<dyn FileBackend>) -> Arc<Self> {
        Arc::new(Self { backend, availability: Availability::new("files") })
    }

    async fn watch<T>(
        &self,
        operation: &'static str,
        work: impl Future<Output = Result<T, FilesError>> + Send,
    ) -> Result<T, FilesError> {
        let started = Instant::now();
        let outcome = work.await;
        metrics::histogram!("identivia_files_seconds", "operation" => operation)
            .record(started.elapsed().as_secs_f64());
        match &outcome {
            // The store has a log line of its own for its outages.
            Err(FilesError::Store(_)) => {}
            Err(error) if error.is_outage() => {
                metrics::counter!("identivia_files_failures_total", "operation" => operation).increment(1);
                self.availability.note_failure(error);
            }
            Ok(_) | Err(FilesError::Gone | FilesError::UnfitPicture(_)) => self.availability.note_success(),
            Err(_) => {}
        }
        outcome
    }
}

#[async_trait]
impl FileBackend for WatchedBackend {
    async fn create_file(&self, path: &StoredPath) -> Result<File, FilesError> {
        self.watch("create", self.backend.create_file(path)).await
    }

    async fn store_file(&self, path: &StoredPath, file: File) -> Result<StoreOutcome, FilesError> {
        self.watch("store", self.backend.store_file(path, file)).await
    }

    async fn copy_file(&self, from: &StoredPath, to: &StoredPath) -> Result<StoreOutcome, FilesError> {
        self.watch("copy", self.backend.copy_file(from, to)).await
    }

    async fn sync_record(&self, collection: Collection, record: RecordId) -> Result<(), FilesError> {
        self.watch("sync", self.backend.sync_record(collection, record)).await
    }

    async fn open_file(&self, path: &StoredPath) -> Result<OpenFile, FilesError> {
        self.watch("open", self.backend.open_file(path)).await
    }

    async fn remove_files(&self, intent: &FileIntent) -> Result<usize, FilesError> {
        self.watch("remove", self.backend.remove_files(intent)).await
    }

    async fn check_writable(&self) -> Result<(), FilesError> {
        self.watch("probe", self.backend.check_writable()).await
    }

    fn list_files(&self) -> BoxStream<'_, Result<ListedFile, FilesError>> {
        self.backend.list_files()
    }

    async fn read_marker(&self) -> Result<Option<String>, FilesError> {
        self.watch("probe", self.backend.read_marker()).await
    }

    async fn write_marker(&self, marker: &str) -> Result<(), FilesError> {
        self.backend.write_marker(marker).await
    }

    fn may_arrive_late(&self) -> bool {
        self.backend.may_arrive_late()
    }
}

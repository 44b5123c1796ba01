//! Files of records: uploaded, durable, swept.
//!
//! A [`FileBackend`] stores them: a local folder, an S3 bucket, or file fields within the records themselves. Where files
//! live apart from their records, an upload goes through these steps: its intent is noted in the database → each file is
//! written under a name with the upload's mark, rebuilt if it is a picture, and made durable → the commit that makes the
//! record removes the intent. After a crash or a failed request the sweep removes the files of every intent that is left. A
//! stored file never changes.

pub mod backend;
pub mod bucket;
mod bucket_error;
pub mod error;
pub mod file_writer;
pub mod folder;
mod part_buffers;
pub mod picture;
pub mod pocketbase_fields;
pub mod store_marker;
pub mod sweep_requests;
pub mod upload;
pub mod watched_backend;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::clock::Clock;
use crate::domain::media;
use crate::store::Store;
use crate::work::count_processors;
use crate::work::cpu_ledger::CpuLedger;
use crate::work::fair_permits::FairPermits;
use futures_util::TryStreamExt as _;

use backend::StoreOutcome;
pub use backend::{FileBackend, OpenFile, StoredPath};
pub use error::FilesError;
use file_writer::{FileWriter, create_scratch_file};
use store_marker::MarkerCheck;
use sweep_requests::{SweepRequest, SweepRequests};

/// The most megapixels that are decoded at once, over all requests, which bounds memory. The largest picture takes all.
const MAX_DECODED_MEGAPIXELS: u32 = 50;

/// The files of all records.
pub struct Files {
    backend: Arc<dyn FileBackend>,
    /// The store of intents; `None` where files are stored within their records.
    intents: Option<Arc<dyn Store>>,
    clock: Clock,
    /// The folder of nameless files.
    scratch: PathBuf,
    sweep_requests: SweepRequests,
    /// Set where the store of files has a marker.
    marker: OnceLock<MarkerCheck>,
    /// One permit for each megapixel that may be decoded.
    decoding: Arc<FairPermits>,
    /// What every picture counts at least: no more are decoded at once than there are processors, because it would only take memory.
    least_megapixels: u32,
}

impl Files {
    /// Files in a backend, with the store of their intents and a local folder for nameless files. What their checks cost is
    /// charged to the ledger.
    #[must_use]
    pub fn new(
        backend: Arc<dyn FileBackend>,
        intents: Option<Arc<dyn Store>>,
        scratch: &Path,
        clock: Clock,
        ledger: Arc<CpuLedger>,
    ) -> Arc<Self> {
        let decoding = FairPermits::new(ledger, MAX_DECODED_MEGAPIXELS, 0);
        let processors = u32::try_from(count_processors()).unwrap_or(u32::MAX);
        let sweep_requests = SweepRequests::default();
        Arc::new(Self {
            backend,
            intents,
            clock,
            scratch: scratch.to_owned(),
            sweep_requests,
            marker: OnceLock::new(),
            decoding,
            least_megapixels: picture::MIN_MEGAPIXELS.max(MAX_DECODED_MEGAPIXELS / processors),
        })
    }

    /// Has every use of the files checked by the marker of their store.
    pub fn watch_marker(&self) {
        if let Some(store) = &self.intents {
            let check = || MarkerCheck::new(store.clone(), self.backend.clone(), self.clock.clone());
            self.marker.get_or_init(check);
        }
    }

    /// Checks that files can be stored, and that they belong to the records.
    ///
    /// # Errors
    /// Why they cannot.
    pub async fn check_writable(&self) -> Result<(), FilesError> {
        self.check_marker().await?;
        self.backend.check_writable().await
    }

    /// Checks that the file store is the one that the database knows.
    ///
    /// # Errors
    /// [`FilesError::WrongStore`] when it is not.
    pub async fn check_marker(&self) -> Result<(), FilesError> {
        match self.marker.get() {
            Some(marker) => marker.check().await,
            None => Ok(()),
        }
    }

    /// Explains that a file was not found: the whole store may be missing.
    async fn explain_gone(&self, error: FilesError) -> FilesError {
        match (error, self.marker.get()) {
            (FilesError::Gone, Some(marker)) => marker.check_now().await.err().unwrap_or(FilesError::Gone),
            (error, _) => error,
        }
    }

    /// Logs and counts a file that a record names and the store lacks.
    pub fn report_missing_file(&self, path: &StoredPath, field: &str) {
        let collection = path.collection.name();
        tracing::warn!(record.collection = collection, record.id = %path.record, field, "a file that a record names is missing");
        metrics::counter!("identivia_missing_files_total", "collection" => collection).increment(1);
    }

    /// Opens a stored file for reading.
    ///
    /// # Errors
    /// When there is no such file, or it cannot be read.
    pub async fn open_stored_file(&self, path: &StoredPath) -> Result<OpenFile, FilesError> {
        if !media::is_stored_name(&path.name) {
            return Err(FilesError::Gone);
        }
        match self.backend.open_file(path).await {
            Ok(file) => Ok(file),
            Err(error) => Err(self.explain_gone(error).await),
        }
    }

    /// Stores a copy of a stored file.
    async fn copy_stored_file(&self, from: &StoredPath, to: &StoredPath) -> Result<StoreOutcome, FilesError> {
        match self.backend.copy_file(from, to).await {
            Ok(stored) => Ok(stored),
            Err(error) => Err(self.explain_gone(error).await),
        }
    }

    /// Reads a whole stored picture.
    ///
    /// # Errors
    /// When there is no such file, or it cannot be read.
    pub async fn read_stored_file(&self, path: &StoredPath) -> Result<Vec<u8>, FilesError> {
        let mut file = self.open_stored_file(path).await?;
        let mut bytes = Vec::new();
        while let Some(chunk) = file.chunks.try_next().await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// Opens a nameless file for bytes that are used once and not stored.
    ///
    /// # Errors
    /// When the disk is full or cannot be written.
    pub async fn create_scratch_file(&self) -> Result<FileWriter, FilesError> {
        Ok(FileWriter::new(create_scratch_file(&self.scratch).await?))
    }

    /// Wakes the sweep, which removes the files that a change has replaced.
    pub fn sweep_soon(&self) {
        self.sweep_requests.wake_sweep();
    }

    /// The backend that stores the files.
    #[must_use]
    pub fn backend(&self) -> &dyn FileBackend {
        self.backend.as_ref()
    }

    /// The store of intents; `None` where files are stored within their records.
    #[must_use]
    pub fn intents(&self) -> Option<&Arc<dyn Store>> {
        self.intents.as_ref()
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The requests to the file sweep.
    #[must_use]
    pub fn sweep_requests(&self) -> &SweepRequests {
        &self.sweep_requests
    }

    /// The sweep is gone only while the process ends. Then the next start sweeps.
    fn request_sweep(&self, request: SweepRequest) {
        self.sweep_requests.add_request(request);
    }
}

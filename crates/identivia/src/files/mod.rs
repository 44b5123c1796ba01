//! Files of records: staged, durable, swept.
//!
//! An upload's life: its mark is noted in the database → each file is written under a name that carries the mark and
//! synced → the folder is synced → the transaction that makes the record takes the note away. Whatever still has a note
//! after a crash or a failed request is removed by the sweeper. Files never change once they are written, so a copy for
//! another record is a second name (a hard link) for the same bytes.
//!
//! Layout: `DATA_DIR/files/<collection>/<record id>/<stored name>`.

pub mod picture;
mod sweep;
pub mod upload;

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Semaphore, mpsc};

use crate::clock::Clock;
use crate::domain::id::RecordId;
use crate::domain::media;
use crate::store::{Collection, FileIntent, Store, StoreError};

pub use sweep::Sweeper;
pub use upload::Upload;

/// Why a file was not kept.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// No room left. Heals when room is made.
    #[error("the files' disk is full")]
    Full,
    /// A sync to disk failed, so nothing more may be acknowledged until a restart.
    #[error("a sync to the files' disk failed; restart once the disk is well")]
    Broken,
    /// The system has no more file handles to give: try again.
    #[error("no file handles are left")]
    Busy,
    /// The file to copy is not there any more.
    #[error("the file is gone")]
    Gone,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Failed(String),
}

/// `EMFILE` and `ENFILE` (errno.h, the same on Linux, macOS and the BSDs).
const TOO_MANY_FILES: i32 = 24;
const TOO_MANY_FILES_IN_SYSTEM: i32 = 23;

impl From<std::io::Error> for FilesError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full,
            ErrorKind::NotFound => Self::Gone,
            _ if matches!(error.raw_os_error(), Some(TOO_MANY_FILES | TOO_MANY_FILES_IN_SYSTEM)) => Self::Busy,
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// The folder of files, and the way to its sweeper.
pub struct Files {
    root: PathBuf,
    store: Arc<dyn Store>,
    clock: Clock,
    broken: AtomicBool,
    chores: mpsc::UnboundedSender<Chore>,
    /// Megapixels that may be decoded at once: bounds memory, whatever is sent.
    decoding: Semaphore,
}

impl Files {
    /// Opens the folder, making it if need be.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(data_dir: &Path, store: Arc<dyn Store>, clock: Clock) -> std::io::Result<(Arc<Self>, Sweeper)> {
        let root = data_dir.join("files");
        for collection in [Collection::Profiles, Collection::VerificationHistory] {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(root.join(collection.name()))?;
        }
        File::open(&root)?.sync_all()?;
        let (chores, waiting) = mpsc::unbounded_channel();
        let files = Arc::new(Self {
            root,
            store,
            clock,
            broken: AtomicBool::new(false),
            chores,
            decoding: Semaphore::new(picture::BUDGET),
        });
        let sweeper = Sweeper::new(files.clone(), waiting);
        Ok((files, sweeper))
    }

    /// Says whether files can be stored: no sync has failed since the start.
    #[must_use]
    pub fn is_well(&self) -> bool {
        !self.broken.load(Ordering::Relaxed)
    }

    /// Opens a stored file for reading, with its length in bytes.
    ///
    /// # Errors
    /// When there is no such file, or it cannot be read.
    pub async fn read(
        &self,
        collection: Collection,
        record: RecordId,
        name: &str,
    ) -> Result<(tokio::fs::File, u64), FilesError> {
        if !media::is_stored_name(name) {
            return Err(FilesError::Gone);
        }
        let file = tokio::fs::File::open(self.folder(collection, record).join(name)).await?;
        let length = file.metadata().await?.len();
        Ok((file, length))
    }

    /// Opens a nameless file that the system removes by itself, for what is looked at once and not kept.
    ///
    /// # Errors
    /// When the disk is full or cannot be written.
    pub async fn scratch(&self) -> Result<upload::Writing, FilesError> {
        let root = self.root.clone();
        let file = blocking(move || Ok(tempfile::tempfile_in(root)?)).await?;
        Ok(upload::Writing::new(file))
    }

    /// Starts an upload for a record. Nothing is written before its first file.
    #[must_use]
    pub fn upload(self: &Arc<Self>, collection: Collection, record: RecordId) -> Upload {
        Upload::new(self.clone(), collection, record)
    }

    /// Removes, soon, the files that a change has replaced.
    pub fn sweep_soon(&self) {
        self.ask_sweeper(Chore::Sweep);
    }

    /// The sweeper is gone only while the process ends; the next start sweeps then.
    fn ask_sweeper(&self, chore: Chore) {
        let _ = self.chores.send(chore);
    }

    fn folder(&self, collection: Collection, record: RecordId) -> PathBuf {
        self.root.join(collection.name()).join(record.as_str())
    }

    fn sync_folder(&self, folder: &Path) -> Result<(), FilesError> {
        let folder = File::open(folder)?;
        self.synced(folder.sync_all())
    }

    /// A failed sync means that the system may have dropped what it said it had: nothing is acknowledged from here on.
    fn synced(&self, outcome: std::io::Result<()>) -> Result<(), FilesError> {
        let Err(error) = outcome else { return Ok(()) };
        if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) {
            return Err(FilesError::Full);
        }
        if !self.broken.swap(true, Ordering::Relaxed) {
            tracing::error!(%error, "a sync to the files' disk failed: uploads are refused until a restart");
        }
        Err(FilesError::Broken)
    }
}

/// What the sweeper is asked to do.
enum Chore {
    /// Remove an upload's files: no record will ever name them.
    Remove(FileIntent),
    /// Remove an upload's files unless a record names them by now.
    Doom(String),
    /// Remove what changes have doomed.
    Sweep,
}

/// Runs file work off the async threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FilesError> + Send + 'static,
) -> Result<T, FilesError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => Err(FilesError::Failed(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;
    use tokio::sync::mpsc::UnboundedReceiver;

    use super::*;
    use crate::domain::media::Media;
    use crate::store::Written;
    use crate::store::sqlite::Sqlite;

    /// A folder of files whose sweeper is this test.
    fn files() -> (Arc<Files>, UnboundedReceiver<Chore>, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Sqlite::open(folder.path()).unwrap());
        let (opened, _) = Files::open(folder.path(), store.clone(), Clock::default()).unwrap();
        let (chores, waiting) = mpsc::unbounded_channel();
        let files = Files {
            root: opened.root.clone(),
            store,
            clock: Clock::default(),
            broken: AtomicBool::new(false),
            chores,
            decoding: Semaphore::new(picture::BUDGET),
        };
        (Arc::new(files), waiting, folder)
    }

    async fn begun(files: &Arc<Files>) -> Upload {
        let mut upload = files.upload(Collection::Profiles, RecordId::random());
        upload.create("a.png", Media::Png).await.unwrap();
        upload
    }

    #[tokio::test]
    async fn what_becomes_of_an_uploads_files_follows_from_what_is_known_of_its_record() {
        let (files, mut chores, _folder) = files();
        drop(begun(&files).await);
        assert!(matches!(chores.try_recv(), Ok(Chore::Remove(_))), "given up");

        let refused = begun(&files).await.record(|_| async { Ok(Written::<()>::Decided) }).await;
        assert!(refused.is_ok() && matches!(chores.try_recv(), Ok(Chore::Remove(_))), "refused");

        // A sync that failed, or an answer that nobody waited for: a record may name the files.
        let unsure = begun(&files).await.record(|_| async { Err::<Written<()>, _>(StoreError::Broken) }).await;
        assert!(unsure.is_err() && matches!(chores.try_recv(), Ok(Chore::Doom(_))), "unsure");
        let upload = begun(&files).await;
        let (asked, told) = tokio::sync::oneshot::channel();
        let recording = tokio::spawn(upload.record(|_| async {
            let _ = asked.send(());
            std::future::pending::<Result<Written<()>, StoreError>>().await
        }));
        told.await.unwrap();
        recording.abort();
        assert!(recording.await.is_err() && matches!(chores.try_recv(), Ok(Chore::Doom(_))), "cut off");

        let recorded = begun(&files).await.record(|_| async { Ok(Written::Done(())) }).await;
        assert!(recorded.is_ok() && chores.try_recv().is_err(), "recorded");
    }

    #[tokio::test]
    async fn after_a_failed_sync_nothing_more_is_taken() {
        let (files, _chores, _folder) = files();
        let full = files.synced(Err(ErrorKind::StorageFull.into()));
        assert!(matches!(full, Err(FilesError::Full)) && files.is_well());
        begun(&files).await;
        assert!(matches!(files.synced(Err(std::io::Error::other("EIO"))), Err(FilesError::Broken)));
        assert!(!files.is_well());
        let mut upload = files.upload(Collection::Profiles, RecordId::random());
        assert!(matches!(upload.create("a.png", Media::Png).await, Err(FilesError::Broken)));
    }
}

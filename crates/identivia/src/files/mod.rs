//! Files of records: staged, durable, swept.
//!
//! Where they are kept is a [`Place`]'s: a local folder, an S3 bucket, or file fields within the records themselves. An
//! upload's life where files live apart from their records: its mark is noted in the database → each file is written
//! under a name that carries the mark, and made durable → the transaction that makes the record takes the note away.
//! Whatever still has a note after a crash or a failed request is removed by the sweeper. Files never change once they
//! are written.

pub mod bucket;
pub mod fields;
pub mod folder;
pub mod picture;
pub mod upload;

use crate::jobs::file_sweep::Sweeper;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use futures_util::stream::BoxStream;
use tokio::sync::{Semaphore, mpsc};

use crate::clock::Clock;
use crate::domain::media;
use crate::records::id::RecordId;
use crate::store::{Collection, FileIntent, Intents, StoreError};

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
    /// The place cannot be reached, does not answer in time or turns us away: try again later.
    #[error("the files are out of reach: {0}")]
    Unavailable(String),
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

/// Which file: of which record, under which stored name.
#[derive(Clone, Debug)]
pub struct Spot {
    pub collection: Collection,
    pub record: RecordId,
    pub name: String,
}

impl Spot {
    /// Its path below the root of all files: `<collection>/<record id>/<stored name>`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}/{}", self.collection.name(), self.record, self.name)
    }
}

/// A stored file, open for reading.
pub struct Opened {
    /// Bytes.
    pub length: u64,
    pub pieces: BoxStream<'static, std::io::Result<Bytes>>,
}

/// What a place has done with a file.
pub enum Kept {
    /// It is there, durably, but for what [`Place::settle`] has still to do.
    There,
    /// It waits to be kept within its record.
    Staged(File),
}

/// Where files are kept. Every method is safe to run twice.
#[async_trait]
pub trait Place: Send + Sync {
    /// Opens a new file to be written: at its spot, or nameless where it is kept elsewhere once it is whole.
    async fn begin(&self, spot: &Spot) -> Result<File, FilesError>;
    /// Keeps a file that is written.
    async fn keep(&self, spot: &Spot, file: File) -> Result<Kept, FilesError>;
    /// Keeps a copy of a stored file, whose life is its own.
    async fn copy(&self, from: &Spot, to: &Spot) -> Result<Kept, FilesError>;
    /// Makes all that was kept for a record durable, names included.
    async fn settle(&self, collection: Collection, record: RecordId) -> Result<(), FilesError>;
    /// Opens a stored file; [`FilesError::Gone`] when it is not there.
    async fn read(&self, spot: &Spot) -> Result<Opened, FilesError>;
    /// Removes the files that an intent names, and tells how many there were.
    async fn remove(&self, intent: &FileIntent) -> Result<usize, FilesError>;
    /// Says whether files can be stored now.
    async fn ready(&self) -> Result<(), FilesError>;
    /// Says whether what was given up may still arrive. Then a failed upload's note outlives its first removal.
    fn arrives_late(&self) -> bool {
        false
    }
}

/// The files, and the way to their sweeper.
pub struct Files {
    pub(crate) place: Arc<dyn Place>,
    /// Where uploads are noted; `None` where files are kept within their records.
    pub(crate) intents: Option<Arc<dyn Intents>>,
    pub(crate) clock: Clock,
    /// The folder of nameless files.
    scratch: PathBuf,
    chores: mpsc::UnboundedSender<Chore>,
    /// Megapixels that may be decoded at once: bounds memory, whatever is sent.
    decoding: Arc<Semaphore>,
}

impl Files {
    /// Files in a place, with notes of them and a local folder for what is looked at and not kept.
    #[must_use]
    pub fn new(
        place: Arc<dyn Place>,
        intents: Option<Arc<dyn Intents>>,
        scratch: &Path,
        clock: Clock,
    ) -> (Arc<Self>, Sweeper) {
        let (chores, waiting) = mpsc::unbounded_channel();
        let scratch = scratch.to_owned();
        let decoding = Arc::new(Semaphore::new(picture::BUDGET));
        let files = Arc::new(Self { place, intents, clock, scratch, chores, decoding });
        let sweeper = Sweeper::new(files.clone(), waiting);
        (files, sweeper)
    }

    /// Says whether files can be stored.
    ///
    /// # Errors
    /// Why they cannot.
    pub async fn ready(&self) -> Result<(), FilesError> {
        self.place.ready().await
    }

    /// Opens a stored file for reading.
    ///
    /// # Errors
    /// When there is no such file, or it cannot be read.
    pub async fn read(&self, spot: &Spot) -> Result<Opened, FilesError> {
        if media::is_stored_name(&spot.name) { self.place.read(spot).await } else { Err(FilesError::Gone) }
    }

    /// A stored picture, whole.
    ///
    /// # Errors
    /// When there is no such file, or it cannot be read.
    pub async fn read_whole(&self, spot: &Spot) -> Result<Vec<u8>, FilesError> {
        let mut opened = self.read(spot).await?;
        let mut bytes = Vec::new();
        while let Some(piece) = opened.pieces.try_next().await? {
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }

    /// Opens a nameless file for what is looked at once and not kept.
    ///
    /// # Errors
    /// When the disk is full or cannot be written.
    pub async fn scratch(&self) -> Result<upload::Writing, FilesError> {
        Ok(upload::Writing::new(scratch(&self.scratch).await?))
    }

    /// Starts an upload for a record. Nothing is written before its first file.
    #[must_use]
    pub fn upload(self: &Arc<Self>, collection: Collection, record: RecordId) -> Upload {
        Upload::new(self.clone(), collection, record)
    }

    /// Starts an upload of files that come with their stored names, for a record that is not there yet.
    #[must_use]
    pub fn moving_in(self: &Arc<Self>, collection: Collection, record: RecordId, names: &[&str]) -> Upload {
        Upload::moving_in(self.clone(), collection, record, names)
    }

    /// Removes, soon, the files that a change has replaced.
    pub fn sweep_soon(&self) {
        self.ask_sweeper(Chore::Sweep);
    }

    /// The sweeper is gone only while the process ends; the next start sweeps then.
    fn ask_sweeper(&self, chore: Chore) {
        let _ = self.chores.send(chore);
    }
}

/// What the sweeper is asked to do.
pub(crate) enum Chore {
    /// Remove an upload's files: no record will ever name them.
    Remove(FileIntent),
    /// Remove an upload's files unless a record names them by now.
    Doom(String),
    /// Remove what changes have doomed.
    Sweep,
}

/// Opens a nameless file, which the system removes by itself.
pub(crate) async fn scratch(folder: &Path) -> Result<File, FilesError> {
    let folder = folder.to_owned();
    blocking(move || Ok(tempfile::tempfile_in(folder)?)).await
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
    use crate::store::sqlite::Sqlite;
    use crate::store::{Refusal, Written};

    /// A folder of files whose sweeper is this test.
    fn files() -> (Arc<Files>, UnboundedReceiver<Chore>, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Sqlite::open(folder.path()).unwrap());
        let place = folder::Folder::open(&folder.path().join("files")).unwrap();
        let (files, _) = Files::new(Arc::new(place), Some(store), folder.path(), Clock::default());
        let (chores, waiting) = mpsc::unbounded_channel();
        let files = Files { chores, ..Arc::into_inner(files).unwrap() };
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

        let refused = begun(&files).await.record(|_| async { Ok(Written::<()>::Err(Refusal::Decided)) }).await;
        assert!(refused.is_ok() && matches!(chores.try_recv(), Ok(Chore::Remove(_))), "refused");

        // A sync that failed, a connection that broke, an answer that nobody waited for: a record may name the files.
        for error in [StoreError::Broken, StoreError::Unavailable(String::new())] {
            let unsure = begun(&files).await.record(|_| async { Err::<Written<()>, _>(error) }).await;
            assert!(unsure.is_err() && matches!(chores.try_recv(), Ok(Chore::Doom(_))), "unsure");
        }
        let upload = begun(&files).await;
        let (asked, told) = tokio::sync::oneshot::channel();
        let recording = tokio::spawn(upload.record(|_| async {
            let _ = asked.send(());
            std::future::pending::<Result<Written<()>, StoreError>>().await
        }));
        told.await.unwrap();
        recording.abort();
        assert!(recording.await.is_err() && matches!(chores.try_recv(), Ok(Chore::Doom(_))), "cut off");

        let recorded = begun(&files).await.record(|_| async { Ok(Written::Ok(())) }).await;
        assert!(recorded.is_ok() && chores.try_recv().is_err(), "recorded");
    }
}

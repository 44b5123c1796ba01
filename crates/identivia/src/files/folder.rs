//! Files in a local folder: `<root>/<collection>/<record id>/<stored name>`.
//!
//! A copy for another record is a hard link to the same bytes, which never change.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::BytesMut;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, stream};
use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc;

use super::backend::{FileBackend, ListedFile, OpenFile, StoreOutcome, StoredPath};
use super::error::{FilesError, run_blocking};
use super::store_marker::{MARKER_NAME, MAX_MARKER_BYTES};
use crate::domain::media;
use crate::records::id::RecordId;
use crate::secret_file::create_secret_file;
use crate::store::{Collection, FileIntent};

/// How much of a file is read at once, in bytes.
pub(super) const READ_CHUNK_BYTES: usize = 64 * 1024;

/// How many files are listed ahead of their reader.
const LISTED_AHEAD: usize = 256;

/// A folder of files.
pub struct FileFolder(Arc<FolderTree>);

struct FolderTree {
    root: PathBuf,
    /// A sync has failed: no upload is acknowledged any more.
    is_broken: AtomicBool,
}

impl FileFolder {
    /// Opens the folder, and creates it if it is missing.
    ///
    /// # Errors
    /// When the folder cannot be created.
    pub fn open(root: &Path) -> std::io::Result<Self> {
        for collection in Collection::ALL {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(root.join(collection.name()))?;
        }
        File::open(root)?.sync_all()?;
        Ok(Self::open_to_read(root))
    }

    /// Opens a folder only for reading.
    #[must_use]
    pub fn open_to_read(root: &Path) -> Self {
        Self(Arc::new(FolderTree { root: root.to_owned(), is_broken: AtomicBool::new(false) }))
    }

    async fn run_on_tree<T: Send + 'static>(
        &self,
        work: impl FnOnce(&FolderTree) -> Result<T, FilesError> + Send + 'static,
    ) -> Result<T, FilesError> {
        let tree = self.0.clone();
        run_blocking(move || work(&tree)).await
    }
}

#[async_trait]
impl FileBackend for FileFolder {
    async fn create_file(&self, path: &StoredPath) -> Result<File, FilesError> {
        self.check_writable().await?;
        let path = path.clone();
        self.run_on_tree(move |tree| {
            let create = || {
                let path = tree.file_path(&path);
                OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
            };
            Ok(tree.run_in_record_folder(&path, create)?)
        })
        .await
    }

    async fn store_file(&self, _: &StoredPath, file: File) -> Result<StoreOutcome, FilesError> {
        self.run_on_tree(move |tree| tree.note_sync_failure(file.sync_all())).await?;
        Ok(StoreOutcome::Stored)
    }

    async fn copy_file(&self, from: &StoredPath, to: &StoredPath) -> Result<StoreOutcome, FilesError> {
        self.check_writable().await?;
        let (from, to) = (from.clone(), to.clone());
        self.run_on_tree(move |tree| {
            let (source, target) = (tree.file_path(&from), tree.file_path(&to));
            // Checked first, because below a missing source would look like a missing folder.
            fs::metadata(&source)?;
            if tree.run_in_record_folder(&to, || fs::hard_link(&source, &target)).is_err() {
                // The file system has no hard links, or this file has too many.
                fs::copy(&source, &target)?;
                tree.note_sync_failure(File::open(&target)?.sync_all())?;
            }
            Ok(StoreOutcome::Stored)
        })
        .await
    }

    async fn sync_record(&self, collection: Collection, record: RecordId) -> Result<(), FilesError> {
        self.run_on_tree(move |tree| tree.sync_folder(&tree.record_folder(collection, record))).await
    }

    async fn open_file(&self, path: &StoredPath) -> Result<OpenFile, FilesError> {
        let file = tokio::fs::File::open(self.0.file_path(path)).await?;
        let length = file.metadata().await?.len();
        Ok(OpenFile { length, chunks: read_chunks(file).boxed() })
    }

    async fn remove_files(&self, intent: &FileIntent) -> Result<usize, FilesError> {
        let intent = intent.clone();
        self.run_on_tree(move |tree| tree.remove_intent_files(&intent)).await
    }

    fn list_files(&self) -> BoxStream<'_, Result<ListedFile, FilesError>> {
        let (found, mut list) = mpsc::channel(LISTED_AHEAD);
        let tree = self.0.clone();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = tree.list_folder(&tree.root, &found) {
                let _ = found.blocking_send(Err(error));
            }
        });
        stream::poll_fn(move |context| list.poll_recv(context)).boxed()
    }

    async fn read_marker(&self) -> Result<Option<String>, FilesError> {
        self.run_on_tree(|tree| match File::open(tree.root.join(MARKER_NAME)) {
            Ok(file) => {
                let mut marker = String::new();
                file.take(MAX_MARKER_BYTES as u64).read_to_string(&mut marker)?;
                Ok(Some(marker.trim_end().to_owned()))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        })
        .await
    }

    async fn write_marker(&self, marker: &str) -> Result<(), FilesError> {
        let marker = format!("{marker}\n");
        self.run_on_tree(move |tree| {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&tree.root)?;
            match create_secret_file(&tree.root.join(MARKER_NAME), marker.as_bytes()) {
                // Another server that starts now has written it: the next check compares.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
                outcome => Ok(outcome?),
            }
        })
        .await
    }

    async fn check_writable(&self) -> Result<(), FilesError> {
        if self.0.is_broken.load(Ordering::Relaxed) { Err(FilesError::Broken) } else { Ok(()) }
    }
}

impl FolderTree {
    fn record_folder(&self, collection: Collection, record: RecordId) -> PathBuf {
        self.root.join(collection.name()).join(record.as_str())
    }

    fn file_path(&self, path: &StoredPath) -> PathBuf {
        self.record_folder(path.collection, path.record).join(&path.name)
    }

    /// Runs work in a record's folder, and creates the folder when it is missing. The folder's name is synced even if it
    /// exists by then, because another upload may have created it without having synced it yet.
    fn run_in_record_folder<T>(&self, path: &StoredPath, work: impl Fn() -> std::io::Result<T>) -> std::io::Result<T> {
        match work() {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            outcome => return outcome,
        }
        let folder = self.record_folder(path.collection, path.record);
        match fs::DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => self.sync_folder(folder.parent().unwrap_or(&folder)).map_err(std::io::Error::other)?,
        }
        work()
    }

    /// Sends each file below a folder. A folder or file that the sweep has removed meanwhile is skipped.
    fn list_folder(
        &self,
        folder: &Path,
        found: &mpsc::Sender<Result<ListedFile, FilesError>>,
    ) -> Result<(), FilesError> {
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let path = entry?.path();
            let metadata = match fs::symlink_metadata(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                metadata => metadata?,
            };
            let relative = path.strip_prefix(&self.root).unwrap_or(&path).to_string_lossy().into_owned();
            if metadata.is_dir() {
                self.list_folder(&path, found)?;
            } else if relative != MARKER_NAME
                && found.blocking_send(Ok(ListedFile { path: relative, length: metadata.len() })).is_err()
            {
                // The reader of the list is gone.
                return Ok(());
            }
        }
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> Result<(), FilesError> {
        let folder = File::open(folder)?;
        self.note_sync_failure(folder.sync_all())
    }

    /// After a failed sync the system may have dropped earlier writes, so no upload is acknowledged any more.
    fn note_sync_failure(&self, outcome: std::io::Result<()>) -> Result<(), FilesError> {
        let Err(error) = outcome else { return Ok(()) };
        if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) {
            return Err(FilesError::Full);
        }
        if !self.is_broken.swap(true, Ordering::Relaxed) {
            tracing::error!(%error, "a sync to the files' disk failed: uploads are refused until a restart");
        }
        Err(FilesError::Broken)
    }

    fn remove_intent_files(&self, intent: &FileIntent) -> Result<usize, FilesError> {
        let folder = self.record_folder(intent.collection, intent.record);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(error.into()),
        };
        let mut removed = 0;
        for entry in entries {
            let name = entry?.file_name();
            let name = name.to_string_lossy();
            if intent.names_file(&name) {
                removed += remove_file(&folder.join(name.as_ref()))?;
            }
        }
        if intent.collection == Collection::VerificationHistory {
            // A verification record has one upload. A profile's empty folder may belong to another upload.
            let _ = fs::remove_dir(&folder);
        }
        Ok(removed)
    }
}

impl FileIntent {
    /// Says whether the intent names a stored file of its record.
    pub(crate) fn names_file(&self, stored: &str) -> bool {
        if self.name.is_empty() {
            media::carries_mark(stored, &self.mark)
        } else {
            self.name.split('/').any(|name| name == stored)
        }
    }
}

fn remove_file(path: &Path) -> Result<usize, FilesError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(1),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error.into()),
    }
}

fn read_chunks(file: tokio::fs::File) -> impl futures_util::Stream<Item = std::io::Result<bytes::Bytes>> + Send {
    stream::try_unfold(file, |mut file| async move {
        let mut chunk = BytesMut::with_capacity(READ_CHUNK_BYTES);
        let length = file.read_buf(&mut chunk).await?;
        Ok((length > 0).then(|| (chunk.freeze(), file)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn uploads_are_refused_after_a_failed_sync() {
        let root = tempfile::tempdir().unwrap();
        let folder = FileFolder::open(root.path()).unwrap();
        let path =
            StoredPath { collection: Collection::Profiles, record: RecordId::random(), name: "a.png".to_owned() };
        let full = folder.0.note_sync_failure(Err(ErrorKind::StorageFull.into()));
        assert!(matches!(full, Err(FilesError::Full)) && folder.check_writable().await.is_ok());
        folder.create_file(&path).await.unwrap();
        assert!(matches!(folder.0.note_sync_failure(Err(std::io::Error::other("EIO"))), Err(FilesError::Broken)));
        assert!(matches!(folder.check_writable().await, Err(FilesError::Broken)));
        assert!(matches!(folder.create_file(&path).await, Err(FilesError::Broken)));
        assert!(matches!(folder.copy_file(&path, &path).await, Err(FilesError::Broken)));
    }
}

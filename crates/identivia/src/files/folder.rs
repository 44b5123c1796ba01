//! Files in a local folder: `<root>/<collection>/<record id>/<stored name>`.
//!
//! A copy for another record is a second name (a hard link) for the same bytes, which never change.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::BytesMut;
use futures_util::{StreamExt as _, stream};
use tokio::io::AsyncReadExt as _;

use super::{FilesError, Kept, Opened, Place, Spot, blocking};
use crate::domain::media;
use crate::records::id::RecordId;
use crate::store::{Collection, FileIntent};

/// How much of a file is read at once.
pub(super) const PIECE: usize = 64 * 1024;

/// A folder of files.
pub struct Folder(Arc<Tree>);

struct Tree {
    root: PathBuf,
    broken: AtomicBool,
}

impl Folder {
    /// Opens the folder, making it if need be.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(root: &Path) -> std::io::Result<Self> {
        for collection in Collection::ALL {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(root.join(collection.name()))?;
        }
        File::open(root)?.sync_all()?;
        Ok(Self::open_to_read(root))
    }

    /// A folder that is only to be read.
    #[must_use]
    pub fn open_to_read(root: &Path) -> Self {
        Self(Arc::new(Tree { root: root.to_owned(), broken: AtomicBool::new(false) }))
    }

    async fn work<T: Send + 'static>(
        &self,
        piece: impl FnOnce(&Tree) -> Result<T, FilesError> + Send + 'static,
    ) -> Result<T, FilesError> {
        let tree = self.0.clone();
        blocking(move || piece(&tree)).await
    }
}

#[async_trait]
impl Place for Folder {
    async fn begin(&self, spot: &Spot) -> Result<File, FilesError> {
        self.ready().await?;
        let spot = spot.clone();
        self.work(move |tree| {
            let open = || {
                let path = tree.path(&spot);
                OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
            };
            Ok(tree.in_folder_of(&spot, open)?)
        })
        .await
    }

    async fn keep(&self, _: &Spot, file: File) -> Result<Kept, FilesError> {
        self.work(move |tree| tree.synced(file.sync_all())).await?;
        Ok(Kept::There)
    }

    async fn copy(&self, from: &Spot, to: &Spot) -> Result<Kept, FilesError> {
        self.ready().await?;
        let (from, to) = (from.clone(), to.clone());
        self.work(move |tree| {
            let (source, target) = (tree.path(&from), tree.path(&to));
            // Asked first: below, a missing source looks like a missing folder.
            fs::metadata(&source)?;
            if tree.in_folder_of(&to, || fs::hard_link(&source, &target)).is_err() {
                // A file system without links, or with as many as it takes.
                fs::copy(&source, &target)?;
                tree.synced(File::open(&target)?.sync_all())?;
            }
            Ok(Kept::There)
        })
        .await
    }

    async fn settle(&self, collection: Collection, record: RecordId) -> Result<(), FilesError> {
        self.work(move |tree| tree.sync(&tree.folder(collection, record))).await
    }

    async fn read(&self, spot: &Spot) -> Result<Opened, FilesError> {
        let file = tokio::fs::File::open(self.0.path(spot)).await?;
        let length = file.metadata().await?.len();
        Ok(Opened { length, pieces: pieces(file).boxed() })
    }

    async fn remove(&self, intent: &FileIntent) -> Result<usize, FilesError> {
        let intent = intent.clone();
        self.work(move |tree| tree.remove(&intent)).await
    }

    async fn ready(&self) -> Result<(), FilesError> {
        if self.0.broken.load(Ordering::Relaxed) { Err(FilesError::Broken) } else { Ok(()) }
    }
}

impl Tree {
    fn folder(&self, collection: Collection, record: RecordId) -> PathBuf {
        self.root.join(collection.name()).join(record.as_str())
    }

    fn path(&self, spot: &Spot) -> PathBuf {
        self.folder(spot.collection, spot.record).join(&spot.name)
    }

    /// Does something in a record's folder; makes the folder when that turns out to be missing. Its name is synced even
    /// if it was there by then: whoever made it may not have come that far.
    fn in_folder_of<T>(&self, spot: &Spot, work: impl Fn() -> std::io::Result<T>) -> std::io::Result<T> {
        match work() {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            outcome => return outcome,
        }
        let folder = self.folder(spot.collection, spot.record);
        match fs::DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => self.sync(folder.parent().unwrap_or(&folder)).map_err(std::io::Error::other)?,
        }
        work()
    }

    fn sync(&self, folder: &Path) -> Result<(), FilesError> {
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

    fn remove(&self, intent: &FileIntent) -> Result<usize, FilesError> {
        let folder = self.folder(intent.collection, intent.record);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(error.into()),
        };
        let mut removed = 0;
        for entry in entries {
            let name = entry?.file_name();
            let name = name.to_string_lossy();
            if intent.names(&name) {
                removed += remove_file(&folder.join(name.as_ref()))?;
            }
        }
        if intent.collection == Collection::VerificationHistory {
            // A record has one upload, so an empty folder is nobody's. A profile's may be another upload's this moment.
            let _ = fs::remove_dir(&folder);
        }
        Ok(removed)
    }
}

impl FileIntent {
    /// Says whether a stored file of its record is one that it names.
    pub(crate) fn names(&self, stored: &str) -> bool {
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

fn pieces(file: tokio::fs::File) -> impl futures_util::Stream<Item = std::io::Result<bytes::Bytes>> + Send {
    stream::try_unfold(file, |mut file| async move {
        let mut piece = BytesMut::with_capacity(PIECE);
        let length = file.read_buf(&mut piece).await?;
        Ok((length > 0).then(|| (piece.freeze(), file)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn after_a_failed_sync_nothing_more_is_taken() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::open(root.path()).unwrap();
        let spot = Spot { collection: Collection::Profiles, record: RecordId::random(), name: "a.png".to_owned() };
        let full = folder.0.synced(Err(ErrorKind::StorageFull.into()));
        assert!(matches!(full, Err(FilesError::Full)) && folder.ready().await.is_ok());
        folder.begin(&spot).await.unwrap();
        assert!(matches!(folder.0.synced(Err(std::io::Error::other("EIO"))), Err(FilesError::Broken)));
        assert!(matches!(folder.ready().await, Err(FilesError::Broken)));
        assert!(matches!(folder.begin(&spot).await, Err(FilesError::Broken)));
        assert!(matches!(folder.copy(&spot, &spot).await, Err(FilesError::Broken)));
    }
}

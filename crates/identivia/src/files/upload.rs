//! One request's files on their way to a record.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use super::{Chore, Files, FilesError, blocking};
use crate::domain::id::RecordId;
use crate::domain::media::{self, Media};
use crate::store::{Collection, FileIntent, StoreError, Written};

/// How much is gathered before a trip to a blocking thread: large enough to make trips rare, small enough that many
/// uploads at once stay small.
const CHUNK: usize = 256 * 1024;

/// The files of one request.
pub struct Upload {
    pending: Arc<Pending>,
    /// How many files it has begun.
    count: usize,
}

/// What stands behind an upload. Work on the blocking threads goes on when its request is given up, so each piece of it
/// holds this; the last one to let go hands the files to the sweeper, unless a record has come to name them.
struct Pending {
    files: Arc<Files>,
    intent: FileIntent,
    fate: AtomicU8,
}

/// What is known of an upload's record.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Fate {
    /// Nothing has been noted or written.
    Unbegun,
    /// No record names the files: they can go at once.
    Unrecorded,
    /// The transaction has been asked for and has not answered.
    Unknown,
    /// A record names them.
    Recorded,
}

impl Pending {
    fn meets(&self, fate: Fate) {
        self.fate.store(fate as u8, Ordering::Release);
    }

    fn folder(&self) -> PathBuf {
        self.files.folder(self.intent.collection, self.intent.record)
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let fate = *self.fate.get_mut();
        if fate == Fate::Unrecorded as u8 {
            self.files.ask_sweeper(Chore::Remove(self.intent.clone()));
        } else if fate == Fate::Unknown as u8 {
            self.files.ask_sweeper(Chore::Doom(self.intent.mark.clone()));
        }
    }
}

impl Upload {
    pub(super) fn new(files: Arc<Files>, collection: Collection, record: RecordId) -> Self {
        let intent = FileIntent { mark: media::upload_mark(), collection, record, name: String::new() };
        Self { pending: Arc::new(Pending { files, intent, fate: AtomicU8::new(Fate::Unbegun as u8) }), count: 0 }
    }

    /// Begins a file; its stored name is settled here.
    ///
    /// # Errors
    /// When nothing can be stored now.
    pub async fn create(&mut self, client_name: &str, media: Media) -> Result<(Writing, String), FilesError> {
        let (path, name) = self.place(client_name, media).await?;
        let file = self
            .work(move |_| Ok(OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?))
            .await?;
        Ok((Writing::new(file), name))
    }

    /// Makes sure that a written file is on disk.
    ///
    /// # Errors
    /// When the sync fails: then no upload is acknowledged until a restart.
    pub async fn sync(&self, file: File) -> Result<(), FilesError> {
        self.work(move |pending| pending.files.synced(file.sync_all())).await
    }

    /// Gives another record's file a second name in this one. The bytes are shared; the names live apart.
    ///
    /// # Errors
    /// [`FilesError::Gone`] when the file has been replaced meanwhile.
    pub async fn copy(&mut self, from: (Collection, RecordId), name: &str) -> Result<String, FilesError> {
        let media = Media::of_stored_name(name).ok_or(FilesError::Gone)?;
        let stem = name.rsplit_once('_').map_or(name, |(stem, _)| stem);
        let source = self.pending.files.folder(from.0, from.1).join(name);
        let (target, stored) = self.place(stem, media).await?;
        self.work(move |pending| link_or_copy(&pending.files, &source, &target)).await?;
        Ok(stored)
    }

    /// Syncs the folder, so that the names are on disk too, and runs the transaction that makes a record name the
    /// files. It gets the mark that it must clear.
    ///
    /// # Errors
    /// When the sync or the transaction fails: then the files go.
    pub async fn record<T, F>(self, transaction: impl FnOnce(Option<String>) -> F) -> Result<Written<T>, FilesError>
    where
        F: Future<Output = Result<Written<T>, StoreError>>,
    {
        if self.count == 0 {
            return Ok(transaction(None).await?);
        }
        self.work(|pending| pending.files.sync_folder(&pending.folder())).await?;
        self.pending.meets(Fate::Unknown);
        let outcome = transaction(Some(self.pending.intent.mark.clone())).await;
        self.pending.meets(match &outcome {
            Ok(Written::Done(_)) => Fate::Recorded,
            // A sync that failed may still have reached the disk.
            Err(StoreError::Broken) => Fate::Unknown,
            Ok(_) | Err(_) => Fate::Unrecorded,
        });
        Ok(outcome?)
    }

    /// Settles where the next file goes. Before the first, the mark is noted, durably, and the folder made.
    async fn place(&mut self, client_name: &str, media: Media) -> Result<(PathBuf, String), FilesError> {
        let files = &self.pending.files;
        if !files.is_well() {
            return Err(FilesError::Broken);
        }
        self.count += 1;
        if self.count == 1 {
            self.pending.meets(Fate::Unrecorded);
            files.store.open_intent(self.pending.intent.clone(), files.clock.now()).await?;
            self.work(|pending| make_folder(&pending.files, &pending.folder())).await?;
        }
        let name = media::stored_name(client_name, &self.pending.intent.mark, self.count, media);
        Ok((self.pending.folder().join(&name), name))
    }

    /// Runs a piece of work off the async threads, and keeps the sweeper away until it is over.
    async fn work<T: Send + 'static>(
        &self,
        piece: impl FnOnce(&Pending) -> Result<T, FilesError> + Send + 'static,
    ) -> Result<T, FilesError> {
        let pending = self.pending.clone();
        blocking(move || piece(&pending)).await
    }
}

/// Makes a record's folder. Its name is synced even if it was there: whoever made it may not have come that far.
fn make_folder(files: &Files, folder: &Path) -> Result<(), FilesError> {
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error.into()),
        _ => files.sync_folder(folder.parent().unwrap_or(folder)),
    }
}

fn link_or_copy(files: &Files, source: &Path, target: &Path) -> Result<(), FilesError> {
    match fs::hard_link(source, target) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(FilesError::Gone),
        // A file system without links, or with as many as it takes.
        Err(_) => {
            fs::copy(source, target)?;
            files.synced(File::open(target)?.sync_all())
        }
    }
}

/// A file being written in large chunks, off the async threads.
pub struct Writing {
    file: Option<File>,
    chunk: Vec<u8>,
    /// The bytes taken so far.
    pub length: u64,
}

impl Writing {
    pub(super) fn new(file: File) -> Self {
        Self { file: Some(file), chunk: Vec::new(), length: 0 }
    }

    /// Takes some bytes.
    ///
    /// # Errors
    /// When they cannot be written.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), FilesError> {
        self.length += bytes.len() as u64;
        self.chunk.extend_from_slice(bytes);
        if self.chunk.len() < CHUNK { Ok(()) } else { self.flush().await }
    }

    /// Writes what is left and gives the file back.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn finish(mut self) -> Result<File, FilesError> {
        self.flush().await?;
        self.file.take().ok_or(FilesError::Gone)
    }

    async fn flush(&mut self) -> Result<(), FilesError> {
        // If the write fails or is cancelled, the file is gone with it, and so is this upload.
        let mut file = self.file.take().ok_or(FilesError::Gone)?;
        let mut chunk = std::mem::take(&mut self.chunk);
        let (file, chunk) = blocking(move || {
            file.write_all(&chunk)?;
            chunk.clear();
            Ok((file, chunk))
        })
        .await?;
        self.file = Some(file);
        self.chunk = chunk;
        Ok(())
    }
}

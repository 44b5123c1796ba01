//! One request's files on their way to a record.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Chore, Files, FilesError, blocking};
use crate::domain::id::RecordId;
use crate::domain::media::{self, Media};
use crate::store::{Collection, FileIntent, StoreError, Written};

/// How much is gathered before a trip to a blocking thread: large enough to make trips rare, small enough that many
/// uploads at once stay small.
const CHUNK: usize = 256 * 1024;

/// The files of one request. Unless a record has come to name them, dropping it hands them to the sweeper.
pub struct Upload {
    files: Arc<Files>,
    collection: Collection,
    record: RecordId,
    mark: String,
    /// How many files it has begun. The first one notes the mark in the database.
    count: usize,
    fate: Fate,
}

/// What is known of an upload's record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// No record names the files: they can go at once.
    Unrecorded,
    /// The transaction has been asked for and has not answered.
    Unknown,
    /// A record names them.
    Recorded,
}

impl Upload {
    pub(super) fn new(files: Arc<Files>, collection: Collection, record: RecordId) -> Self {
        Self { files, collection, record, mark: media::upload_mark(), count: 0, fate: Fate::Unrecorded }
    }

    /// Begins a file; its stored name is settled here.
    ///
    /// # Errors
    /// When nothing can be stored now.
    pub async fn create(&mut self, client_name: &str, media: Media) -> Result<(Writing, String), FilesError> {
        let (path, name) = self.place(client_name, media).await?;
        let file =
            blocking(move || Ok(OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?))
                .await?;
        Ok((Writing::new(file), name))
    }

    /// Makes sure that a written file is on disk.
    ///
    /// # Errors
    /// When the sync fails: then no upload is acknowledged until a restart.
    pub async fn sync(&self, file: File) -> Result<(), FilesError> {
        let files = self.files.clone();
        blocking(move || files.synced(file.sync_all())).await
    }

    /// Gives another record's file a second name in this one. The bytes are shared; the names live apart.
    ///
    /// # Errors
    /// [`FilesError::Gone`] when the file has been replaced meanwhile.
    pub async fn copy(&mut self, from: (Collection, RecordId), name: &str) -> Result<String, FilesError> {
        let media = Media::of_stored_name(name).ok_or(FilesError::Gone)?;
        let stem = name.rsplit_once('_').map_or(name, |(stem, _)| stem);
        let source = self.files.folder(from.0, from.1).join(name);
        let (target, stored) = self.place(stem, media).await?;
        let files = self.files.clone();
        blocking(move || link_or_copy(&files, &source, &target)).await?;
        Ok(stored)
    }

    /// Syncs the folder, so that the names are on disk too, and runs the transaction that makes a record name the
    /// files. It gets the mark that it must clear.
    ///
    /// # Errors
    /// When the sync or the transaction fails: then the files go.
    pub async fn record<T, F>(mut self, transaction: impl FnOnce(Option<String>) -> F) -> Result<Written<T>, FilesError>
    where
        F: Future<Output = Result<Written<T>, StoreError>>,
    {
        let mark = (self.count > 0).then(|| self.mark.clone());
        if mark.is_some() {
            let files = self.files.clone();
            let folder = self.folder();
            blocking(move || files.synced(sync_folder(&folder))).await?;
        }
        self.fate = Fate::Unknown;
        let outcome = transaction(mark).await;
        self.fate = match &outcome {
            Ok(Written::Done(_)) => Fate::Recorded,
            // A sync that failed may still have reached the disk.
            Err(StoreError::Broken) => Fate::Unknown,
            Ok(_) | Err(_) => Fate::Unrecorded,
        };
        Ok(outcome?)
    }

    fn folder(&self) -> PathBuf {
        self.files.folder(self.collection, self.record)
    }

    async fn place(&mut self, client_name: &str, media: Media) -> Result<(PathBuf, String), FilesError> {
        if !self.files.is_well() {
            return Err(FilesError::Broken);
        }
        self.count += 1;
        if self.count == 1 {
            self.note().await?;
        }
        let name = media::stored_name(client_name, &self.mark, self.count, media);
        Ok((self.folder().join(&name), name))
    }

    fn intent(&self) -> FileIntent {
        FileIntent { mark: self.mark.clone(), collection: self.collection, record: self.record, name: String::new() }
    }

    /// Notes the mark, durably, and makes the record's folder.
    async fn note(&self) -> Result<(), FilesError> {
        self.files.store.open_intent(self.intent(), self.files.clock.now()).await?;
        let files = self.files.clone();
        let folder = self.folder();
        blocking(move || make_folder(&files, &folder)).await
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let chore = match self.fate {
            _ if self.count == 0 => return,
            Fate::Recorded => return,
            Fate::Unrecorded => Chore::Remove(self.intent()),
            Fate::Unknown => Chore::Doom(self.mark.clone()),
        };
        self.files.ask_sweeper(chore);
    }
}

fn make_folder(files: &Files, folder: &Path) -> Result<(), FilesError> {
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => files.synced(sync_folder(folder.parent().unwrap_or(folder))),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
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

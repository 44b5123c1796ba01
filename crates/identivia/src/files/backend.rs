//! The file backend trait: a local folder, an S3 bucket, or file fields within PocketBase's records.

use std::fs::File;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream};

use super::error::FilesError;
use crate::domain::media;
use crate::records::id::RecordId;
use crate::store::{Collection, FileIntent};

/// The path of a stored file: its record and its stored name.
#[derive(Clone, Debug)]
pub struct StoredPath {
    pub collection: Collection,
    pub record: RecordId,
    pub name: String,
}

impl StoredPath {
    /// The path below the root of all files: `<collection>/<record id>/<stored name>`.
    #[must_use]
    pub fn relative_path(&self) -> String {
        format!("{}/{}/{}", self.collection.name(), self.record, self.name)
    }

    /// Reads a relative path; `None` for one that no file of a record has.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let mut parts = path.split('/');
        let (collection, record, name) = (parts.next()?, parts.next()?, parts.next()?);
        let (collection, record) = (Collection::from_name(collection)?, RecordId::parse(record)?);
        let is_one = parts.next().is_none() && media::is_stored_name(name);
        is_one.then(|| Self { collection, record, name: name.to_owned() })
    }
}

/// A file in the list of a store.
pub struct ListedFile {
    /// The path below the root of all files.
    pub path: String,
    /// Bytes.
    pub length: u64,
}

/// A stored file, open for reading.
pub struct OpenFile {
    /// Bytes.
    pub length: u64,
    pub chunks: BoxStream<'static, std::io::Result<Bytes>>,
}

/// How a backend has stored a file.
pub enum StoreOutcome {
    /// It is stored, and durable after [`FileBackend::sync_record`].
    Stored,
    /// It waits to be stored within its record.
    Staged(File),
}

/// A backend that stores files. Every method is safe to run twice.
#[async_trait]
pub trait FileBackend: Send + Sync {
    /// Opens a new file for writing: at its path, or a nameless one where the backend takes only whole files.
    async fn create_file(&self, path: &StoredPath) -> Result<File, FilesError>;
    /// Stores a file that is written.
    async fn store_file(&self, path: &StoredPath, file: File) -> Result<StoreOutcome, FilesError>;
    /// Stores a copy of a stored file. Either of the two can be removed without the other.
    async fn copy_file(&self, from: &StoredPath, to: &StoredPath) -> Result<StoreOutcome, FilesError>;
    /// Makes all stored files of a record durable, with their names.
    async fn sync_record(&self, collection: Collection, record: RecordId) -> Result<(), FilesError>;
    /// Opens a stored file; [`FilesError::Gone`] when it does not exist.
    async fn open_file(&self, path: &StoredPath) -> Result<OpenFile, FilesError>;
    /// Removes the files that an intent names, and returns how many there were.
    async fn remove_files(&self, intent: &FileIntent) -> Result<usize, FilesError>;
    /// Checks that files can be stored now.
    async fn check_writable(&self) -> Result<(), FilesError>;
    /// Lists every file but the marker, those of a record one after the other. Files within records are not listed.
    fn list_files(&self) -> BoxStream<'_, Result<ListedFile, FilesError>> {
        Box::pin(stream::empty())
    }
    /// Reads the marker of the store, if it has one. Files within records have none.
    async fn read_marker(&self) -> Result<Option<String>, FilesError> {
        Ok(None)
    }
    /// Writes the marker of the store, durably.
    async fn write_marker(&self, _marker: &str) -> Result<(), FilesError> {
        Ok(())
    }
    /// Says whether a file may still arrive after its upload was given up. Then the intent of a failed upload outlives the
    /// first removal.
    fn may_arrive_late(&self) -> bool {
        false
    }
}

//! Files in the file fields of PocketBase's records: sent with the record that names them, removed with it.
//!
//! A file is staged in a nameless local file until its record is written, so it needs neither an intent nor a sweep.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _};

use super::backend::{FileBackend, OpenFile, StoreOutcome, StoredPath};
use super::error::{FilesError, run_blocking};
use super::file_writer::create_scratch_file;
use crate::domain::media::MAX_VIDEO_BYTES;
use crate::records::id::RecordId;
use crate::store::pocketbase::PocketBase;
use crate::store::{Collection, FileIntent};

/// The file fields of a PocketBase instance.
pub struct PocketBaseFields {
    pocketbase: Arc<PocketBase>,
    scratch: PathBuf,
}

impl PocketBaseFields {
    /// The file fields of that instance, with a folder for staged files.
    #[must_use]
    pub fn new(pocketbase: Arc<PocketBase>, scratch: &Path) -> Self {
        Self { pocketbase, scratch: scratch.to_owned() }
    }
}

#[async_trait]
impl FileBackend for PocketBaseFields {
    async fn create_file(&self, _: &StoredPath) -> Result<File, FilesError> {
        create_scratch_file(&self.scratch).await
    }

    async fn store_file(&self, _: &StoredPath, file: File) -> Result<StoreOutcome, FilesError> {
        Ok(StoreOutcome::Staged(file))
    }

    /// PocketBase copies no files, so this fetches the bytes and sends them again.
    async fn copy_file(&self, from: &StoredPath, _: &StoredPath) -> Result<StoreOutcome, FilesError> {
        let OpenFile { mut chunks, .. } = self.open_file(from).await?;
        let mut file = create_scratch_file(&self.scratch).await?;
        let mut length = 0;
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| FilesError::Unavailable(error.to_string()))?;
            length += chunk.len() as u64;
            if length > MAX_VIDEO_BYTES {
                return Err(FilesError::Unavailable("PocketBase's file is larger than the largest video".to_owned()));
            }
            file = run_blocking(move || {
                file.write_all(&chunk)?;
                Ok(file)
            })
            .await?;
        }
        file.rewind()?;
        Ok(StoreOutcome::Staged(file))
    }

    async fn sync_record(&self, _: Collection, _: RecordId) -> Result<(), FilesError> {
        Ok(())
    }

    async fn open_file(&self, path: &StoredPath) -> Result<OpenFile, FilesError> {
        let Some(response) = self.pocketbase.download(&path.relative_path()).await? else {
            return Err(FilesError::Gone);
        };
        let no_length = || FilesError::Unavailable("PocketBase sends a file without its length".to_owned());
        let length = response.content_length().ok_or_else(no_length)?;
        // The library's own error text would hold the URL with the token.
        let chunks = response.bytes_stream().map_err(|_| std::io::Error::other("PocketBase broke off within a file"));
        Ok(OpenFile { length, chunks: chunks.boxed() })
    }

    async fn remove_files(&self, _: &FileIntent) -> Result<usize, FilesError> {
        Ok(0)
    }

    /// The check of the records covers the files.
    async fn check_writable(&self) -> Result<(), FilesError> {
        Ok(())
    }
}

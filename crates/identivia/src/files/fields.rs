//! Files in the file fields of PocketBase's records: sent with the record that names them, removed with it.
//!
//! A file waits in a nameless local one until its record is written, so nothing needs a note and nothing is swept.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _};

use super::{FilesError, Kept, Opened, Place, Spot, blocking, scratch};
use crate::domain::media::MAX_VIDEO_BYTES;
use crate::records::id::RecordId;
use crate::store::pocketbase::PocketBase;
use crate::store::{Collection, FileIntent};

/// The file fields of an instance.
pub struct Fields {
    pocketbase: Arc<PocketBase>,
    scratch: PathBuf,
}

impl Fields {
    /// The fields of an instance, with a folder for files on their way.
    #[must_use]
    pub fn new(pocketbase: Arc<PocketBase>, scratch: &Path) -> Self {
        Self { pocketbase, scratch: scratch.to_owned() }
    }
}

#[async_trait]
impl Place for Fields {
    async fn begin(&self, _: &Spot) -> Result<File, FilesError> {
        scratch(&self.scratch).await
    }

    async fn keep(&self, _: &Spot, file: File) -> Result<Kept, FilesError> {
        Ok(Kept::Staged(file))
    }

    /// PocketBase copies no files, so this fetches the bytes to send them again.
    async fn copy(&self, from: &Spot, _: &Spot) -> Result<Kept, FilesError> {
        let Opened { mut pieces, .. } = self.read(from).await?;
        let mut file = scratch(&self.scratch).await?;
        let mut length = 0;
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| FilesError::Unavailable(error.to_string()))?;
            length += piece.len() as u64;
            if length > MAX_VIDEO_BYTES {
                return Err(FilesError::Unavailable("PocketBase's file is larger than any we keep".to_owned()));
            }
            file = blocking(move || {
                file.write_all(&piece)?;
                Ok(file)
            })
            .await?;
        }
        file.rewind()?;
        Ok(Kept::Staged(file))
    }

    async fn settle(&self, _: Collection, _: RecordId) -> Result<(), FilesError> {
        Ok(())
    }

    async fn read(&self, spot: &Spot) -> Result<Opened, FilesError> {
        let Some(response) = self.pocketbase.download(&spot.path()).await? else { return Err(FilesError::Gone) };
        let unmeasured = || FilesError::Unavailable("PocketBase sends a file without its length".to_owned());
        let length = response.content_length().ok_or_else(unmeasured)?;
        // The library's own words for what broke off would hold the URL and the token in it.
        let pieces = response.bytes_stream().map_err(|_| std::io::Error::other("PocketBase broke off within a file"));
        Ok(Opened { length, pieces: pieces.boxed() })
    }

    async fn remove(&self, _: &FileIntent) -> Result<usize, FilesError> {
        Ok(0)
    }

    /// The records say so for both.
    async fn ready(&self) -> Result<(), FilesError> {
        Ok(())
    }
}

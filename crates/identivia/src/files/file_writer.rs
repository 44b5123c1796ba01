//! Writes a file in large chunks, off the async threads.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use super::error::{FilesError, run_blocking};

/// How much is gathered before a trip to a blocking thread: large enough to make trips rare, small enough that many
/// concurrent uploads stay small.
const CHUNK_BYTES: usize = 256 * 1024;

/// A file that is being written.
pub struct FileWriter {
    file: Option<File>,
    chunk: Vec<u8>,
    /// The bytes so far.
    pub length: u64,
}

impl FileWriter {
    pub(super) fn new(file: File) -> Self {
        Self { file: Some(file), chunk: Vec::new(), length: 0 }
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// When they cannot be written.
    pub async fn write_bytes(&mut self, bytes: &[u8]) -> Result<(), FilesError> {
        self.length += bytes.len() as u64;
        self.chunk.extend_from_slice(bytes);
        if self.chunk.len() < CHUNK_BYTES { Ok(()) } else { self.flush_chunk().await }
    }

    /// Writes the rest and returns the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn finish_file(mut self) -> Result<File, FilesError> {
        self.flush_chunk().await?;
        self.file.take().ok_or(FilesError::Gone)
    }

    async fn flush_chunk(&mut self) -> Result<(), FilesError> {
        // When the write fails or is cancelled the file is dropped, and this upload cannot continue.
        let mut file = self.file.take().ok_or(FilesError::Gone)?;
        let mut chunk = std::mem::take(&mut self.chunk);
        let (file, chunk) = run_blocking(move || {
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

/// Opens a nameless file, which the system removes by itself.
pub(crate) async fn create_scratch_file(folder: &Path) -> Result<File, FilesError> {
    let folder = folder.to_owned();
    run_blocking(move || Ok(tempfile::tempfile_in(folder)?)).await
}

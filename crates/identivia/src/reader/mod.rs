//! Who reads documents: a reader behind one trait. What it says is evidence; it decides nothing.

use async_trait::async_trait;
use bytes::Bytes;

use crate::domain::media::Media;
use crate::domain::reading::{Hints, Reading};

/// Why a document was not read.
#[derive(Debug, thiserror::Error)]
pub enum ReaderError {
    #[error("the reader asks for patience")]
    Throttled,
    #[error("the reader failed: {0}")]
    Failed(String),
}

/// A document reader.
#[async_trait]
pub trait DocumentReader: Send + Sync {
    /// Reads a picture that has been checked to decode.
    async fn read(&self, picture: Bytes, media: Media, hints: &Hints) -> Result<Reading, ReaderError>;
}

//! Who reads documents: a reader behind one trait. What it says is evidence; it decides nothing.

mod answer;
pub mod local;
pub mod openai;
mod picture;

use std::fs::File;

use async_trait::async_trait;

use crate::domain::media::Media;
use crate::domain::reading::{Hints, Reading};
use crate::providers::http_call::ProviderError;

/// A picture that has been checked to decode.
pub struct Picture {
    pub file: File,
    pub media: Media,
    pub pixels: u64,
}

/// The sides of one document.
pub struct Sides {
    pub front: Picture,
    pub back: Option<Picture>,
}

/// A document reader.
#[async_trait]
pub trait DocumentReader: Send + Sync {
    /// Reads a document.
    async fn read(&self, sides: Sides, hints: &Hints) -> Result<Reading, ProviderError>;
    /// Says whether it would do its part now, by a call that costs little.
    async fn look(&self) -> Result<(), ProviderError>;
}

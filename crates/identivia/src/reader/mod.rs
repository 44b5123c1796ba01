//! Who reads documents: a reader behind one trait. What it says is evidence; it decides nothing.

mod answer;
pub mod openai;
mod picture;

use async_trait::async_trait;
use bytes::Bytes;

use crate::domain::media::Media;
use crate::domain::reading::{Hints, Reading};
use crate::outside::ProviderError;

/// A document reader.
#[async_trait]
pub trait DocumentReader: Send + Sync {
    /// Reads a picture that has been checked to decode.
    async fn read(&self, picture: Bytes, media: Media, hints: &Hints) -> Result<Reading, ProviderError>;
    /// Says whether it would do its part now, by a call that costs little.
    async fn look(&self) -> Result<(), ProviderError>;
}

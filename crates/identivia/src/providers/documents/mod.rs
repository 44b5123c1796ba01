//! Document readers behind one trait. A reading is evidence; it decides nothing.

pub mod kept_readings;
pub mod local;
mod model_answer;
pub mod off;
pub mod openai;
mod prepare_picture;

use std::fs::File;

use async_trait::async_trait;

use crate::domain::media::Media;
use crate::domain::reading::{DocumentAnalysis, ReaderHints};
use crate::providers::http_call::ProviderError;
use crate::records::id::RecordId;
use crate::work::holder::WorkHolder;

/// A picture that has been checked to decode.
pub struct DocumentPicture {
    pub file: File,
    pub media: Media,
    pub pixels: u64,
    /// The editing program that the picture as sent named. The file is the rebuilt picture, which names none.
    pub editor: Option<&'static str>,
}

/// The sides of one document.
pub struct DocumentSides {
    pub front: DocumentPicture,
    pub back: Option<DocumentPicture>,
    /// The caller's own profile. What was read on the same pictures of it need not be read again.
    pub profile: Option<RecordId>,
}

/// A document reader.
#[async_trait]
pub trait DocumentReader: Send + Sync {
    /// Whether there is no reader: every reading is refused.
    fn is_off(&self) -> bool {
        false
    }
    /// Whether it reads with the local engines, whose work is limited.
    fn is_local(&self) -> bool {
        false
    }
    /// Its word in answers: `off`, `local` or `openai`.
    fn word(&self) -> &'static str {
        match (self.is_off(), self.is_local()) {
            (true, _) => "off",
            (_, true) => "local",
            _ => "openai",
        }
    }
    /// Reads a document for that holder.
    async fn read_document(
        &self,
        sides: DocumentSides,
        hints: &ReaderHints,
        holder: WorkHolder,
    ) -> Result<DocumentAnalysis, ProviderError>;
    /// Checks that the reader works, by a call that costs little.
    async fn check_health(&self) -> Result<(), ProviderError>;
}

//! No document reader: the operator has turned it off.

use async_trait::async_trait;

use super::{DocumentReader, DocumentSides};
use crate::domain::reading::{DocumentAnalysis, ReaderHints};
use crate::providers::http_call::ProviderError;
use crate::work::holder::WorkHolder;

/// Refuses every document.
pub struct NoReader;

#[async_trait]
impl DocumentReader for NoReader {
    fn is_off(&self) -> bool {
        true
    }

    async fn read_document(
        &self,
        _: DocumentSides,
        _: &ReaderHints,
        _: WorkHolder,
    ) -> Result<DocumentAnalysis, ProviderError> {
        Err(ProviderError::MissingSetting("DOCUMENT_READER is off: the operator of this server can turn it on"))
    }

    async fn check_health(&self) -> Result<(), ProviderError> {
        Ok(())
    }
}

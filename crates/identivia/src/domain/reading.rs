//! What a document reader found, in the reference's shape. It decides nothing.

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::records::checks::Finding;

/// The reader's fields, as `analysis_json` shows them; empty where it found nothing.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct DocumentFields {
    pub name: String,
    pub document_number: String,
    pub country: String,
    pub document_type: String,
    pub address: String,
    pub gender: String,
    pub date_of_birth: String,
    /// `authentic`, `suspicious` or `unknown`: the reader's opinion.
    pub authenticity: String,
}

/// What the reading cost, in a language model's tokens; zeros for an engine that has none.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub struct TokenUsage {
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    pub total_tokens: u64,
}

/// One reading of one document.
#[derive(Clone, Debug)]
pub struct DocumentAnalysis {
    /// The model or engine that read it.
    pub model: String,
    /// Its answer, checked to be JSON.
    pub analysis: Box<RawValue>,
    pub fields: DocumentFields,
    pub usage: TokenUsage,
    /// What was checked, one by one; none from a language model.
    pub findings: Vec<Finding>,
}

/// What the caller believes the document to be: data for the reader, never instructions.
#[derive(Clone, Debug, Default)]
pub struct ReaderHints {
    pub document_type: String,
    pub document_number: String,
    pub full_name: String,
}

//! The local document reader: text, machine-readable zones and barcodes, and the findings that follow from them.
//!
//! docs/local-engines.md says what is checked and how reliable the result is.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;
use serde_json::value::to_raw_value;
use vision::document::{Authenticity, Date, DocumentReading, FieldSource, ReadFields};
use vision::mrz::Sex;

use super::kept_readings::{KeptReadings, ReadingPurpose, SideBytes};
use super::prepare_picture::read_file_bytes;
use super::{DocumentReader, DocumentSides};
use crate::domain::country;
use crate::domain::document_editors::DocumentEditors;
use crate::domain::reading::{DocumentAnalysis, DocumentFields, ReaderHints, TokenUsage};
use crate::providers::http_call::ProviderError;
use crate::providers::local_engines::ENGINE_NAME;
use crate::records::checks::{Finding, Outcome};
use crate::work::holder::WorkHolder;

/// The local reader.
pub struct LocalReader {
    readings: Arc<KeptReadings>,
}

impl LocalReader {
    /// A reader that keeps what it reads there.
    #[must_use]
    pub fn new(readings: Arc<KeptReadings>) -> Self {
        Self { readings }
    }
}

#[async_trait]
impl DocumentReader for LocalReader {
    fn is_local(&self) -> bool {
        true
    }

    /// Hints are ignored: this reader reads what is printed.
    async fn read_document(
        &self,
        sides: DocumentSides,
        _: &ReaderHints,
        holder: WorkHolder,
    ) -> Result<DocumentAnalysis, ProviderError> {
        let DocumentSides { front, back, profile } = sides;
        let word = |editor: Option<&str>| editor.map(str::to_owned);
        let editors =
            DocumentEditors { front: word(front.editor), back: word(back.as_ref().and_then(|back| back.editor)) };
        let reading_back = move || {
            let front = read_file_bytes(front.file)?;
            Ok(SideBytes { front, back: back.map(|back| read_file_bytes(back.file)).transpose()? })
        };
        let sides = tokio::task::spawn_blocking(reading_back).await;
        let sides = sides.unwrap_or_else(|_| Err(ProviderError::failed("reading a picture back broke off")))?;
        let document = self.readings.read_document(profile, sides, &editors, ReadingPurpose::Page, holder).await?;
        to_reading(&document.ok_or_else(|| ProviderError::failed("the picture does not decode"))?)
    }

    async fn check_health(&self) -> Result<(), ProviderError> {
        Ok(())
    }
}

fn to_reading(document: &DocumentReading) -> Result<DocumentAnalysis, ProviderError> {
    let fields = to_document_fields(document);
    let findings: Vec<Finding> = document.findings.iter().map(to_api_finding).collect();
    let found = &document.fields;
    let date = |date: Option<Date>| date.map(|date| date.to_string());
    let analysis = json!({
        "source": source_word(document.source),
        "authenticity": fields.authenticity,
        "surname": found.surname,
        "given_names": found.given_names,
        "nationality": found.nationality,
        "issuing_state": found.issuing_state,
        "other_numbers": found.other_numbers,
        "issued": date(found.issued),
        "expires": date(found.expiry),
        "fields": fields,
    });
    let analysis = to_raw_value(&analysis).map_err(|error| ProviderError::failed(error.to_string()))?;
    Ok(DocumentAnalysis { model: ENGINE_NAME.to_owned(), analysis, fields, usage: TokenUsage::default(), findings })
}

const fn source_word(source: FieldSource) -> &'static str {
    match source {
        FieldSource::Mrz => "machine_readable_zone",
        FieldSource::Barcode => "barcode",
        FieldSource::Print => "print",
        FieldSource::Nothing => "nothing",
    }
}

fn to_document_fields(document: &DocumentReading) -> DocumentFields {
    let ReadFields { name, document_number, document_type, address, issuing_state, sex, date_of_birth, .. } =
        &document.fields;
    DocumentFields {
        name: name.clone(),
        document_number: document_number.clone(),
        country: country::code(issuing_state).unwrap_or_default().to_owned(),
        document_type: document_type.clone(),
        address: address.clone(),
        gender: match sex {
            Some(Sex::Male) => "male".to_owned(),
            Some(Sex::Female) => "female".to_owned(),
            Some(Sex::Unspecified) => "unknown".to_owned(),
            None => String::new(),
        },
        date_of_birth: date_of_birth.map(|date| format!("{date} 00:00:00.000Z")).unwrap_or_default(),
        authenticity: match document.authenticity {
            Authenticity::Authentic => "authentic",
            Authenticity::Suspicious => "suspicious",
            Authenticity::Unknown => "unknown",
        }
        .to_owned(),
    }
}

/// The API's form of an engine's finding.
#[must_use]
pub fn to_api_finding(found: &vision::finding::Finding) -> Finding {
    Finding {
        code: found.code.to_owned(),
        outcome: match found.outcome {
            vision::finding::Outcome::Pass => Outcome::Pass,
            vision::finding::Outcome::Fail => Outcome::Fail,
            vision::finding::Outcome::Warn => Outcome::Warn,
            vision::finding::Outcome::NotApplicable => Outcome::NotApplicable,
        },
        message: found.message.clone(),
        evidence: found.evidence.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
    }
}

//! Reading here, with no one else: text, machine-readable zones and barcodes, and what follows from them.
//!
//! What is checked, and how much it is worth, stands in docs/local-engines.md.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::tz::TimeZone;
use serde_json::json;
use serde_json::value::to_raw_value;
use vision::document::{Authenticity, Date, DocumentReading, FieldSource, ReadFields};
use vision::mrz::Sex;

use super::picture::decoded;
use super::{DocumentReader, Sides};
use crate::clock::Clock;
use crate::domain::checks::{Finding, Outcome};
use crate::domain::country;
use crate::domain::reading::{DocumentFields, Hints, Reading, Usage};
use crate::providers::http_call::ProviderError;
use crate::providers::local_engines::{self, Engines};
use crate::records::time::Millis;

/// The longest side that a picture of a document or a face is looked at with, in pixels.
pub const PICTURE_SIDE: u32 = 2_600;

/// The local reader.
pub struct LocalReader {
    engines: Arc<Engines>,
    clock: Clock,
}

impl LocalReader {
    /// The reader that those engines make.
    #[must_use]
    pub fn new(engines: Arc<Engines>, clock: Clock) -> Self {
        Self { engines, clock }
    }
}

#[async_trait]
impl DocumentReader for LocalReader {
    /// Hints are of no use to it: it reads what is there.
    async fn read(&self, sides: Sides, _: &Hints) -> Result<Reading, ProviderError> {
        let today = today(self.clock.now());
        let reading = move |engines: &Engines| {
            let undecodable = |_| ProviderError::failed("the picture does not decode");
            let front = decoded(sides.front.file, PICTURE_SIDE)?.map_err(undecodable)?;
            let back = sides.back.map(|back| decoded(back.file, PICTURE_SIDE)).transpose()?;
            let back = back.transpose().map_err(undecodable)?;
            let by = vision::document::DocumentEngines { text: &engines.text, faces: &engines.faces };
            Ok(vision::document::read_document(&by, &front, back.as_ref(), today)?)
        };
        reading_of(&self.engines.run(reading).await?)
    }

    async fn look(&self) -> Result<(), ProviderError> {
        Ok(())
    }
}

/// The date in UTC, as documents' dates are held against it.
#[must_use]
pub fn today(now: Millis) -> Date {
    let now = jiff::Timestamp::from_millisecond(now.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let date = TimeZone::UTC.to_datetime(now).date();
    let part = |number: i8| number.unsigned_abs();
    let date = Date::new(date.year().unsigned_abs(), part(date.month()), part(date.day()));
    date.expect("a calendar has no day that there is not")
}

fn reading_of(document: &DocumentReading) -> Result<Reading, ProviderError> {
    let fields = fields(document);
    let findings: Vec<Finding> = document.findings.iter().map(finding).collect();
    let found = &document.fields;
    let date = |date: Option<Date>| date.map(|date| date.to_string());
    let analysis = json!({
        "source": source(document.source),
        "authenticity": fields.authenticity,
        "surname": found.surname,
        "given_names": found.given_names,
        "nationality": found.nationality,
        "issuing_state": found.issuing_state,
        "issued": date(found.issued),
        "expires": date(found.expiry),
        "fields": fields,
    });
    let analysis = to_raw_value(&analysis).map_err(|error| ProviderError::failed(error.to_string()))?;
    Ok(Reading { model: local_engines::NAME.to_owned(), analysis, fields, usage: Usage::default(), findings })
}

const fn source(source: FieldSource) -> &'static str {
    match source {
        FieldSource::Mrz => "machine_readable_zone",
        FieldSource::Barcode => "barcode",
        FieldSource::Print => "print",
        FieldSource::Nothing => "nothing",
    }
}

fn fields(document: &DocumentReading) -> DocumentFields {
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

/// A finding of the engines' in the words of the API.
#[must_use]
pub fn finding(found: &vision::finding::Finding) -> Finding {
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

//! The document check: whether the document agrees with itself.

use vision::document::{Date, DocumentReading, FieldSource, ReadFields};
use vision::mrz::Sex;

use super::images::ObservedImages;
use crate::domain::{LINE, country};
use crate::providers::documents::local::to_api_finding;
use crate::providers::local_engines::{ENGINE_NAME, LocalEngines};
use crate::records::checks::{Assurance, Check, CheckKind, DocumentSource, Outcome, SourceReading};

/// Checks what the local engines have read from the document. Another reader may have read it for the person.
pub(super) fn check_document(engines: &LocalEngines, observed: &ObservedImages) -> Check {
    let check = |outcome, assurance, message: &str, findings| Check {
        check: CheckKind::Document,
        outcome,
        score: None,
        threshold: None,
        engine: ENGINE_NAME.to_owned(),
        weights: engines.text_weights(),
        assurance,
        message: message.to_owned(),
        findings,
        readings: observed.document.as_ref().map(list_readings).unwrap_or_default(),
        eyes: Vec::new(),
    };
    let Some(document) = &observed.document else {
        return check(
            Outcome::Warn,
            Assurance::Model,
            "There is no picture of the document that can be read",
            Vec::new(),
        );
    };
    let is_specimen = document
        .findings
        .iter()
        .any(|found| found.code == "specimen" && found.outcome == vision::finding::Outcome::Warn);
    let (outcome, message) = match document.authenticity {
        vision::document::Authenticity::Authentic if is_specimen => {
            (Outcome::Warn, "It agrees with itself, and says that it is a specimen: no real document")
        }
        vision::document::Authenticity::Authentic => {
            (Outcome::Pass, "The machine-readable part holds and agrees with what is printed")
        }
        vision::document::Authenticity::Suspicious => (Outcome::Fail, "Something contradicts itself; see the findings"),
        vision::document::Authenticity::Unknown => {
            (Outcome::Warn, "Nothing contradicts itself; what keeps it from being called authentic is in the findings")
        }
    };
    let assurance = if document.is_proven { Assurance::Optical } else { Assurance::Model };
    check(outcome, assurance, message, document.findings.iter().map(to_api_finding).collect())
}

/// What each part of the document says, under the names of the record's fields.
fn list_readings(document: &DocumentReading) -> Vec<SourceReading> {
    let readings = document.readings.iter().filter_map(|reading| {
        let source = match reading.source {
            FieldSource::Mrz => DocumentSource::Mrz,
            FieldSource::Barcode => DocumentSource::Barcode,
            FieldSource::Print => DocumentSource::Print,
            FieldSource::Nothing => return None,
        };
        Some(SourceReading { source, fields: to_texts(&reading.fields) })
    });
    readings.filter(|reading| !reading.fields.is_empty()).collect()
}

fn to_texts(fields: &ReadFields) -> std::collections::BTreeMap<String, String> {
    let date = |date: Option<Date>| date.map(|date| date.to_string()).unwrap_or_default();
    let gender = match fields.sex {
        Some(Sex::Male) => "male",
        Some(Sex::Female) => "female",
        Some(Sex::Unspecified) | None => "",
    };
    let texts = [
        ("name", fields.name.clone()),
        ("document_number", fields.document_number.clone()),
        ("date_of_birth", date(fields.date_of_birth)),
        ("expiry_date", date(fields.expiry)),
        ("gender", gender.to_owned()),
        ("country", country::code(&fields.issuing_state).unwrap_or_default().to_owned()),
        ("nationality", fields.nationality.clone()),
        ("address", fields.address.clone()),
    ];
    let known = texts.into_iter().filter(|(_, text)| !text.is_empty());
    known.map(|(name, text)| (name.to_owned(), text.chars().take(LINE).collect())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_a_source_are_bounded_and_empty_ones_are_left_out() {
        let fields = ReadFields {
            name: "Ä".repeat(10_000),
            issuing_state: "D".to_owned(),
            sex: Some(Sex::Unspecified),
            expiry: Date::new(2031, 2, 28),
            ..ReadFields::default()
        };
        let texts = to_texts(&fields);
        assert_eq!(texts["name"].chars().count(), LINE);
        assert_eq!(texts.keys().map(String::as_str).collect::<Vec<_>>(), ["country", "expiry_date", "name"]);
        assert_eq!((texts["country"].as_str(), texts["expiry_date"].as_str()), ("DE", "2031-02-28"));
    }
}

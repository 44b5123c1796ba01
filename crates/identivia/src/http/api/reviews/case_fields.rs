//! The fields of a case: what the profile and the record say and what was read, masked by who looks.

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::domain::breakdown::KnownChecks;
use crate::http::error::ApiError;
use crate::records::FieldMap;
use crate::records::checks::{Check, CheckKind, DocumentSource, Outcome, SourceReading};
use crate::records::masking::{Mask, mask_text};
use crate::records::profile::Profile;
use crate::records::verification_record::VerificationRecord;

/// The fields of the profile and of the record in a case, and how each is masked.
const MASKS: [(&str, Option<Mask>); 19] = [
    ("user_id", Some(Mask::Hide)),
    ("name", Some(Mask::Initials)),
    ("document_number", Some(Mask::LastThree)),
    ("document_name", Some(Mask::Hide)),
    ("email", Some(Mask::Hide)),
    ("phone_number", Some(Mask::Hide)),
    ("address", Some(Mask::Hide)),
    ("gender", Some(Mask::Hide)),
    ("date_of_birth", Some(Mask::YearOnly)),
    ("place_of_birth", Some(Mask::Hide)),
    ("expiry_date", Some(Mask::YearOnly)),
    ("nationality", Some(Mask::Hide)),
    ("ip_address", Some(Mask::Hide)),
    ("observed_ip", Some(Mask::Hide)),
    ("document_type", None),
    ("country", None),
    ("language", None),
    ("liveness_status", None),
    ("fingerprint_status", None),
];
/// What the holder of a review sees without a mask.
const SHOWN_TO_HOLDER: [&str; 5] = ["name", "date_of_birth", "gender", "expiry_date", "nationality"];

/// How much of a case the caller sees.
#[derive(Clone, Copy)]
pub(super) struct CaseView {
    /// Nothing is masked: a company's server.
    pub(super) is_whole: bool,
    /// The caller holds the review.
    pub(super) is_held: bool,
    pub(super) shows_images: bool,
}

/// Fields that were read from one part of the document, as that part says them.
#[derive(Serialize, ToSchema)]
#[schema(as = ReadSource)]
pub(super) struct ReadSource {
    /// Of a record that was checked before each part was kept: the part that proves what was read, else print.
    source: DocumentSource,
    /// By name, masked.
    #[schema(value_type = Object)]
    fields: Map<String, Value>,
}

/// One value, as the caller may see it.
fn shown_value(name: &str, mask: Option<Mask>, value: &str, view: CaseView) -> Value {
    let is_open = view.is_whole || (view.is_held && SHOWN_TO_HOLDER.contains(&name));
    match mask {
        Some(mask) if !is_open && !value.is_empty() => mask_text(value, mask).into(),
        _ => value.into(),
    }
}

/// The fields of the table that a record has.
fn shown_fields(fields: &FieldMap, view: CaseView) -> Map<String, Value> {
    let shown = MASKS.iter().filter_map(|(name, mask)| {
        let value = fields.get(name)?.as_str().unwrap_or_default();
        Some(((*name).to_owned(), shown_value(name, *mask, value, view)))
    });
    shown.collect()
}

/// What the profile says.
pub(super) fn shown_profile(profile: &Profile, view: CaseView) -> Result<Map<String, Value>, ApiError> {
    Ok(shown_fields(&crate::records::to_fields(profile).map_err(ApiError::internal)?, view))
}

/// What the person sent.
pub(super) fn shown_record(record: &VerificationRecord, view: CaseView) -> Result<Map<String, Value>, ApiError> {
    let fields = crate::records::to_fields(record).map_err(ApiError::internal)?;
    let mut shown = shown_fields(&fields, view);
    for name in ["liveness_confidence", "liveness_confirmed_by"] {
        shown.insert(name.to_owned(), fields.get(name).cloned().unwrap_or_default());
    }
    Ok(shown)
}

/// What was read of the document, part by part.
pub(super) fn list_read_sources(checks: &KnownChecks, view: CaseView) -> Vec<ReadSource> {
    let KnownChecks::Done(checks) = checks else { return Vec::new() };
    let document = checks.iter().find(|check| check.check == CheckKind::Document);
    let readings = document.map(|check| check.readings.as_slice()).unwrap_or_default();
    if readings.is_empty() {
        return list_compared_values(checks, view);
    }
    readings.iter().map(|reading| shown_reading(reading, view)).collect()
}

fn shown_reading(reading: &SourceReading, view: CaseView) -> ReadSource {
    let shown = MASKS.iter().filter_map(|(name, mask)| {
        let value = reading.fields.get(*name)?;
        Some(((*name).to_owned(), shown_value(name, *mask, value, view)))
    });
    ReadSource { source: reading.source, fields: shown.collect() }
}

/// The values with which the record's were compared: all that is known of a record that was checked before each part was kept.
fn list_compared_values(checks: &[Check], view: CaseView) -> Vec<ReadSource> {
    let of_kind = |kind| checks.iter().find(|check: &&Check| check.check == kind);
    let Some(agreement) = of_kind(CheckKind::DataAgreement) else { return Vec::new() };
    let mut fields = Map::new();
    for found in &agreement.findings {
        let read = found.evidence.get("read").and_then(Value::as_str).unwrap_or_default();
        if let Some((name, mask)) = MASKS.iter().find(|(name, _)| *name == found.code && !read.is_empty()) {
            fields.insert((*name).to_owned(), shown_value(name, *mask, read, view));
        }
    }
    let passes = |code: &str| {
        let findings = of_kind(CheckKind::Document).into_iter().flat_map(|check| &check.findings);
        findings.into_iter().any(|found| found.code == code && found.outcome == Outcome::Pass)
    };
    let source = match (passes("mrz_check_digits"), passes("barcode_matches_print")) {
        (true, _) => DocumentSource::Mrz,
        (false, true) => DocumentSource::Barcode,
        (false, false) => DocumentSource::Print,
    };
    if fields.is_empty() { Vec::new() } else { vec![ReadSource { source, fields }] }
}

/// The checks, as the caller may see them. Texts and lists in the evidence may hold what the document says.
pub(super) fn shown_checks(checks: &KnownChecks, view: CaseView) -> Result<Value, ApiError> {
    let KnownChecks::Done(checks) = checks else { return Ok(json!([])) };
    let mut shown = checks.clone();
    for check in &mut shown {
        if !view.is_whole {
            // They stand in `read`, masked.
            check.readings.clear();
        }
        if !view.shows_images {
            check.eyes.clear();
        }
    }
    for found in shown.iter_mut().flat_map(|check| &mut check.findings).filter(|_| !view.is_whole) {
        found.evidence.retain(|_, value| view.is_held && (value.is_number() || value.is_boolean()));
    }
    serde_json::to_value(shown).map_err(ApiError::internal)
}

//! Verification records: the evidence of one attempt, written once and never changed by its maker.

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::fingerprint::{DeviceCheck, event_of};
use super::liveness::{Claim, Confirmed};
use super::profile::FileField;
use crate::records::checks::Check;
use crate::records::id::RecordId;
use crate::records::status_word::{StatusWord, VerificationStatus};
use crate::records::time::Millis;
use crate::records::verification_record::{ChecksStatus, VerificationRecord};

/// The files a record is made with, in the order they are asked for.
pub const FILES: [FileField; 3] = [FileField::FacialPhoto, FileField::DocumentFront, FileField::DocumentBack];

/// The files a record of that document cannot do without: a passport has no back.
#[must_use]
pub fn required_files(document_type: &str) -> &'static [FileField] {
    if document_type.eq_ignore_ascii_case("passport") { &FILES[..2] } else { &FILES }
}

/// What is known when a record is made. Unknown texts are `None`.
#[derive(Clone, Debug)]
pub struct Evidence {
    pub document_type: String,
    pub document_number: Option<String>,
    pub country: Option<String>,
    pub name: Option<String>,
    pub address: Option<String>,
    pub gender: Option<String>,
    /// `YYYY-MM-DD`.
    pub date_of_birth: Option<String>,
    pub place_of_birth: Option<String>,
    /// Fingerprint visitor data as it was sent: a claim.
    pub fingerprint: Option<String>,
    /// The outcome of checking it.
    pub device: DeviceCheck,
    pub ip_address: Option<String>,
    /// The address that this server saw.
    pub observed_ip: Option<String>,
    /// What the caller said of liveness, its session id among it.
    pub claim: Claim,
    pub confirmed: Confirmed,
}

impl Evidence {
    /// The record of this evidence, whose checks are pending.
    #[must_use]
    pub fn into_record(self, id: RecordId, profile: RecordId, created_by: &str, now: Millis) -> VerificationRecord {
        let Self { claim, confirmed, device, .. } = self;
        VerificationRecord {
            id,
            profile,
            status: VerificationStatus::Pending.into(),
            liveness_session_id: claim.session_id,
            liveness_confidence: confirmed.confidence,
            liveness_status: confirmed.status,
            liveness_confirmed_by: confirmed.by.word().to_owned(),
            claimed_liveness_confidence: claim.confidence,
            claimed_liveness_status: claim.status,
            document_type: self.document_type,
            document_number: self.document_number,
            country: self.country,
            name: self.name,
            address: self.address,
            gender: self.gender,
            date_of_birth: self.date_of_birth,
            place_of_birth: self.place_of_birth,
            ip_address: self.ip_address,
            observed_ip: self.observed_ip,
            facial_photo: String::new(),
            document_front: String::new(),
            document_back: String::new(),
            document_front_editor: None,
            document_back_editor: None,
            created: now,
            updated: now,
            fingerprint_status: device.status_word().to_owned(),
            fingerprint_event: event_of(&device.event),
            checks_status: Some(ChecksStatus::Pending),
            checks: None,
            checks_due: Some(now),
            checks_attempts: None,
            fingerprint: self.fingerprint,
            face_templates: None,
            created_by: Some(created_by.to_owned()),
            session_claim: None,
        }
    }
}

/// The newest record as `GET /api/profiles/:id` shows it. Unknown values are `null`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VerificationSummary)]
pub struct Summary {
    pub id: RecordId,
    pub profile: RecordId,
    pub status: StatusWord,
    pub liveness_session_id: String,
    #[schema(required = true)]
    pub liveness_confidence: Option<f64>,
    #[schema(required = true)]
    pub liveness_status: Option<String>,
    #[schema(required = true)]
    pub document_type: Option<String>,
    #[schema(required = true)]
    pub name: Option<String>,
    #[schema(required = true)]
    pub document_number: Option<String>,
    #[schema(required = true)]
    pub country: Option<String>,
    pub created: Millis,
    pub updated: Millis,
    /// How far the checks on it are; `null` for a record made before there were checks.
    #[schema(required = true)]
    pub checks_status: Option<ChecksStatus>,
    /// What they found, once they are done. With a machine token only.
    #[schema(value_type = Option<Vec<Check>>, required = true)]
    pub checks: Option<Box<RawValue>>,
}

impl Summary {
    /// The summary of a record.
    #[must_use]
    pub fn new(record: VerificationRecord) -> Self {
        let known = |text: String| Some(text).filter(|text| !text.is_empty());
        Self {
            id: record.id,
            profile: record.profile,
            status: record.status,
            liveness_session_id: record.liveness_session_id,
            liveness_confidence: record.liveness_confidence,
            liveness_status: known(record.liveness_status),
            document_type: known(record.document_type),
            name: record.name,
            document_number: record.document_number,
            country: record.country,
            created: record.created,
            updated: record.updated,
            checks_status: record.checks_status,
            checks: record.checks,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_passport_needs_no_back() {
        assert!(!required_files("Passport").contains(&FileField::DocumentBack));
        assert!(required_files("national_id").contains(&FileField::DocumentBack));
    }
}

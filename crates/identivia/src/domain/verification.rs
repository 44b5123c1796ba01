//! Verification records: the evidence of one attempt, written once and never changed by its maker.

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::checks::{Check, ChecksStatus};
use super::fingerprint::{DeviceCheck, event_of};
use super::liveness::{Claim, Confirmed};
use super::profile::FileField;
use crate::records::id::RecordId;
use crate::records::time::Millis;

/// The status of a new record, until a reviewer or a rule decides.
pub const FIRST_STATUS: &str = "pending";

/// The files a record is made with, in the order they are asked for.
pub const FILES: [FileField; 3] = [FileField::FacialPhoto, FileField::DocumentFront, FileField::DocumentBack];

/// The files a record of that document cannot do without: a passport has no back.
#[must_use]
pub fn required_files(document_type: &str) -> &'static [FileField] {
    if document_type.eq_ignore_ascii_case("passport") { &FILES[..2] } else { &FILES }
}

/// What is known when a record is made. Empty text means unknown.
#[derive(Clone, Debug)]
pub struct Evidence {
    pub document_type: String,
    pub document_number: String,
    pub country: String,
    pub name: String,
    pub address: String,
    pub gender: String,
    /// `YYYY-MM-DD` or empty.
    pub date_of_birth: String,
    /// Fingerprint visitor data as it was sent: a claim.
    pub fingerprint: String,
    /// What came of checking it.
    pub device: DeviceCheck,
    pub ip_address: String,
    /// What the caller said of liveness, its session id among it.
    pub claim: Claim,
    pub confirmed: Confirmed,
}

/// A record to be written, with its files in place.
#[derive(Clone, Debug)]
pub struct NewVerification {
    pub id: RecordId,
    pub profile: RecordId,
    pub evidence: Evidence,
    pub facial_photo: String,
    pub document_front: String,
    pub document_back: String,
    pub created_by: String,
    pub created: Millis,
}

/// A stored record as the API shows it. What counts stands in `liveness_*`, what was claimed in `claimed_*`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VerificationRecord {
    pub id: RecordId,
    pub profile: RecordId,
    pub status: String,
    pub liveness_session_id: String,
    pub liveness_confidence: Option<f64>,
    pub liveness_status: String,
    /// `provider` or `machine_token`.
    pub liveness_confirmed_by: String,
    pub claimed_liveness_confidence: Option<f64>,
    pub claimed_liveness_status: String,
    pub document_type: String,
    pub document_number: String,
    pub country: String,
    pub name: String,
    pub address: String,
    pub gender: String,
    pub date_of_birth: String,
    pub ip_address: String,
    pub facial_photo: String,
    pub document_front: String,
    pub document_back: String,
    pub created: Millis,
    pub updated: Millis,
    /// What Fingerprint says of the visitor data that was sent: `confirmed`, `contradicted`, `stale`, `unknown`, `failed` or
    /// `unchecked`. With a machine token only.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub fingerprint_status: String,
    /// Its event, when it was fetched. With a machine token only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, nullable = false)]
    pub fingerprint_event: Option<Box<RawValue>>,
    /// How far the checks on it are: `pending`, `done` or `failed`; `null` for a record made before there were checks.
    #[serde(serialize_with = "super::profile::null_if_empty")]
    #[schema(value_type = Option<String>)]
    pub checks_status: String,
    /// What they found, once they are done. With a machine token only.
    #[schema(value_type = Option<Vec<Check>>)]
    pub checks: Option<Box<RawValue>>,
}

impl VerificationRecord {
    /// The record as the person's browser may see it: without what was found out about that browser, and without scores
    /// that somebody could try to raise.
    #[must_use]
    pub fn for_browser(self) -> Self {
        Self { fingerprint_status: String::new(), fingerprint_event: None, checks: None, ..self }
    }
}

impl NewVerification {
    /// The stored name of one of its files; empty where there is none.
    #[must_use]
    pub fn file(&self, field: FileField) -> &str {
        match field {
            FileField::FacialPhoto => &self.facial_photo,
            FileField::DocumentFront => &self.document_front,
            FileField::DocumentBack => &self.document_back,
            FileField::FacialVideo => "",
        }
    }

    /// The record as it stands once it is stored.
    #[must_use]
    pub fn into_record(self) -> VerificationRecord {
        let Evidence { claim, confirmed, .. } = self.evidence;
        VerificationRecord {
            id: self.id,
            profile: self.profile,
            status: FIRST_STATUS.to_owned(),
            liveness_session_id: claim.session_id,
            liveness_confidence: confirmed.confidence,
            liveness_status: confirmed.status,
            liveness_confirmed_by: confirmed.by.word().to_owned(),
            claimed_liveness_confidence: claim.confidence,
            claimed_liveness_status: claim.status,
            document_type: self.evidence.document_type,
            document_number: self.evidence.document_number,
            country: self.evidence.country,
            name: self.evidence.name,
            address: self.evidence.address,
            gender: self.evidence.gender,
            date_of_birth: self.evidence.date_of_birth,
            ip_address: self.evidence.ip_address,
            facial_photo: self.facial_photo,
            document_front: self.document_front,
            document_back: self.document_back,
            created: self.created,
            updated: self.created,
            fingerprint_status: self.evidence.device.status_word().to_owned(),
            fingerprint_event: event_of(&self.evidence.device.event),
            checks_status: ChecksStatus::Pending.word().to_owned(),
            checks: None,
        }
    }
}

/// The newest record as `GET /api/profiles/:id` shows it. Unknown values are `null`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Summary {
    pub id: RecordId,
    pub profile: RecordId,
    pub status: String,
    pub liveness_session_id: String,
    pub liveness_confidence: Option<f64>,
    #[serde(serialize_with = "super::profile::null_if_empty")]
    #[schema(value_type = Option<String>)]
    pub liveness_status: String,
    #[serde(serialize_with = "super::profile::null_if_empty")]
    #[schema(value_type = Option<String>)]
    pub document_type: String,
    #[serde(serialize_with = "super::profile::null_if_empty")]
    #[schema(value_type = Option<String>)]
    pub name: String,
    #[serde(serialize_with = "super::profile::null_if_empty")]
    #[schema(value_type = Option<String>)]
    pub document_number: String,
    #[serde(serialize_with = "super::profile::null_if_empty")]
    #[schema(value_type = Option<String>)]
    pub country: String,
    pub created: Millis,
    pub updated: Millis,
    /// How far the checks on it are: `pending`, `done` or `failed`; `null` for a record made before there were checks.
    #[serde(serialize_with = "super::profile::null_if_empty")]
    #[schema(value_type = Option<String>)]
    pub checks_status: String,
    /// What they found, once they are done. With a machine token only.
    #[schema(value_type = Option<Vec<Check>>)]
    pub checks: Option<Box<RawValue>>,
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

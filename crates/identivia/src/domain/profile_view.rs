//! A profile as the API answers it: whole, and as an entry of a list.

use serde::Serialize;
use utoipa::ToSchema;

use super::verification::Summary;
use crate::records::id::RecordId;
use crate::records::profile::{Consent, Profile};
use crate::records::status_word::{StatusWord, VerificationStatus};
use crate::records::time::Millis;
use crate::records::verification_record::VerificationRecord;

/// The language of a profile for which none was given.
const DEFAULT_LANGUAGE: &str = "en";

/// What `GET /api/profiles/:id` answers under `data`. Unknown values are `null`.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProfileView {
    #[schema(required = true)]
    pub name: Option<String>,
    #[schema(required = true)]
    pub document_type: Option<String>,
    #[schema(required = true)]
    pub document_number: Option<String>,
    #[schema(required = true)]
    pub country: Option<String>,
    #[schema(required = true)]
    pub language: Option<String>,
    pub verification_status: VerificationStatus,
    pub status: StatusWord,
    #[schema(required = true)]
    pub security_level: Option<String>,
    #[serde(rename = "createdAt")]
    pub created_at: Millis,
    #[schema(required = true)]
    pub verification_history: Option<Summary>,
    /// What the person has agreed to on their page; `null` until then.
    #[schema(required = true)]
    pub consent: Option<Consent>,
}

impl ProfileView {
    /// The answer for a profile and the verification record that it shows. Once decided, the profile shows the data of the
    /// record that the decision is about: what was added later was not reviewed.
    #[must_use]
    pub fn new(mut profile: Profile, shown: Option<VerificationRecord>) -> Self {
        if let Some(decided) = shown.as_ref().filter(|record| profile.shown_decision() == Some(record.id)) {
            profile.take_data_of(decided);
        }
        Self {
            status: profile.recorded_status.unwrap_or_else(|| profile.verification_status.into()),
            name: profile.name,
            document_type: profile.document_type,
            document_number: profile.document_number,
            country: profile.country,
            language: Some(profile.language.unwrap_or_else(|| DEFAULT_LANGUAGE.to_owned())),
            verification_status: profile.verification_status,
            security_level: profile.security_level,
            created_at: profile.created,
            verification_history: shown.map(Summary::new),
            consent: profile.consent,
        }
    }
}

/// One entry of `GET /api/profiles`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "abc123def456ghi", "userID": "user-12345", "team": "acme", "name": "John Doe", "document_type": "passport",
    "document_number": "A12345678", "country": "US", "verification_status": "unverified", "status": "pending",
    "createdAt": "2026-03-21 00:00:00.000Z", "updated": "2026-03-21 00:00:00.000Z",
}))]
pub struct ProfileEntry {
    pub id: RecordId,
    #[serde(rename = "userID")]
    pub user_id: String,
    #[schema(required = true)]
    pub team: Option<String>,
    #[schema(required = true)]
    pub name: Option<String>,
    #[schema(required = true)]
    pub document_type: Option<String>,
    #[schema(required = true)]
    pub document_number: Option<String>,
    #[schema(required = true)]
    pub country: Option<String>,
    pub verification_status: VerificationStatus,
    pub status: StatusWord,
    #[serde(rename = "createdAt")]
    pub created_at: Millis,
    pub updated: Millis,
}

impl From<Profile> for ProfileEntry {
    fn from(profile: Profile) -> Self {
        Self {
            id: profile.id,
            user_id: profile.user_id,
            team: Some(profile.team).filter(|team| !team.is_empty()),
            name: profile.name,
            document_type: profile.document_type,
            document_number: profile.document_number,
            country: profile.country,
            verification_status: profile.verification_status,
            status: profile.recorded_status.unwrap_or_else(|| profile.verification_status.into()),
            created_at: profile.created,
            updated: profile.updated,
        }
    }
}
